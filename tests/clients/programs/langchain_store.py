"""AmazonS3Vectors of langchain-aws on the bucket of the first argument; prints its results as JSON.

Runs in its own environment: see `setup_clients.py`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from langchain_aws.vectorstores.s3_vectors import AmazonS3Vectors  # type: ignore[import-not-found]
from langchain_core.documents import Document  # type: ignore[import-not-found]
from langchain_core.embeddings import Embeddings  # type: ignore[import-not-found]

SUBJECTS = ("ship", "war", "dog")
FILMS = (
    Document("A ship is lost", id="lost", metadata={"year": 1999, "genres": ["drama", "sea"]}),
    Document("A dog finds a ship", id="found", metadata={"year": 2004, "genres": ["family"]}),
    Document("The war of the dogs, a dog film", id="dogs", metadata={"year": 2011}),
)


class SubjectEmbeddings(Embeddings):  # type: ignore[misc] # its types are in the other environment
    """Counts the mentions of each subject, and adds a 1 so that no text is a zero vector."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [float(text.lower().count(subject)) for subject in SUBJECTS] + [1.0]


def store(bucket: str, index: str, **settings: Any) -> Any:
    return AmazonS3Vectors(
        vector_bucket_name=bucket, index_name=index, embedding=SubjectEmbeddings(), **settings
    )


def to_dict(document: Any) -> dict[str, Any]:
    return {"id": document.id, "text": document.page_content, "metadata": document.metadata}


def error_of(call: Any) -> dict[str, str]:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - any error is a result here
        return {"type": type(error).__name__, "text": str(error)}
    return {}


def use_documents(bucket: str) -> dict[str, Any]:
    """Use an index that the store creates, with cosine distances and non-filterable texts."""
    films = store(bucket, "films", non_filterable_metadata_keys=["_page_content"])
    ids = films.add_documents(list(FILMS))
    late = {"$and": [{"year": {"$gt": 2000}}, {"genres": {"$in": ["family", "sea"]}}]}
    found = {
        "ids": ids,
        "nearest": [to_dict(each) for each in films.similarity_search("ship", k=2)],
        "filtered": [to_dict(each) for each in films.similarity_search("ship", k=5, filter=late)],
        "scored": [[each.id, score] for each, score in films.similarity_search_with_score("dog", k=3)],
        "relevance": films.similarity_search_with_relevance_scores("dog dog dog", k=1)[0][1],
        "retrieved": [each.id for each in films.as_retriever(search_kwargs={"k": 1}).invoke("war")],
        "by_ids": [to_dict(each) for each in films.get_by_ids(["dogs", "lost", "dogs"])],
        "unknown": error_of(lambda: films.get_by_ids(["dogs", "unknown"])),
        "bad_filter": error_of(lambda: films.similarity_search("ship", filter={})),
        "filter_on_text": error_of(lambda: films.similarity_search("x", filter={"_page_content": "x"})),
        "deleted": films.delete(["lost", "unknown"]),
        "remaining": sorted(each.id for each in films.similarity_search("ship", k=10)),
    }
    films.delete()
    return {**found, "after_all": error_of(lambda: films.similarity_search("ship"))}


def use_texts(bucket: str) -> dict[str, Any]:
    """Use more texts than a batch of the store holds, in an index with euclidean distances."""
    texts = [f"film {number}" + " dog" * number for number in range(1, 251)]
    many = AmazonS3Vectors.from_texts(
        texts,
        SubjectEmbeddings(),
        [{"number": number} for number in range(1, 251)],
        vector_bucket_name=bucket,
        index_name="many",
        distance_metric="euclidean",
    )
    scored = many.similarity_search_with_score("dog " * 200, k=3)
    ids = many.add_texts(["ship", "war"])
    return {
        "scored": [[each.metadata["number"], score] for each, score in scored],
        "id_lengths": [len(each) for each in ids],
        "result_count": len(many.similarity_search("dog", k=100)),
        "too_long": error_of(lambda: many.add_texts(["x" * 3000])),
    }


print(json.dumps({"documents": use_documents(sys.argv[1]), "texts": use_texts(sys.argv[1])}))  # noqa: T201
