"""Tags of buckets and indexes: list, add, remove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vecgate.endpoint.addressing import find_resource
from vecgate.endpoint.resources import check_tag_keys, check_tags
from vecgate.endpoint.state import Bucket, Index, State
from vecgate.endpoint.validation import Document


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
    """Keys that no tag has are no error."""
    del now
    resource = find_resource(state, members["resourceArn"])
    gone = members["tagKeys"]
    check_tag_keys(gone)
    _save(state, resource, {key: value for key, value in resource.tags.items() if key not in gone})
    return {}


def _save(state: State, resource: Bucket | Index, tags: Mapping[str, str]) -> None:
    if isinstance(resource, Bucket):
        state.save_bucket(replace(resource, tags=tags))
    else:
        state.save_index(replace(resource, tags=tags))
