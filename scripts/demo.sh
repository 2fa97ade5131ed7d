#!/bin/sh
# Starts the demo store in ./demo on nine emulated regions, or continues it.
set -eu

store=target/dist/cloudshell-store
dir=demo
addr=${DEMO_ADDR:-127.0.0.1:8080}
emulator=${DEMO_EMULATOR_ADDR:-127.0.0.1:4566}

cat <<END

The demo store is in ./$dir, on nine regions of an emulated CloudShell. Ctrl-C ends it; the next 'make demo' finds the
regions asleep, with their shards. In another terminal, try:

  export PATH="\$PWD/target/dist:\$PATH" CLOUDSHELL_STORE_URL=http://$addr
  cloudshell-store status
  cloudshell-store put README.md docs/format.md notes/     # files into the folder notes
  cloudshell-store put -r docs                             # a whole directory
  cloudshell-store ls -l -r
  cloudshell-store stat notes/README.md                    # where every shard is
  scripts/break.sh suspend us-east-1 eu-west-1 sa-east-1   # three regions vanish
  cloudshell-store cat notes/README.md                     # and the file still comes back
  cloudshell-store region sleep us-east-2                  # regions sleep, and wake when they are wanted
  cloudshell-store region ls                               # hours used this month, and how long homes are kept

Removing ./$dir removes everything.

END
exec "$store" demo --dir "$dir" --addr "$addr" --emulator-addr "$emulator"
