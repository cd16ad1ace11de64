// The AWS SDK for JavaScript v3, asked by JSON lines on stdin; a JSON line answers each. The first line tells
// what it is. JSON has no NaN and no typed arrays: `{"$float32": […]}` and `{"$nan": true}` stand for them.
"use strict";

const readline = require("node:readline");
const sdk = require("@aws-sdk/client-s3vectors");
const { version } = require("@aws-sdk/client-s3vectors/package.json");

const operations = Object.keys(sdk)
  .filter((name) => name.endsWith("Command") && name !== "$Command")
  .map((name) => name.slice(0, -"Command".length));

function revived(name, value) {
  if (value?.$float32) return new Float32Array(value.$float32);
  return value?.$nan ? NaN : value;
}

function written(name, value) {
  // A Date has become text before it comes here.
  return this[name] instanceof Date ? this[name].getTime() / 1000 : value;
}

function clientOf({ keys }) {
  if (!keys) return new sdk.S3VectorsClient({});
  const { access_key: accessKeyId, secret_key: secretAccessKey, session_token: sessionToken } = keys;
  return new sdk.S3VectorsClient({
    credentials: { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined },
  });
}

const trueNow = Date.now;

function setClock(offsetS) {
  Date.now = () => trueNow() + offsetS * 1000;
}

async function answerTo(client, { operation, arguments: input, isPaged }) {
  if (!isPaged) {
    const { $metadata, ...answer } = await client.send(new sdk[`${operation}Command`](input));
    return answer;
  }
  const pages = [];
  for await (const { $metadata, ...page } of sdk[`paginate${operation}`]({ client }, input)) pages.push(page);
  return pages;
}

function told(error) {
  return {
    code: error.name,
    message: error.message,
    status: error.$metadata?.httpStatusCode,
    fields: error.fieldList ?? [],
    isTyped: typeof sdk[error.name] === "function" && error instanceof sdk[error.name],
  };
}

async function main() {
  const say = (line) => process.stdout.write(JSON.stringify(line, written) + "\n");
  const own = clientOf({});
  say({ version, operations });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line, revived);
    const client = request.settings ? clientOf(request.settings) : own;
    setClock(request.settings?.clockOffsetS ?? 0);
    try {
      say({ answer: await answerTo(client, request) });
    } catch (error) {
      say({ error: told(error) });
    }
  }
}

main();
