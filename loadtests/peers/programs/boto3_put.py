"""Puts with boto3 in one of three modes: `one` thread, `threads`, or `accelerated` by vecgate."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import boto3
from loadtests.peers.programs.job import Job, measure

job, mode = Job.from_arguments(), sys.argv[2]
client = boto3.client("s3vectors")
if mode == "accelerated":
    from vecgate import accelerate

    client = accelerate(client)
put = partial(client.put_vectors, **job.address)
batches = job.batches(job.read_rows())
with measure(boto3.__version__):
    if mode == "threads":
        with ThreadPoolExecutor(job.in_flight) as pool:
            for future in [pool.submit(put, vectors=batch) for batch in batches]:
                future.result()
    else:
        for batch in batches:
            put(vectors=batch)
