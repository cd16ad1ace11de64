"""S3VectorStore of llama-index on the bucket of the first argument; prints its results as JSON.

Runs in its own environment: see `setup_clients.py`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from llama_index.core.schema import (  # type: ignore[import-not-found]
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import (  # type: ignore[import-not-found]
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)
from llama_index.vector_stores.s3 import S3VectorStore  # type: ignore[import-not-found]


def node(key: str, text: str, embedding: list[float], document: str, **metadata: Any) -> Any:
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)}
    return TextNode(id_=key, text=text, embedding=embedding, metadata=metadata, relationships=source)


NODES = (
    node("a", "A ship is lost", [1.0, 0.0], "log", year=1999),
    node("b", "A dog finds a ship", [3.0, 4.0], "log", year=2004),
    node("c", "The war of the dogs", [0.0, 2.0], "book", year=2011),
)


def search(store: Any, *filters: Any, condition: str = "and", top_k: int = 5) -> list[list[Any]]:
    """Return id, text, year and similarity of the nodes nearest to `ship`."""
    metadata_filters = (
        MetadataFilters(filters=list(filters), condition=FilterCondition(condition)) if filters else None
    )
    query = VectorStoreQuery(query_embedding=[1.0, 0.0], similarity_top_k=top_k, filters=metadata_filters)
    result = store.query(query)
    rows = zip(result.ids, result.nodes, result.similarities, strict=True)
    return [[key, each.text, each.metadata["year"], similarity] for key, each, similarity in rows]


def where(key: str, operator: FilterOperator, value: Any) -> Any:
    return MetadataFilter(key=key, operator=operator, value=value)


def error_of(call: Any) -> dict[str, str]:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - any error is a result here
        return {"type": type(error).__name__, "text": str(error)}
    return {}


def main(bucket: str, bucket_arn: str) -> dict[str, Any]:
    make = S3VectorStore.create_index_from_bucket
    store = make(bucket_name_or_arn=bucket, index_name="films", dimension=2)
    late, early = where("year", FilterOperator.GTE, 2004), where("year", FilterOperator.LT, 2000)
    several = where("year", FilterOperator.IN, [1999, 2011])
    output = {
        "added": store.add(list(NODES)),
        "nearest": search(store, top_k=2),
        "late": search(store, late),
        "late_and_several": search(store, late, several),
        "late_or_early": search(store, late, early, condition="or"),
        "without_a_key": search(store, where("year", FilterOperator.IS_EMPTY, None)),
        "nodes": sorted([each.node_id, each.text, each.ref_doc_id] for each in store.get_nodes(["c", "a"])),
        "filter_on_content": error_of(lambda: search(store, where("_node_content", FilterOperator.EQ, "x"))),
        "duplicate": error_of(lambda: make(bucket_name_or_arn=bucket, index_name="films", dimension=2)),
        "by_arn": error_of(lambda: use_index_created_by_arn(bucket_arn)),
    }
    store.delete_nodes(["c", "unknown"])
    output["after_delete_nodes"] = [row[0] for row in search(store)]
    store.add([NODES[2]])
    store.delete("log")
    output["after_delete"] = [row[0] for row in search(store)]
    store.clear()
    return {**output, "after_clear": error_of(lambda: search(store))}


def use_index_created_by_arn(bucket_arn: str) -> None:
    """The store can create an index by the ARN of its bucket but not use it: it sends the ARN as a name."""
    store = S3VectorStore.create_index_from_bucket(
        bucket_name_or_arn=bucket_arn, index_name="by-arn", dimension=2
    )
    store.add([NODES[0]])


print(json.dumps(main(*sys.argv[1:])))  # noqa: T201 - the output of the program
