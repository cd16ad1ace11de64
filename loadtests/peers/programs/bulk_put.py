"""Puts numpy rows with vecgate's BulkWriter; single vectors go through its direct sender."""

from __future__ import annotations

from importlib.metadata import version

import boto3
import numpy as np
from loadtests.peers.programs.job import Job, measure

from vecgate import BulkConfig, BulkWriter
from vecgate.bulk.transport.sender import DirectSender

UNPACED = 1e6

job = Job.from_arguments()
session = boto3.Session()
client = session.client("s3vectors")
url = client.meta.endpoint_url
sender = DirectSender(session.get_credentials(), region=session.region_name, endpoint_url=url)
config = BulkConfig(
    batch_vectors=job.per_request,
    in_flight=job.in_flight,
    vectors_per_s=UNPACED,
    requests_per_s=UNPACED,
)
rows = list(np.fromfile(job.rows_file, np.float32).reshape(job.rows, job.dimension))
writer = BulkWriter(
    sender if job.per_request == 1 else client, bucket=job.bucket, index=job.index, config=config
)
with measure(version("vecgate")):
    outcome = writer.put(job.records(rows))
assert outcome.is_complete, outcome.stopped_by
assert not outcome.rejected
