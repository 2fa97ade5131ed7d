// CloudShell's API, signed by aws4, whose requests say that they are forms. Answers are shown as they came.

"use strict";

const { readFileSync } = require("node:fs");
const aws4 = require("aws4");

const REGION = "eu-central-1";

/** The only profile of the credentials file. */
function credentials() {
  const text = readFileSync(process.env.AWS_SHARED_CREDENTIALS_FILE, "utf8");
  const value = (name) => text.match(new RegExp(`^${name}\\s*=\\s*(\\S+)$`, "m"))[1];
  return { accessKeyId: value("aws_access_key_id"), secretAccessKey: value("aws_secret_access_key") };
}

/** Calls an operation; resolves with the status and the parsed body. */
async function call(operation, request, as = credentials()) {
  const endpoint = new URL(process.env.AWS_ENDPOINT_URL);
  const body = request === undefined ? "" : JSON.stringify(request);
  const signed = aws4.sign(
    { service: "cloudshell", region: REGION, host: endpoint.host, method: "POST", path: `/${operation}`, body },
    as,
  );
  // `fetch` writes these two itself, the same.
  const { Host, "Content-Length": _, ...headers } = signed.headers;
  const options = { method: "POST", headers, body, signal: AbortSignal.timeout(10_000) };
  const response = await fetch(`${endpoint.origin}/${operation}`, options);
  return { status: response.status, body: JSON.parse(await response.text()) };
}

module.exports = { call, credentials };
