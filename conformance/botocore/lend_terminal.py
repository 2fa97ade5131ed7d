"""Lends sessions to a terminal program that cannot make its own, and compares what it prints.

    lend_terminal.py PROGRAM…      run as: PROGRAM… COMMAND < answer of createSession
"""

import sys

import cloudshell

REGION = "eu-north-1"
COMMANDS = {
    "echo hello; printf '%s' \"$AWS_EXECUTION_ENV\"; stty size": "hello\r\nCloudShell24 80\r\n",
    'for i in $(seq 20000); do echo "€uro $i"; done': "".join(f"€uro {i}\r\n" for i in range(1, 20001)),
}


def main(terminal):
    client = cloudshell.client(REGION)
    environment = cloudshell.running(client)
    for command, expected in COMMANDS.items():
        with cloudshell.open_session(client, environment) as made:
            printed = cloudshell.run_in_terminal(made, command, terminal)
        if printed != expected.encode():
            start = printed[:200].decode(errors="replace")
            sys.exit(f"{command!r} printed {len(printed)} bytes that should be others; they begin with {start!r}")


if __name__ == "__main__":
    main(sys.argv[1:])
