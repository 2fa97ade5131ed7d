"""botocore with a model of CloudShell, which botocore itself does not have."""

import contextlib
import json
import os
import pathlib
import subprocess
import time

import botocore.config
import botocore.exceptions
import botocore.loaders
import botocore.session
import urllib3

HERE = pathlib.Path(__file__).resolve().parent
NPM_TERMINAL = ["node", str(HERE.parent / "npm" / "terminal.js")]
# Transitions take no time in this emulator, commands a moment.
STATUS_TIME_MAX_S = 10
TERMINAL_TIME_MAX_S = 90


def session():
    """A session that takes endpoint and credentials from the environment, as any program does."""
    made = botocore.session.Session()
    loader = botocore.loaders.Loader(extra_search_paths=[str(HERE / "data")])
    made.register_component("data_loader", loader)
    return made


def endpoint():
    """The emulator's address. Without it botocore would go to the real service, as whoever runs this."""
    url = os.environ.get("AWS_ENDPOINT_URL", "")
    if not url.startswith("http://127.0.0.1:"):
        raise AssertionError("AWS_ENDPOINT_URL names no emulator: start this with conformance/run")
    return url


def client(region, key_id=None, secret=None, attempts=1):
    """A client that tries everything once, if it is not told otherwise."""
    endpoint()
    retries = {"mode": "standard", "total_max_attempts": attempts}
    config = botocore.config.Config(retries=retries, connect_timeout=10, read_timeout=30)
    return session().create_client(
        "cloudshell", region_name=region, aws_access_key_id=key_id, aws_secret_access_key=secret, config=config
    )


def pull(command, **rest):
    """Pulls one of the emulator's levers."""
    url = f"{endpoint()}/_emulator/command"
    answer = urllib3.request("POST", url, json={"command": command, **rest}, retries=False, timeout=10)
    if answer.status != 204:
        raise AssertionError(f"{command}: {answer.status} {answer.data}")


def refusal(call, **request):
    """HTTP status and code of the error that a call must end with."""
    try:
        answer = call(**request)
    except botocore.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError(f"it was not refused: {answer}")


def wait_for(cloudshell, environment, status):
    """Asks until an environment has a status."""
    until = time.monotonic() + STATUS_TIME_MAX_S
    while time.monotonic() < until:
        found = cloudshell.get_environment_status(EnvironmentId=environment)["Status"]
        if found == status:
            return
        time.sleep(0.05)
    raise AssertionError(f"environment {environment} is {found}, not {status}")


def running(cloudshell):
    """The id of the default environment, made and woken if need be."""
    environment = cloudshell.create_environment()["EnvironmentId"]
    if cloudshell.get_environment_status(EnvironmentId=environment)["Status"] == "SUSPENDED":
        cloudshell.start_environment(EnvironmentId=environment)
    wait_for(cloudshell, environment, "RUNNING")
    return environment


@contextlib.contextmanager
def open_session(cloudshell, environment):
    """What createSession answers; the session is deleted in the end."""
    made = cloudshell.create_session(EnvironmentId=environment)
    made.pop("ResponseMetadata")
    try:
        yield made
    finally:
        cloudshell.delete_session(EnvironmentId=environment, SessionId=made["SessionId"])


def run_in_terminal(made, command, terminal=NPM_TERMINAL):
    """What a command prints in a session, by a program that reads the session and is given the command."""
    done = subprocess.run(
        [*terminal, command],
        input=json.dumps(made).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=TERMINAL_TIME_MAX_S,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{terminal} failed: {done.stderr.decode(errors='replace')}")
    return done.stdout
