"""Lends sessions to a terminal program that cannot make its own, and compares what it prints; over a bad line, too.

    lend_terminal.py PROGRAM…      run as: PROGRAM… COMMAND < answer of createSession
"""

import os
import random
import sys

import cloudshell

GOOD_LINE, BAD_LINE = "eu-north-1", "ap-east-1"
COMMANDS = {
    "echo hello; printf '%s' \"$AWS_EXECUTION_ENV\"; stty size": "hello\r\nCloudShell24 80\r\n",
    'for i in $(seq 20000); do echo "€uro $i"; done': "".join(f"€uro {i}\r\n" for i in range(1, 20001)),
}


def make_bad(region):
    """Doubles, delays and reorders messages in both directions.

    Nothing is lost: to a client that acknowledges nothing twice, like the session-manager-plugin, the agent would resend
    a message whose acknowledgement is lost for ever, and never get to the next one.
    """
    seed = int(os.environ.get("TEST_SEED") or random.getrandbits(32))
    print(f"TEST_SEED={seed}")
    faults = {
        "duplication_permille": 50,
        "reordering_permille": 50,
        "delay_ms": 1,
        "jitter_ms": 3,
        "seed": seed,
    }
    for toward in ["client", "agent"]:
        cloudshell.pull("set_line", region=region, toward=toward, faults=faults)


def check(region, terminal):
    """Ends with a message if a command prints something else than it should."""
    client = cloudshell.client(region)
    environment = cloudshell.running(client)
    for command, expected in COMMANDS.items():
        with cloudshell.open_session(client, environment) as made:
            printed = cloudshell.run_in_terminal(made, command, terminal)
        if printed != expected.encode():
            start = printed[:200].decode(errors="replace")
            sys.exit(f"{command!r} printed {len(printed)} bytes in {region}, wrong ones; they begin with {start!r}")


def main(terminal):
    check(GOOD_LINE, terminal)
    make_bad(BAD_LINE)
    check(BAD_LINE, terminal)


if __name__ == "__main__":
    main(sys.argv[1:])
