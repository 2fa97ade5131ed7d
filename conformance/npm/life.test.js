// Shows that ssm-session and aws4 get a shell from the emulator: environment, session, commands with exact output,
// and the end.

"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { setTimeout: pause } = require("node:timers/promises");
const { call, credentials } = require("./cloudshell.js");
const { Terminal } = require("./terminal.js");

/** Creates the environment with an empty body, as some clients do, and resolves with its id when it runs. */
async function runningEnvironment() {
  const { status, body } = await call("createEnvironment");
  assert.equal(status, 200, JSON.stringify(body));
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await call("getEnvironmentStatus", { EnvironmentId: body.EnvironmentId });
    if (answer.body.Status === "RUNNING") return body.EnvironmentId;
    await pause(50);
  }
  throw new Error("the environment did not get to RUNNING");
}

async function createSession(EnvironmentId) {
  const { status, body } = await call("createSession", { EnvironmentId, QCliDisabled: true });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

test("a command's output is exact, and deleting the session closes its channel", async () => {
  const EnvironmentId = await runningEnvironment();
  const session = await createSession(EnvironmentId);
  const terminal = await Terminal.open(session);

  const few = await terminal.run("echo hello; printf '%s' \"$AWS_EXECUTION_ENV\"; stty size");
  assert.equal(few.toString(), "hello\r\nCloudShell24 80\r\n");
  const many = await terminal.run("for i in $(seq 20000); do echo \"€uro $i\"; done");
  const lines = Array.from({ length: 20_000 }, (_, index) => `€uro ${index + 1}\r\n`);
  // Not assert.equal: its report of a difference would be as long as the output.
  assert.ok(many.equals(Buffer.from(lines.join(""))), `${many.length} bytes differ from what was printed`);

  const { SessionId } = session;
  const deleted = await call("deleteSession", { EnvironmentId, SessionId });
  assert.deepEqual(deleted, { status: 200, body: {} });
  const { channelClosed, code } = await terminal.end();
  const { MessageType, SchemaVersion, CreatedDate, Output } = channelClosed;
  assert.deepEqual(
    { MessageType, SchemaVersion, Output, code, id: channelClosed.SessionId },
    { MessageType: "channel_closed", SchemaVersion: 1, Output: "", code: 1000, id: SessionId },
  );
  assert.match(CreatedDate, /^[0-9]{13}$/);
});

test("a shell that ends closes its channel", async () => {
  const EnvironmentId = await runningEnvironment();
  const terminal = await Terminal.open(await createSession(EnvironmentId));
  await assert.rejects(terminal.run("exit 3"), /"MessageType":"channel_closed"/);
});

test("a wrong token opens nothing", async () => {
  const EnvironmentId = await runningEnvironment();
  const session = await createSession(EnvironmentId);
  await assert.rejects(Terminal.open({ ...session, TokenValue: "wrong" }), /^Error: closed .* after ""$/);
  assert.equal((await call("deleteSession", { EnvironmentId, SessionId: session.SessionId })).status, 200);
});

test("refusals have a code and a message in small letters", async () => {
  const EnvironmentId = await runningEnvironment();
  const started = await call("startEnvironment", { EnvironmentId });
  assert.deepEqual(started, {
    status: 400,
    body: {
      code: "InvalidStatusException",
      message: "Expected the environment status to be in SUSPENDED.",
    },
  });
  const thief = { ...credentials(), secretAccessKey: "guessed" };
  const stolen = await call("describeEnvironments", {}, thief);
  assert.equal(stolen.status, 403);
  assert.deepEqual(Object.keys(stolen.body).sort(), ["code", "message"]);
});
