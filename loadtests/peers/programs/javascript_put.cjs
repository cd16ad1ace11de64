// The AWS SDK for JavaScript v3, with several requests in flight. What `job.py` is for the others is here, too.
"use strict";

const fs = require("node:fs");
const { S3VectorsClient, PutVectorsCommand } = require("@aws-sdk/client-s3vectors");
const { version } = require("@aws-sdk/client-s3vectors/package.json");

const TITLE = "The title of a film, as long as titles commonly be";
const job = JSON.parse(process.argv[2]);

function rowsOf() {
  const raw = fs.readFileSync(job.rows_file);
  const flat = new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
  const rows = [];
  // Not typed arrays: the SDK would write those as objects.
  for (let at = 0; at < flat.length; at += job.dimension) rows.push(Array.from(flat.subarray(at, at + job.dimension)));
  return rows;
}

function* batchesOf(rows) {
  let vectors = [];
  for (let number = 0; number < job.passes; number++) {
    for (const [at, row] of rows.entries()) {
      const key = `k${String(number).padStart(3, "0")}-${String(at).padStart(7, "0")}`;
      vectors.push({ key, data: { float32: row }, metadata: { i: at, t: TITLE } });
      if (vectors.length === job.per_request) {
        yield vectors;
        vectors = [];
      }
    }
  }
  if (vectors.length) yield vectors;
}

function peakMemoryMb() {
  return (Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync("/proc/self/status", "ascii"))[1]) * 1024) / 1e6;
}

async function main() {
  const client = new S3VectorsClient({});
  const batches = batchesOf(rowsOf());
  const worker = async () => {
    for (const vectors of { [Symbol.iterator]: () => ({ next: () => batches.next() }) }) {
      await client.send(new PutVectorsCommand({ vectorBucketName: job.bucket, indexName: job.index, vectors }));
    }
  };
  const began = process.hrtime.bigint();
  const cpuBegan = process.cpuUsage();
  await Promise.all(Array.from({ length: job.in_flight }, worker));
  const cpu = process.cpuUsage(cpuBegan);
  const told = {
    version,
    wall_s: Number(process.hrtime.bigint() - began) / 1e9,
    cpu_s: (cpu.user + cpu.system) / 1e6,
    peak_memory_mb: peakMemoryMb(),
  };
  process.stdout.write(JSON.stringify(told) + "\n");
}

main();
