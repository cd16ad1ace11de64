// The AWS SDK for JavaScript v3 as a program: reads JSON lines from stdin and answers each with one. The first
// line it prints describes it. `{"$float32": […]}` and `{"$nan": true}` represent typed arrays and NaN in JSON.
"use strict";

const readline = require("node:readline");
const sdk = require("@aws-sdk/client-s3vectors");
const { version } = require("@aws-sdk/client-s3vectors/package.json");

const operations = Object.keys(sdk)
  .filter((name) => name.endsWith("Command") && name !== "$Command")
  .map((name) => name.slice(0, -"Command".length));

function revive(name, value) {
  if (value?.$float32) return new Float32Array(value.$float32);
  return value?.$nan ? NaN : value;
}

function replace(name, value) {
  // A Date is already text in *value*.
  return this[name] instanceof Date ? this[name].getTime() / 1000 : value;
}

function openClient({ keys }) {
  if (!keys) return new sdk.S3VectorsClient({});
  const { access_key: accessKeyId, secret_key: secretAccessKey, session_token: sessionToken } = keys;
  return new sdk.S3VectorsClient({
    credentials: { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined },
  });
}

const realNow = Date.now;

function setClock(offsetS) {
  Date.now = () => realNow() + offsetS * 1000;
}

async function call(client, { operation, arguments: input, isPaged }) {
  if (!isPaged) {
    const { $metadata, ...response } = await client.send(new sdk[`${operation}Command`](input));
    return response;
  }
  const pages = [];
  for await (const { $metadata, ...page } of sdk[`paginate${operation}`]({ client }, input)) pages.push(page);
  return pages;
}

function describeError(error) {
  return {
    code: error.name,
    message: error.message,
    status: error.$metadata?.httpStatusCode,
    fields: error.fieldList ?? [],
    isTyped: typeof sdk[error.name] === "function" && error instanceof sdk[error.name],
  };
}

async function main() {
  const sendLine = (line) => process.stdout.write(JSON.stringify(line, replace) + "\n");
  const defaultClient = openClient({});
  sendLine({ version, operations });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line, revive);
    const client = request.settings ? openClient(request.settings) : defaultClient;
    setClock(request.settings?.clockOffsetS ?? 0);
    try {
      sendLine({ response: await call(client, request) });
    } catch (error) {
      sendLine({ error: describeError(error) });
    }
  }
}

main();
