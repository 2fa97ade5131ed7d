#!/bin/sh
# Pauses, resumes or ends the local agents of a store, to see what happens.
#   agents.sh pause|resume|end STORE_DIR [NODE…]      all nodes, if none is named
set -eu

usage() { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
case $1 in
    pause) signal=STOP ;;
    resume) signal=CONT ;;
    end) signal=TERM ;;
    *) usage ;;
esac
dir=$2
shift 2
[ $# -gt 0 ] || set -- $(ls "$dir/nodes" 2>/dev/null)

for node in "$@"; do
    for file in "$dir/nodes/$node"/.cloudshell-store/*/agent.pid; do
        [ -e "$file" ] || continue
        pid=$(cat "$file")
        if kill -"$signal" "$pid" 2>/dev/null; then
            # A paused process ends only when it goes on.
            [ "$signal" != TERM ] || kill -CONT "$pid" 2>/dev/null || true
            echo "$node: $signal sent to process $pid"
        else
            echo "$node: no agent is running"
        fi
    done
done
