"""Metadata configuration: which metadata keys are non-filterable, and which are searchable as text.

In an index, a text search configuration has an additional member: the time from which it is ACTIVE. Error
texts are inferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vecgate.endpoint.operations.addressing import find_index
from vecgate.endpoint.operations.modes import ENHANCED
from vecgate.endpoint.requests.messages import conflict, invalid, not_found
from vecgate.endpoint.requests.request_validation import Document
from vecgate.endpoint.storage.state import Index, Json, State
from vecgate.s3vectors.model import constraint

TEXT_SEARCHES = "textSearchConfigurations"
ACTIVE_FROM = "activeFrom"
TEXT_SEARCHES_MAX = constraint("MetadataConfigurationTextSearchConfigurationsList", "max")


def initial_configuration(members: Document, *, mode: str) -> Json:
    """Return the configuration to store for CreateIndex. Empty members are dropped."""
    requested = members.get("metadataConfiguration", {})
    configuration = {name: value for name, value in requested.items() if value}
    if TEXT_SEARCHES in configuration:
        _check_mode(mode)
        _check_unique(configuration[TEXT_SEARCHES])
        configuration[TEXT_SEARCHES] = [_to_stored(each) for each in configuration[TEXT_SEARCHES]]
    return configuration


def describe_configuration(index: Index, now: float) -> Document:
    """Return the configuration in the form of GetIndex."""
    description = dict(index.metadata_configuration)
    if TEXT_SEARCHES in description:
        description[TEXT_SEARCHES] = [
            {
                **{name: value for name, value in each.items() if name != ACTIVE_FROM},
                "status": "ACTIVE" if is_active(each, now) else "BUILDING",
            }
            for each in description[TEXT_SEARCHES]
        ]
    return description


def is_active(configuration: Json, now: float) -> bool:
    """Return whether queries may use a text search configuration."""
    return bool(now >= configuration[ACTIVE_FROM])


def update_metadata_configuration(state: State, members: Document, now: float) -> Document:
    if ("add" in members) == ("delete" in members):
        raise invalid("Must specify either add or delete but not both")
    index = find_index(state, members)
    _check_mode(index.mode)
    if "add" in members:
        text_searches = _add(state, index, members["add"].get(TEXT_SEARCHES, []), now)
    else:
        text_searches = _delete(index, members["delete"].get(TEXT_SEARCHES, []), now)
    others = {name: value for name, value in index.metadata_configuration.items() if name != TEXT_SEARCHES}
    configuration = {**others, TEXT_SEARCHES: text_searches} if text_searches else others
    state.save_index(replace(index, metadata_configuration=configuration))
    for each in members.get("delete", {}).get(TEXT_SEARCHES, []):
        index.texts.remove(each["metadataKey"])
    return {"indexArn": index.arn}


def _add(state: State, index: Index, requested: Sequence[Json], now: float) -> list[Json]:
    _check_unique(requested)
    existing = index.text_configurations
    for each in requested:
        if each["metadataKey"] in existing:
            raise conflict(f"Metadata key '{each['metadataKey']}' already has a text search configuration")
    if len(existing) + len(requested) > TEXT_SEARCHES_MAX:
        raise invalid(f"An index may have at most {TEXT_SEARCHES_MAX} text search configurations")
    active_from = now + state.behaviour.backfill_s if len(index.table) else 0.0
    return [*existing.values(), *(_to_stored(each, active_from=active_from) for each in requested)]


def _delete(index: Index, requested: Sequence[Json], now: float) -> list[Json]:
    _check_unique(requested)
    remaining = dict(index.text_configurations)
    for each in requested:
        if each["metadataKey"] not in remaining:
            raise not_found("text search configuration")
        if not is_active(remaining.pop(each["metadataKey"]), now):
            raise conflict(f"The text search configuration of '{each['metadataKey']}' is being built")
    return list(remaining.values())


def _to_stored(requested: Json, *, active_from: float = 0.0) -> Json:
    """Return a configuration to store. A requested status is dropped: the service determines it."""
    members: dict[str, Any] = {name: value for name, value in requested.items() if name != "status"}
    return {**members, ACTIVE_FROM: active_from}


def _check_mode(mode: str) -> None:
    if mode != ENHANCED:
        raise invalid("textSearchConfigurations require indexMode ENHANCED")


def _check_unique(requested: Sequence[Json]) -> None:
    if len({each["metadataKey"] for each in requested}) < len(requested):
        raise invalid("textSearchConfigurations must not contain a metadata key more than once")
