"""Recognises the fields of JSON-like records, also nested ones and those of known exports.

A vector below the first level is used if its name says that it is one, and if it is the only one. Otherwise
the candidates are named, and the user chooses. Nothing is chosen silently: the layout is printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from vecgate.bulk.sources.column_mapping import (
    NUMBER_LISTS,
    ColumnChoice,
    ColumnKind,
    Layout,
    detect_layout,
)
from vecgate.bulk.sources.documents.field_paths import (
    field_value,
    nested_members,
    parse_path,
    root_of,
)
from vecgate.bulk.sources.documents.vector_text import is_vector_text
from vecgate.bulk.sources.object_records import (
    FIELDS_MAX,
    UnreadableRecord,
    check_sampled_entries,
    field_kinds,
)
from vecgate.errors import SourceError

#: Parts of the names that nested vectors have.
_VECTOR_WORDS = ("embed", "vec")
_NAMES_MAX = 5


@dataclass(frozen=True, slots=True)
class Export:
    """The records of a product.

    fields    members that its records have
    key       path of the key, None to recognise it as usual
    metadata  members that become metadata: one of objects, or none; None to recognise them as usual
    """

    name: str
    fields: frozenset[str]
    key: str | None = None
    metadata: tuple[str, ...] | None = None


#: The first that fits is used. Inputs of a model and its costs are metadata only if they are chosen.
EXPORTS = (
    Export("Bedrock batch inference", frozenset({"recordId", "modelOutput"}), "recordId", ()),
    Export("Bedrock batch inference", frozenset({"recordId", "modelInput"}), "recordId", ()),
    Export("OpenAI batch", frozenset({"custom_id", "response"}), "custom_id", ()),
    Export("OpenSearch, Elasticsearch", frozenset({"_id", "_source"}), "_id", ("_source",)),
    Export("Weaviate GraphQL", frozenset({"_additional"}), "_additional.id"),
    Export("Weaviate", frozenset({"properties", "vector"}), None, ("properties",)),
    Export("Weaviate", frozenset({"properties", "vectors"}), None, ("properties",)),
)


def recognise(
    name: str, sample: Sequence[object], choice: ColumnChoice, *, keys_only: bool
) -> tuple[Layout, Callable[[object], object]]:
    """Return the layout of the records of which *sample* are the first, and a check of each record.

    The check replaces a record that holds several vectors where the layout takes the first one.

    Raises SourceError if no field fits, or several do.
    """
    records = [record for record in sample if isinstance(record, Mapping)]
    kinds = field_kinds(records)
    if len(kinds) > FIELDS_MAX:
        raise SourceError(
            f"{name} has {len(kinds):,} different fields in its first {len(records):,} records",
            hint=f"Records may have {FIELDS_MAX:,}. Put what varies into one object or list.",
        )
    is_chosen = choice.vector is not None
    nested = [nested_members(record) for record in records]
    if choice.layout is None:
        choice = _for_export(choice, kinds, nested)
        if not keys_only and choice.vector is None:
            choice = replace(choice, vector=_nested_vector(name, records, kinds, nested))
    paths = [path for path in _chosen(choice) if path not in kinds and len(parse_path(path)) > 1]
    found = field_kinds([{path: field_value(record, path) for path in paths} for record in records])
    there = {path for path in paths if any(field_value(record, path) is not None for record in records)}
    # A file of which all first records failed has no member at the path of the first file's vectors.
    given = {root for path in paths if choice.layout and (root := root_of(path)) in kinds}
    extra = {path: found[path] for path in paths if path in there or root_of(path) in given}
    vector = choice.layout.vector if choice.layout else choice.vector
    if vector is not None and not keys_only and _is_text_vector(records, vector):
        extra[vector] = ColumnKind.VECTOR
    layout = detect_layout(name, kinds | extra, choice, keys_only=keys_only, is_sparse=True)
    layout = _without_roots(layout, kinds, extra)
    if choice.layout is None:
        check_sampled_entries(name, sample, layout)
    return layout, _as_is if is_chosen else _single_check(layout)


def _chosen(choice: ColumnChoice) -> list[str]:
    used = choice if choice.layout is None else choice.layout
    return [name for name in (used.key, used.vector) if name is not None]


def _for_export(
    choice: ColumnChoice, kinds: Mapping[str, ColumnKind], nested: Sequence[Mapping[str, Any]]
) -> ColumnChoice:
    """Return *choice* with the key and the metadata of the export to which the records belong."""
    export = next((export for export in EXPORTS if export.fields <= kinds.keys()), None)
    if export is None:
        return choice
    key, metadata = choice.key, choice.metadata
    has_key = export.key in kinds or any(export.key in members for members in nested)
    if key is None and not choice.row_keys and has_key:
        key = export.key
    if metadata is None:
        is_object = all(kinds[column] is ColumnKind.OBJECT for column in export.metadata or ())
        metadata = export.metadata if is_object else None
    return replace(choice, key=key, metadata=metadata)


def _nested_vector(
    name: str,
    records: Sequence[Mapping[str, Any]],
    kinds: Mapping[str, ColumnKind],
    nested: Sequence[Mapping[str, Any]],
) -> str | None:
    """Return the path of the vectors if no field of the first level holds any. Raises SourceError if there
    are several.
    """
    if any(kind in NUMBER_LISTS for kind in kinds.values()):
        return None
    texts = [
        field for field, kind in kinds.items() if kind is ColumnKind.TEXT and _is_text_vector(records, field)
    ]
    named = [field for field in texts if _is_named_vector(field)] or texts
    if texts:
        return _only(name, named)
    below = field_kinds(nested)
    paths = [path for path, kind in below.items() if kind is ColumnKind.VECTOR and _is_named_vector(path)]
    paths = paths or [
        path for path, kind in below.items() if kind is ColumnKind.INTEGERS and _is_named_vector(path)
    ]
    if paths:
        return _only(name, paths)
    if unnamed := [path for path, kind in below.items() if kind is ColumnKind.VECTOR]:
        raise SourceError(
            f"{name} has no field that is named like a vector, but lists of numbers in {_quoted(unnamed)}",
            hint="Name the one of the vectors with --vector-column.",
        )
    return None


def _only(name: str, paths: Sequence[str]) -> str:
    if len(paths) > 1:
        raise SourceError(
            f"{name} has several vectors in each record: {_quoted(paths)}",
            hint="Name one of them with --vector-column.",
        )
    return paths[0]


def _is_named_vector(path: str) -> bool:
    steps = [str(step).lower() for step in parse_path(path)]
    return any(word in step for step in steps for word in _VECTOR_WORDS)


def _is_text_vector(records: Sequence[Mapping[str, Any]], path: str) -> bool:
    values = [value for record in records if (value := field_value(record, path)) is not None]
    texts = [value for value in values if isinstance(value, str)]
    return bool(texts) and len(texts) == len(values) and is_vector_text(texts[0])


def _without_roots(
    layout: Layout, kinds: Mapping[str, ColumnKind], extra: Mapping[str, ColumnKind]
) -> Layout:
    """Return *layout* without the members, as metadata, that contain the key or the vector."""
    chosen = [path for path in (layout.key, layout.vector) if path and path in extra and path not in kinds]
    roots = {root_of(path) for path in chosen} - {layout.objects}
    flat = layout.flat if layout.is_chosen else tuple(c for c in layout.flat if c not in roots | {*extra})
    dropped = tuple(root for root in kinds if root in roots and root not in (*layout.others, *flat))
    return replace(layout, flat=flat, others=(*layout.others, *dropped))


def _single_check(layout: Layout) -> Callable[[object], object]:
    """Return the check that lists of which the layout takes the first element have no other."""
    path = layout.vector or ""
    parents = [path[: found.start()] for found in re.finditer(r"\[0\]", path)]

    def check(record: object) -> object:
        if not isinstance(record, Mapping):
            return record
        lists = [(parent, field_value(record, parent)) for parent in parents]
        several = [(parent, found) for parent, found in lists if isinstance(found, list) and len(found) > 1]
        if not several:
            return record
        parent, found = several[0]
        problem = f"record holds {len(found):,} vectors in {parent}; choose one with --vector-column {path}"
        return UnreadableRecord(problem, orjson.dumps(record).decode(), record)

    return check if parents else _as_is


def _as_is(record: object) -> object:
    return record


def _quoted(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_MAX:,} more" if len(names) > _NAMES_MAX else ""
    return ", ".join(f'"{name}"' for name in names[:_NAMES_MAX]) + more
