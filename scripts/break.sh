#!/bin/sh
# Breaks regions of a running demo, to see what happens.
#   break.sh suspend|kill|cut|wipe REGION…     falls asleep; its processes die; its terminals are cut; its home is emptied
set -eu

usage() { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
case $1 in
    suspend) command=suspend ;;
    kill) command=kill_processes ;;
    cut) command=drop_sockets ;;
    wipe) command=wipe_homes ;;
    *) usage ;;
esac
shift
for region in "$@"; do
    curl -fsS -H 'content-type: application/json' -d "{\"command\":\"$command\",\"region\":\"$region\"}" \
        "http://${DEMO_EMULATOR_ADDR:-127.0.0.1:4566}/_emulator/command" >/dev/null
    echo "$region: $command"
done
