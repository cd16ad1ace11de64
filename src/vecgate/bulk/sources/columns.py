"""Which column is what: guessed from names and types, or said by the user.

A name decides before a type does, names in the order of the tuples below, without regard to case. Columns
that hold the wrong kind of value are no candidates, unless the user named them: then that is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
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
#: The member of a vector in the service's own shape, `{"float32": [...]}`.
SERVICE_MEMBER = "float32"
#: What our set-aside files say beside the record; together they are not metadata.
SET_ASIDE_NAMES = frozenset({"problem", "position"})


class Kind(StrEnum):
    """What a column holds, in words for an error message."""

    TEXT = "text"
    INTEGER = "integers"
    BYTES = "bytes"
    VECTOR = "lists of numbers"
    LIST = "lists"
    OBJECT = "objects"
    EMPTY = "nothing"
    OTHER = "other values"


KEY_KINDS = frozenset({Kind.TEXT, Kind.INTEGER, Kind.BYTES, Kind.EMPTY})
VECTOR_KINDS = frozenset({Kind.VECTOR, Kind.LIST, Kind.EMPTY})


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """What the user said; None leaves it to the guess.

    key         column of the keys
    vector      column of the vectors
    metadata    columns that become metadata: one column of objects, or any number of others, or ()
    key_prefix  put before every key; where there is no column of keys, the rows are numbered from 0
    """

    key: str | None = None
    vector: str | None = None
    metadata: tuple[str, ...] | None = None
    key_prefix: str | None = None


#: Leaves everything to the guess.
GUESS = ColumnChoice()


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column is what.

    key            column of the keys, None where the row number is the key
    key_kind       what it holds
    key_prefix     put before every key
    vector         column of the vectors, None where only keys are read
    objects        the column that holds metadata objects, None where metadata is flat
    flat           columns that each become one metadata entry
    is_chosen      the user named the metadata columns
    others         columns that are not used
    """

    key: str | None
    key_kind: Kind
    key_prefix: str
    vector: str | None
    objects: str | None = None
    flat: tuple[str, ...] = ()
    is_chosen: bool = False
    others: tuple[str, ...] = ()

    @property
    def used(self) -> list[str]:
        """The columns to read."""
        return [name for name in (self.key, self.vector, self.objects, *self.flat) if name is not None]

    def describe(self, dimension: int | None, value_type: str) -> str:
        """One line of what was recognised, with the length of the vectors and the type of their values."""
        vectors = f"{dimension} × {value_type}" if dimension else "no usable one yet"
        parts = [f"key ← {self._key_words()}"]
        if self.vector is not None:
            parts += [f'vector ← "{self.vector}" ({vectors})', f"metadata ← {self._metadata_words()}"]
            parts += [f"not used: {', '.join(self.others)}"] if self.others else []
        return ", ".join(parts)

    def _key_words(self) -> str:
        prefix = f'"{self.key_prefix}" + ' if self.key_prefix else ""
        if self.key is None:
            return f"{prefix}row number"
        return f'{prefix}"{self.key}"' + (" (integers as text)" if self.key_kind is Kind.INTEGER else "")

    def _metadata_words(self) -> str:
        return f'the objects in "{self.objects}"' if self.objects else ", ".join(self.flat) or "none"


def recognise(
    name: str,
    kinds: Mapping[str, Kind],
    choice: ColumnChoice,
    *,
    keys_only: bool = False,
    is_numbered: bool = False,
) -> Layout:
    """The layout of the source *name*, whose columns hold *kinds*.

    is_numbered  rows without a column of keys are numbered, as in a bare matrix

    Raises SourceError where a chosen column is not there, or nothing fits.
    """
    _check_chosen(name, kinds, choice)
    vector = None if keys_only else _vector_column(name, kinds, choice)
    key = _key_column(name, kinds, choice, is_numbered=is_numbered, vector=vector)
    layout = Layout(key, kinds[key] if key else Kind.INTEGER, choice.key_prefix or "", vector)
    return layout if keys_only else _with_metadata(layout, kinds, choice)


def _check_chosen(name: str, kinds: Mapping[str, Kind], choice: ColumnChoice) -> None:
    chosen = [choice.key, choice.vector, *(choice.metadata or ())]
    missing = [column for column in chosen if column is not None and column not in kinds]
    if missing:
        raise SourceError(f"{name} has no column {_quoted(missing)}", hint=f"It has {_quoted(kinds)}.")


def _key_column(
    name: str, kinds: Mapping[str, Kind], choice: ColumnChoice, *, is_numbered: bool, vector: str | None
) -> str | None:
    if choice.key is not None:
        return _of_kind(name, choice.key, kinds, KEY_KINDS, "keys are text or integers")
    usable = [c for c, kind in kinds.items() if kind in KEY_KINDS and c != vector]
    if found := _first_named(usable, KEY_NAMES):
        return found
    if is_numbered or choice.key_prefix is not None:
        return None
    raise SourceError(
        f"{name} has no column of keys that could be recognised, among {_quoted(kinds)}",
        hint="Name it with --key-column, or number the rows with --key-prefix.",
    )


def _vector_column(name: str, kinds: Mapping[str, Kind], choice: ColumnChoice) -> str:
    if choice.vector is not None:
        return _of_kind(name, choice.vector, kinds, VECTOR_KINDS, "vectors are lists of numbers")
    vectors = [c for c, kind in kinds.items() if kind is Kind.VECTOR]
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
        hint="Name the one with the vectors with --vector-column.",
    )


def _with_metadata(layout: Layout, kinds: Mapping[str, Kind], choice: ColumnChoice) -> Layout:
    free = [column for column in kinds if column not in (layout.key, layout.vector)]
    wanted = free if choice.metadata is None else list(choice.metadata)
    objects = _objects_column(wanted, kinds, is_chosen=choice.metadata is not None)
    hidden = SET_ASIDE_NAMES if set(free) >= SET_ASIDE_NAMES else frozenset[str]()
    flat = () if objects else tuple(c for c in wanted if choice.metadata is not None or c not in hidden)
    return Layout(
        layout.key,
        layout.key_kind,
        layout.key_prefix,
        layout.vector,
        objects,
        flat,
        is_chosen=choice.metadata is not None,
        others=tuple(c for c in free if c != objects and c not in flat),
    )


def _objects_column(wanted: list[str], kinds: Mapping[str, Kind], *, is_chosen: bool) -> str | None:
    if is_chosen:
        return wanted[0] if len(wanted) == 1 and kinds[wanted[0]] is Kind.OBJECT else None
    if found := _first_named([c for c in wanted if kinds[c] is Kind.OBJECT], METADATA_NAMES):
        return found
    # Pinecone's exports keep the object as JSON text; set-aside files write null where there is none.
    loose = [c for c in wanted if kinds[c] in {Kind.TEXT, Kind.EMPTY}]
    return _first_named(loose, METADATA_NAMES[:1])


def _of_kind(name: str, column: str, kinds: Mapping[str, Kind], allowed: Collection[Kind], rule: str) -> str:
    if kinds[column] not in allowed:
        raise SourceError(f'column "{column}" of {name} holds {kinds[column]}; {rule}')
    return column


def _first_named(columns: Iterable[str], names: Iterable[str]) -> str | None:
    by_name = {column.lower(): column for column in reversed(list(columns))}
    return next((by_name[name] for name in names if name in by_name), None)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
