"""llama-index' S3VectorStore, fed nodes with their embeddings."""

from __future__ import annotations

from importlib.metadata import version

from llama_index.core.schema import TextNode  # type: ignore[import-not-found]
from llama_index.vector_stores.s3 import S3VectorStore  # type: ignore[import-not-found]
from loadtests.peers.programs.job import TITLE, Job, measured

job = Job.given()
nodes = [
    TextNode(id_=key, text=TITLE, embedding=row, metadata={"i": about["i"]})
    for key, row, about in job.records(job.values())
]
store = S3VectorStore(
    index_name_or_arn=job.index, bucket_name_or_arn=job.bucket, insert_batch_size=job.per_request
)
with measured(version("llama-index-vector-stores-s3")):
    store.add(nodes)
