"""Changes the metadata of vectors: sets and drops entries, or calls a function of the user."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeAlias

import orjson

from vecgate.bulk.check.record_differences import is_same_json
from vecgate.errors import SourceError, UsageError
from vecgate.s3vectors.metadata import Metadata

#: Returns the new metadata of the vector with this key.
Transform: TypeAlias = Callable[[str, dict[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """A change of the metadata of every vector: first *transform*, then *drop*, then *set_entries*.

    transform         None for none; *transform_name* is for messages
    must_be_repeatable  refuse a transform whose result it would change again
    dropped             the keys of *drop* that a vector had so far
    """

    set_entries: Mapping[str, object] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    transform: Transform | None = None
    transform_name: str = ""
    must_be_repeatable: bool = False
    dropped: set[str] = field(default_factory=set, compare=False)

    def describe(self) -> str:
        """Return the change in one line, which identifies it."""
        parts = [f"transform {self.transform_name}"] if self.transform else []
        parts += [f"drop {', '.join(sorted(self.drop))}"] if self.drop else []
        parts += (
            [f"set {orjson.dumps(self.set_entries, option=orjson.OPT_SORT_KEYS).decode()}"]
            if self.set_entries
            else []
        )
        return "; ".join(parts) or "none"

    def apply(self, keys: Sequence[str], documents: Sequence[Metadata | None]) -> list[Metadata | None]:
        """Return the changed metadata of the vectors *keys*.

        Raises SourceError, with the key, if the transform fails or returns no metadata.
        """
        changed = [self._change(key, metadata) for key, metadata in zip(keys, documents, strict=True)]
        if self.must_be_repeatable and self.transform is not None:
            for key, once in zip(keys, changed, strict=True):
                if not is_same_json(self._change(key, once), once):
                    raise SourceError(
                        f"{self.transform_name} changes its own result again, for the key {key!r}; an index "
                        "that is changed in place may be read twice after an interruption",
                        hint="Let it return metadata that it has changed as it is, or copy to another index.",
                    )
        return list(changed)

    @staticmethod
    def changed_rows(before: Sequence[Metadata | None], after: Sequence[Metadata | None]) -> list[int]:
        """Return the rows whose metadata differ."""
        return [
            row
            for row, (old, new) in enumerate(zip(before, after, strict=True))
            if not is_same_json(old or {}, new or {})
        ]

    def _change(self, key: str, metadata: Metadata | None) -> dict[str, Any]:
        new = dict(metadata or {})
        if self.transform is not None:
            new = self._transformed(key, new)
        self.dropped.update(new.keys() & self.drop)
        return {name: value for name, value in new.items() if name not in self.drop} | dict(self.set_entries)

    def _transformed(self, key: str, metadata: dict[str, Any]) -> dict[str, Any]:
        assert self.transform is not None
        try:
            # A copy: a transform that changes its argument must not change what it is compared with.
            found = self.transform(key, deepcopy(metadata))
        except Exception as error:
            raise SourceError(
                f"{self.transform_name} failed for the key {key!r}: {type(error).__name__}: {error}",
                hint="Correct it, and continue with --resume.",
            ) from error
        if not isinstance(found, Mapping):
            raise SourceError(
                f"{self.transform_name} returned a {type(found).__name__} for the key {key!r}, not a dict",
                hint="It takes a key and its metadata, and returns the new metadata.",
            )
        try:
            # As the service will have it: a tuple becomes an array.
            plain: dict[str, Any] = orjson.loads(orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY))
        except (TypeError, orjson.JSONDecodeError) as error:
            raise SourceError(
                f"{self.transform_name} returned metadata for the key {key!r} that JSON cannot hold: {error}",
                hint="Use text, numbers, booleans and lists.",
            ) from error
        return plain


def parse_entry(text: str) -> tuple[str, object]:
    """Parse `key=value`; a value that is JSON is used as such, any other is text. Raises UsageError."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r} is not of the form key=value", hint="Such as genre=horror or year=2024.")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


def load_transform(name: str) -> Transform:
    """Return the function `module:function`, from the current folder or an installed package.

    Raises UsageError if it cannot be found.
    """
    module_name, colon, function_name = name.partition(":")
    if not colon or not module_name or not function_name:
        raise UsageError(f"{name!r} is not of the form module:function", hint="Such as rewrite:add_year.")
    if (folder := os.getcwd()) not in sys.path:  # noqa: PTH109 - sys.path has texts
        sys.path.insert(0, folder)
    try:
        found = getattr(import_module(module_name), function_name)
    except Exception as error:
        raise UsageError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise UsageError(f"{name} is a {type(found).__name__}, not a function")
    function: Transform = found
    return function
