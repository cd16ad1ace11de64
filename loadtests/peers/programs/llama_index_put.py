"""Puts nodes with prepared embeddings with S3VectorStore of llama-index."""

from __future__ import annotations

from importlib.metadata import version

from llama_index.core.schema import TextNode  # type: ignore[import-not-found]
from llama_index.vector_stores.s3 import S3VectorStore  # type: ignore[import-not-found]
from loadtests.peers.programs.job import TITLE, Job, measure

job = Job.from_arguments()
nodes = [
    TextNode(id_=key, text=TITLE, embedding=row, metadata={"i": metadata["i"]})
    for key, row, metadata in job.records(job.read_rows())
]
store = S3VectorStore(
    index_name_or_arn=job.index, bucket_name_or_arn=job.bucket, insert_batch_size=job.per_request
)
with measure(version("llama-index-vector-stores-s3")):
    store.add(nodes)
