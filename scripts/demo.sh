#!/bin/sh
# Starts the demo store in ./demo, or continues it.
set -eu

store=target/dist/cloudshell-store
dir=demo
addr=${DEMO_ADDR:-127.0.0.1:8080}

if [ ! -e "$dir/key-envelope" ]; then
    "$store" init --dir "$dir" --no-passphrase
fi

cat <<END

The demo store is in ./$dir, with nine agents on this machine. Ctrl-C ends the daemon; the agents stay
and the next 'make demo' finds them. In another terminal, try:

  export PATH="\$PWD/target/dist:\$PATH" CLOUDSHELL_STORE_URL=http://$addr
  cloudshell-store status
  cloudshell-store put README.md docs/format.md notes/     # files into the folder notes
  cloudshell-store put -r docs                             # a whole directory
  cloudshell-store ls -l -r
  cloudshell-store stat notes/README.md                    # where every shard is
  scripts/agents.sh pause $dir local-1 local-5 local-9      # three nodes fall silent
  cloudshell-store cat notes/README.md                     # and the file still comes back
  scripts/agents.sh resume $dir                            # they return

'make demo-end' ends the agents; removing ./$dir removes everything.

END
exec "$store" serve --dir "$dir" --addr "$addr" --nodes local:9
