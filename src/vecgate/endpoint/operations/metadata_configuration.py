"""Which metadata keys of an index are filterable, and which are searchable as text.

In an index, a text search configuration has beside its own members the time from which it is ACTIVE. Texts of
errors are inferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vecgate.endpoint.addressing import find_index
from vecgate.endpoint.answers import conflict, invalid, not_found
from vecgate.endpoint.operations.modes import ENHANCED
from vecgate.endpoint.state import Index, Json, State
from vecgate.endpoint.validation import Document
from vecgate.s3vectors.model import constraint

TEXTS = "textSearchConfigurations"
ACTIVE_FROM = "activeFrom"
TEXTS_MAX = constraint("MetadataConfigurationTextSearchConfigurationsList", "max")


def configuration_of_new_index(members: Document, *, mode: str) -> Json:
    """What to keep of the configuration that CreateIndex asks for: empty parts are as good as none."""
    kept = {name: value for name, value in members.get("metadataConfiguration", {}).items() if value}
    if TEXTS in kept:
        _check_mode(mode)
        _check_distinct(kept[TEXTS])
        kept[TEXTS] = [_stored(each) for each in kept[TEXTS]]
    return kept


def shown_configuration(index: Index, now: float) -> Document:
    """The configuration as GetIndex gives it."""
    shown = dict(index.metadata_configuration)
    if TEXTS in shown:
        shown[TEXTS] = [
            {
                **{name: value for name, value in each.items() if name != ACTIVE_FROM},
                "status": "ACTIVE" if is_active(each, now) else "BUILDING",
            }
            for each in shown[TEXTS]
        ]
    return shown


def is_active(configuration: Json, now: float) -> bool:
    """Whether queries may use it."""
    return bool(now >= configuration[ACTIVE_FROM])


def update_metadata_configuration(state: State, members: Document, now: float) -> Document:
    if ("add" in members) == ("delete" in members):
        raise invalid("Must specify either add or delete but not both")
    index = find_index(state, members)
    _check_mode(index.mode)
    if "add" in members:
        texts = _with(state, index, members["add"].get(TEXTS, []), now)
    else:
        texts = _without(index, members["delete"].get(TEXTS, []), now)
    others = {name: value for name, value in index.metadata_configuration.items() if name != TEXTS}
    configuration = {**others, TEXTS: texts} if texts else others
    state.save_index(replace(index, metadata_configuration=configuration))
    for each in members.get("delete", {}).get(TEXTS, []):
        index.texts.forget(each["metadataKey"])
    return {"indexArn": index.arn}


def _with(state: State, index: Index, asked: Sequence[Json], now: float) -> list[Json]:
    _check_distinct(asked)
    there = index.text_configurations
    for each in asked:
        if each["metadataKey"] in there:
            raise conflict(f"Metadata key '{each['metadataKey']}' already has a text search configuration")
    if len(there) + len(asked) > TEXTS_MAX:
        raise invalid(f"An index may have at most {TEXTS_MAX} text search configurations")
    active_from = now + state.behaviour.backfill_s if len(index.table) else 0.0
    return [*there.values(), *(_stored(each, active_from=active_from) for each in asked)]


def _without(index: Index, asked: Sequence[Json], now: float) -> list[Json]:
    _check_distinct(asked)
    left = dict(index.text_configurations)
    for each in asked:
        if each["metadataKey"] not in left:
            raise not_found("text search configuration")
        if not is_active(left.pop(each["metadataKey"]), now):
            raise conflict(f"The text search configuration of '{each['metadataKey']}' is being built")
    return list(left.values())


def _stored(asked: Json, *, active_from: float = 0.0) -> Json:
    """A configuration as it is kept. Its status is the service's to say, whatever was asked for."""
    kept: dict[str, Any] = {name: value for name, value in asked.items() if name != "status"}
    return {**kept, ACTIVE_FROM: active_from}


def _check_mode(mode: str) -> None:
    if mode != ENHANCED:
        raise invalid("textSearchConfigurations require indexMode ENHANCED")


def _check_distinct(asked: Sequence[Json]) -> None:
    if len({each["metadataKey"] for each in asked}) < len(asked):
        raise invalid("textSearchConfigurations must not contain a metadata key more than once")
