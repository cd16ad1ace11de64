"""langchain-aws' AmazonS3Vectors; its embedding model is a list of rows that are there already."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from itertools import islice

from langchain_aws.vectorstores.s3_vectors import AmazonS3Vectors  # type: ignore[import-not-found]
from langchain_core.embeddings import Embeddings  # type: ignore[import-not-found]
from loadtests.peers.programs.job import TITLE, Job, measured


class Rows(Embeddings):  # type: ignore[misc] # its types are in another environment
    """The next rows, whatever the texts are."""

    def __init__(self, rows: Iterator[list[float]]) -> None:
        self._rows = rows

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return list(islice(self._rows, len(texts)))

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError(text)


job = Job.given()
records = list(job.records(job.values()))
store = AmazonS3Vectors(
    vector_bucket_name=job.bucket, index_name=job.index, embedding=Rows(row for _, row, _ in records)
)
texts, ids = [TITLE] * len(records), [key for key, _, _ in records]
with measured(version("langchain-aws")):
    store.add_texts(
        texts, [{"i": about["i"]} for _, _, about in records], ids=ids, batch_size=job.per_request
    )
