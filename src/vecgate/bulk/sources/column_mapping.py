"""Decides how each column is used: from its name and type, or as the user chooses.

The name takes precedence over the type. Names are tried in the order of the tuples below, ignoring case.
Columns with the wrong kind of value are not candidates; choosing one explicitly is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from vecgate.errors import SourceError

KEY_NAMES = (
    "key",
    "id",
    "_id",
    "doc_id",
    "document_id",
    "chunk_id",
    "vector_id",
    "uuid",
    "pk",
    "keys",
    "ids",
)
VECTOR_NAMES = (
    *("vector", "embedding", "embeddings", "emb", "values", "data", "float32"),
    *("vectors", "vec", "dense_vector", "train"),
)
METADATA_NAMES = ("metadata", "meta", "payload")
#: The member of a vector in the service's own form, `{"float32": [...]}`.
FLOAT32_MEMBER = "float32"
#: Columns that a rejects file has beside the record. If both are present, they are not metadata.
REJECT_COLUMNS = frozenset({"problem", "position"})
#: Column of a rejects file for the text of a record that could not be parsed.
RAW_COLUMN = "raw"


class ColumnKind(StrEnum):
    """The kind of values in a column, worded for error messages."""

    TEXT = "text"
    INTEGER = "integers"
    BYTES = "bytes"
    UUID = "UUIDs"
    VECTOR = "lists of numbers"
    INTEGERS = "lists of integers"
    LIST = "lists"
    OBJECT = "objects"
    EMPTY = "nothing"
    OTHER = "other values"


KEY_KINDS = frozenset(
    {ColumnKind.TEXT, ColumnKind.INTEGER, ColumnKind.BYTES, ColumnKind.UUID, ColumnKind.EMPTY}
)
NUMBER_LISTS = frozenset({ColumnKind.VECTOR, ColumnKind.INTEGERS})
VECTOR_KINDS = NUMBER_LISTS | {ColumnKind.LIST, ColumnKind.EMPTY}


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """Columns that the user chose; None means that the column is recognised.

    key         column of the keys
    vector      column of the vectors
    metadata    columns that become metadata: one column of objects, or any number of others, or ()
    key_prefix  prepended to every key; without a column of keys, the rows are numbered from 0
    row_keys    number the rows from 0 instead of reading keys
    layout      the layout of the first of several files, which the others must have
    """

    key: str | None = None
    vector: str | None = None
    metadata: tuple[str, ...] | None = None
    key_prefix: str | None = None
    row_keys: bool = False
    layout: Layout | None = None


#: Chooses nothing: all columns are recognised.
GUESS = ColumnChoice()


@dataclass(frozen=True, slots=True)
class Layout:
    """The use of each column.

    key            column of the keys, None if the row number is the key
    key_kind       kind of its values
    key_prefix     prepended to every key
    vector         column of the vectors, None if only keys are read
    objects        the column of metadata objects, None if metadata is flat
    flat           columns that each become one metadata entry
    is_chosen      the user chose the metadata columns
    others         columns that are not used
    """

    key: str | None
    key_kind: ColumnKind
    key_prefix: str
    vector: str | None
    objects: str | None = None
    flat: tuple[str, ...] = ()
    is_chosen: bool = False
    others: tuple[str, ...] = ()

    @property
    def used(self) -> list[str]:
        """The names of the columns to read."""
        return [name for name in (self.key, self.vector, self.objects, *self.flat) if name is not None]

    def describe(self, dimension: int | None, value_type: str) -> str:
        """Return one line that says how each column is used, with dimension and type of the values."""
        vectors = f"{dimension} × {value_type}" if dimension else "no usable vector yet"
        parts = [f"key ← {self._describe_key()}"]
        if self.vector is not None:
            parts += [f'vector ← "{self.vector}" ({vectors})', f"metadata ← {self._describe_metadata()}"]
            parts += [f"not used: {', '.join(self.others)}"] if self.others else []
        return ", ".join(parts)

    def _describe_key(self) -> str:
        prefix = f'"{self.key_prefix}" + ' if self.key_prefix else ""
        if self.key is None:
            return f"{prefix}row number"
        return f'{prefix}"{self.key}"' + (
            f" ({self.key_kind} as text)" if self.key_kind in {ColumnKind.INTEGER, ColumnKind.UUID} else ""
        )

    def _describe_metadata(self) -> str:
        columns = ", ".join(self.flat) or "none"
        return f'the objects in "{self.objects}"' if self.objects else f"{'only ' * self.is_chosen}{columns}"


def detect_layout(
    name: str,
    kinds: Mapping[str, ColumnKind],
    choice: ColumnChoice,
    *,
    keys_only: bool = False,
    is_sparse: bool = False,
) -> Layout:
    """Return the layout of the source *name*, whose columns have *kinds*.

    is_sparse  a record may lack any column, so that *kinds* may lack columns of metadata

    Raises SourceError if a chosen column does not exist, or no column fits.
    """
    if choice.layout is not None:
        return _given_layout(name, kinds, choice.layout, is_sparse=is_sparse)
    _check_chosen(name, kinds, choice)
    vector = None if keys_only else _vector_column(name, kinds, choice)
    key = _key_column(name, kinds, choice, keys_only=keys_only, vector=vector)
    layout = Layout(key, kinds[key] if key else ColumnKind.INTEGER, choice.key_prefix or "", vector)
    return layout if keys_only else _with_metadata(layout, kinds, choice)


def _check_chosen(name: str, kinds: Mapping[str, ColumnKind], choice: ColumnChoice) -> None:
    chosen = [choice.key, choice.vector, *(choice.metadata or ())]
    missing = [column for column in chosen if column is not None and column not in kinds]
    if missing:
        raise SourceError(f"{name} has no column {_quoted(missing)}", hint=f"It has {_quoted(kinds)}.")


def _given_layout(name: str, kinds: Mapping[str, ColumnKind], layout: Layout, *, is_sparse: bool) -> Layout:
    """Return *layout* for a file that has all its columns. Raises SourceError for another file."""
    needed = [layout.key, layout.vector, *(() if is_sparse else (layout.objects, *layout.flat))]
    unused = [column for column in kinds if column not in layout.used]
    if is_sparse and layout.objects is not None and unused:
        needed.append(layout.objects)
    if missing := [column for column in needed if column is not None and column not in kinds]:
        raise SourceError(
            f"{name} has no column {_quoted(missing)}, which the files before it have",
            hint=f"It has {_quoted(kinds)}. Put files of different columns one at a time.",
        )
    if layout.key is not None:
        _check_kind(name, layout.key, kinds, KEY_KINDS, "keys are text or integers")
    if layout.vector is not None:
        _check_kind(name, layout.vector, kinds, VECTOR_KINDS, "vectors are lists of numbers")
    key_kind = layout.key_kind if layout.key is None else kinds[layout.key]
    flat_is_open = is_sparse and not layout.is_chosen and layout.objects is None
    others = tuple(c for c in unused if not flat_is_open or c in layout.others)
    return replace(layout, key_kind=key_kind, others=others)


def _key_column(
    name: str, kinds: Mapping[str, ColumnKind], choice: ColumnChoice, *, keys_only: bool, vector: str | None
) -> str | None:
    if choice.row_keys and not keys_only:
        if choice.key is not None:
            raise SourceError(f'the keys are either row numbers or the column "{choice.key}", not both')
        return None
    if choice.key is not None:
        return _check_kind(name, choice.key, kinds, KEY_KINDS, "keys are text or integers")
    usable = [c for c, kind in kinds.items() if kind in KEY_KINDS and c != vector]
    if found := _first_named(usable, KEY_NAMES):
        return found
    if keys_only:
        raise SourceError(
            f"no column of {name} is recognised as keys, among {_quoted(kinds)}; row numbers do not say what "
            "to delete",
            hint="Name the column with --key-column.",
        )
    if choice.key_prefix is not None:
        return None
    raise SourceError(
        f"no column of {name} is recognised as keys, among {_quoted(kinds)}",
        hint="Name the column with --key-column, or number the rows with --key-prefix P (P0, P1, …) or "
        "--row-keys (0, 1, …). Equal keys of another file are overwritten.",
    )


def _vector_column(name: str, kinds: Mapping[str, ColumnKind], choice: ColumnChoice) -> str:
    if choice.vector is not None:
        return _check_kind(name, choice.vector, kinds, VECTOR_KINDS, "vectors are lists of numbers")
    vectors = [c for c, kind in kinds.items() if kind in NUMBER_LISTS]
    if found := _first_named(vectors, VECTOR_NAMES):
        return found
    if len(vectors) == 1:
        return vectors[0]
    if found := _first_named([c for c, kind in kinds.items() if kind in VECTOR_KINDS], VECTOR_NAMES):
        return found
    raise SourceError(
        f"{name} has several columns with lists of numbers: {_quoted(vectors)}"
        if vectors
        else f"{name} has no column with lists of numbers, among {_quoted(kinds)}",
        hint="Name the column of the vectors with --vector-column.",
    )


def _with_metadata(layout: Layout, kinds: Mapping[str, ColumnKind], choice: ColumnChoice) -> Layout:
    unused = [column for column in kinds if column not in (layout.key, layout.vector)]
    candidates = unused if choice.metadata is None else list(choice.metadata)
    objects = _objects_column(candidates, kinds, is_chosen=choice.metadata is not None)
    # A second vector is no metadata that anyone filters, and seldom fits the limits.
    ignored = {column for column in unused if kinds[column] is ColumnKind.VECTOR}
    ignored |= {*REJECT_COLUMNS, RAW_COLUMN} if set(unused) >= REJECT_COLUMNS else set()
    flat = () if objects else tuple(c for c in candidates if choice.metadata is not None or c not in ignored)
    return Layout(
        layout.key,
        layout.key_kind,
        layout.key_prefix,
        layout.vector,
        objects,
        flat,
        is_chosen=choice.metadata is not None,
        others=tuple(c for c in unused if c != objects and c not in flat),
    )


def _objects_column(candidates: list[str], kinds: Mapping[str, ColumnKind], *, is_chosen: bool) -> str | None:
    if is_chosen:
        return candidates[0] if len(candidates) == 1 and kinds[candidates[0]] is ColumnKind.OBJECT else None
    if found := _first_named([c for c in candidates if kinds[c] is ColumnKind.OBJECT], METADATA_NAMES):
        return found
    # Pinecone's exports keep the object as JSON text; rejects files write null for missing metadata.
    text_columns = [c for c in candidates if kinds[c] is ColumnKind.TEXT]
    empty_columns = [c for c in candidates if kinds[c] is ColumnKind.EMPTY]
    return _first_named(text_columns, METADATA_NAMES[:1]) or _first_named(empty_columns, METADATA_NAMES)


def _check_kind(
    name: str, column: str, kinds: Mapping[str, ColumnKind], allowed: Collection[ColumnKind], rule: str
) -> str:
    if kinds[column] not in allowed:
        raise SourceError(f'column "{column}" of {name} holds {kinds[column]}; {rule}')
    return column


def _first_named(columns: Iterable[str], names: Iterable[str]) -> str | None:
    by_name = {column.lower(): column for column in reversed(list(columns))}
    return next((by_name[name] for name in names if name in by_name), None)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
