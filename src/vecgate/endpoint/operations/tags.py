"""Tags of buckets and indexes: list, add, remove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vecgate.endpoint.operations.addressing import find_resource
from vecgate.endpoint.operations.resource_settings import check_tag_keys, check_tags
from vecgate.endpoint.requests.request_validation import Document
from vecgate.endpoint.storage.state import Bucket, Index, State


def list_tags_for_resource(state: State, members: Document, now: float) -> Document:
    del now
    return {"tags": find_resource(state, members["resourceArn"]).tags}


def tag_resource(state: State, members: Document, now: float) -> Document:
    del now
    resource = find_resource(state, members["resourceArn"])
    tags = {**resource.tags, **members["tags"]}
    check_tags(tags)
    _save(state, resource, tags)
    return {}


def untag_resource(state: State, members: Document, now: float) -> Document:
    """Keys without a tag are not an error."""
    del now
    resource = find_resource(state, members["resourceArn"])
    removed = members["tagKeys"]
    check_tag_keys(removed)
    _save(state, resource, {key: value for key, value in resource.tags.items() if key not in removed})
    return {}


def _save(state: State, resource: Bucket | Index, tags: Mapping[str, str]) -> None:
    if isinstance(resource, Bucket):
        state.save_bucket(replace(resource, tags=tags))
    else:
        state.save_index(replace(resource, tags=tags))
