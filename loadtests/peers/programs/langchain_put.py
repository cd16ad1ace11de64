"""Puts with AmazonS3Vectors of langchain-aws; the embedding model returns prepared rows."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from itertools import islice

from langchain_aws.vectorstores.s3_vectors import AmazonS3Vectors  # type: ignore[import-not-found]
from langchain_core.embeddings import Embeddings  # type: ignore[import-not-found]
from loadtests.peers.programs.job import TITLE, Job, measure


class Rows(Embeddings):  # type: ignore[misc] # its types are in another environment
    """An embedding model that returns the next rows for any texts."""

    def __init__(self, rows: Iterator[list[float]]) -> None:
        self._rows = rows

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return list(islice(self._rows, len(texts)))

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError(text)


job = Job.from_arguments()
records = list(job.records(job.read_rows()))
store = AmazonS3Vectors(
    vector_bucket_name=job.bucket, index_name=job.index, embedding=Rows(row for _, row, _ in records)
)
texts, ids = [TITLE] * len(records), [key for key, _, _ in records]
with measure(version("langchain-aws")):
    store.add_texts(
        texts, [{"i": metadata["i"]} for _, _, metadata in records], ids=ids, batch_size=job.per_request
    )
