// Puts with the AWS SDK for JavaScript v3, several requests in flight; includes what job.py does for the others.
"use strict";

const fs = require("node:fs");
const { S3VectorsClient, PutVectorsCommand } = require("@aws-sdk/client-s3vectors");
const { version } = require("@aws-sdk/client-s3vectors/package.json");

const TITLE = "The title of a film, as long as titles commonly be";
const job = JSON.parse(process.argv[2]);

function readRows() {
  const raw = fs.readFileSync(job.rows_file);
  const flat = new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
  const rows = [];
  // Plain arrays: the SDK would serialise typed arrays as objects.
  for (let start = 0; start < flat.length; start += job.dimension) rows.push(Array.from(flat.subarray(start, start + job.dimension)));
  return rows;
}

function* makeBatches(rows) {
  let vectors = [];
  for (let number = 0; number < job.passes; number++) {
    for (const [position, row] of rows.entries()) {
      const key = `k${String(number).padStart(3, "0")}-${String(position).padStart(7, "0")}`;
      vectors.push({ key, data: { float32: row }, metadata: { i: position, t: TITLE } });
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
  const batches = makeBatches(readRows());
  const worker = async () => {
    for (const vectors of { [Symbol.iterator]: () => ({ next: () => batches.next() }) }) {
      await client.send(new PutVectorsCommand({ vectorBucketName: job.bucket, indexName: job.index, vectors }));
    }
  };
  const started = process.hrtime.bigint();
  const cpuStarted = process.cpuUsage();
  await Promise.all(Array.from({ length: job.in_flight }, worker));
  const cpu = process.cpuUsage(cpuStarted);
  const measurement = {
    version,
    wall_s: Number(process.hrtime.bigint() - started) / 1e9,
    cpu_s: (cpu.user + cpu.system) / 1e6,
    peak_memory_mb: peakMemoryMb(),
  };
  process.stdout.write(JSON.stringify(measurement) + "\n");
}

main();
