"""boto3, the way everybody begins: `one`, `threads`, or `accelerated` by one line of vecgate's."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import boto3
from loadtests.peers.programs.job import Job, measured

job, how = Job.given(), sys.argv[2]
client = boto3.client("s3vectors")
if how == "accelerated":
    from vecgate import accelerate

    client = accelerate(client)
put = partial(client.put_vectors, **job.address)
batches = job.batches(job.values())
with measured(boto3.__version__):
    if how == "threads":
        with ThreadPoolExecutor(job.in_flight) as pool:
            for done in [pool.submit(put, vectors=batch) for batch in batches]:
                done.result()
    else:
        for batch in batches:
            put(vectors=batch)
