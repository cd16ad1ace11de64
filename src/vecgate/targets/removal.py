"""Buckets and indexes, removed with as little as a server must support. What fails is told, not raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


def remove_bucket(client: Any, name: str) -> list[str]:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Delete the bucket *name* with every index in it; what could not be removed, a line each."""
    address = {"vectorBucketName": name}
    problems = []
    for index in _indexes(client, address):
        # A server that took an index without a name must still get rid of it.
        named = {**address, "indexName": index["indexName"]} if "indexName" in index else {}
        told = index.get("indexName") or index.get("indexArn", "")
        problems += _removed(f"index {name}/{told}", client.delete_index, named or {"indexArn": told})
    return problems + _removed(f"bucket {name}", client.delete_vector_bucket, address)


def remove_index(client: Any, bucket: str, name: str) -> list[str]:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Delete the index *name*; a line where it could not be."""
    address = {"vectorBucketName": bucket, "indexName": name}
    return _removed(f"index {bucket}/{name}", client.delete_index, address)


def _indexes(client: Any, address: Mapping[str, str]) -> list[dict[str, Any]]:  # noqa: ANN401 - boto3
    try:
        pages = client.get_paginator("list_indexes").paginate(**address)
        return [index for page in pages for index in page.get("indexes", ())]
    except (BotoCoreError, ClientError):
        return []  # what is left in it keeps the bucket from being deleted, and that is told


def _removed(what: str, remove: Callable[..., object], address: Mapping[str, str]) -> list[str]:
    try:
        remove(**address)
    except ClientError as error:
        gone = error.response.get("Error", {}).get("Code") == "NotFoundException"
        return [] if gone else [f"{what}: {error}"]
    except BotoCoreError as error:
        return [f"{what}: {error}"]
    return []
