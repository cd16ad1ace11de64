"""Decides how each column is used: from its name and type, or as the user chooses.

The name takes precedence over the type. Names are tried in the order of the tuples below, ignoring case.
Columns with the wrong kind of value are not candidates; choosing one explicitly is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vecgate.bulk.sources.plain_values import DEFAULT_SHAPE, MetadataShape
from vecgate.errors import SourceError

KEY_NAMES = (
    "key",
    "id",
    "_id",
    "chunk_id",
    "vector_id",
    "doc_id",
    "document_id",
    "uuid",
    "pk",
    "keys",
    "ids",
    "__index_level_0__",
)
#: Those that name a document, which may have several records.
DOCUMENT_KEY_NAMES = frozenset({"doc_id", "document_id"})
#: Start of the names that pandas gives to an index without a name. Its texts may be keys, but it is no
#: metadata, and its integers are row numbers.
_PANDAS_INDEX = "__index_level_"
VECTOR_NAMES = (
    *("vector", "embedding", "embeddings", "emb", "values", "data", "float32"),
    *("vectors", "vec", "dense_vector", "train"),
)
#: Names of number arrays that are no vectors: the results of a search, and the tokens of a text.
_OTHER_ARRAYS = re.compile(
    r"(?i)(^|_)(neighbou?rs?|distances?|scores?|indices|ranks?|ground_?truth|tokens?|offsets?)(_|$)|token_?ids?$"
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
    metadata    what becomes metadata: one column of objects, or any number of columns and entries of objects,
                each `column`, `column.entry` or `column=name`, or ()
    shape       how values become metadata
    key_prefix  prepended to every key; without a column of keys, the rows are numbered from 0
    row_keys    number the rows from 0 instead of reading keys
    layout      the layout of the first of several files, which the others must have
    text_columns  columns of CSV that stay text although all their cells are numbers
    """

    key: str | None = None
    vector: str | None = None
    metadata: tuple[str, ...] | None = None
    key_prefix: str | None = None
    row_keys: bool = False
    layout: Layout | None = None
    shape: MetadataShape = DEFAULT_SHAPE
    text_columns: tuple[str, ...] = ()


#: Chooses nothing: all columns are recognised.
GUESS = ColumnChoice()


@dataclass(frozen=True, slots=True)
class MetadataPick:
    """A metadata entry from a column.

    column  of the source
    path    names of the entries of objects that lead to the value; empty for the whole column
    name    of the metadata entry; empty if the column has objects, whose entries become metadata
    """

    column: str
    path: tuple[str, ...]
    name: str

    @property
    def source(self) -> str:
        """The column and the path, as the user writes them."""
        return ".".join((self.column, *self.path))

    @property
    def is_column(self) -> bool:
        """True for a whole column under its own name."""
        return not self.path and self.name == self.column

    def __str__(self) -> str:
        if not self.name:
            return f'the objects in "{self.source}"'
        return self.source if self.source == self.name else f"{self.source} as {self.name}"


@dataclass(frozen=True, slots=True)
class Layout:
    """The use of each column.

    key            column of the keys, None if the row number is the key
    key_kind       kind of its values
    key_prefix     prepended to every key
    vector         column of the vectors, None if only keys are read
    objects        the column of metadata objects, None if metadata is flat
    flat           columns that each become one metadata entry
    picks          further entries: renamed ones, entries of objects, and several columns of objects
    shape          how values become metadata
    is_chosen      the user chose the metadata columns
    others         columns that are not used
    numeric        columns of tables that hold numbers or booleans
    texts          columns of tables that hold text
    kept_as_text   those of *texts* that the user chose, or whose integers have more than 64 bits
    """

    key: str | None
    key_kind: ColumnKind
    key_prefix: str
    vector: str | None
    objects: str | None = None
    flat: tuple[str, ...] = ()
    is_chosen: bool = False
    others: tuple[str, ...] = ()
    picks: tuple[MetadataPick, ...] = ()
    shape: MetadataShape = DEFAULT_SHAPE
    numeric: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    kept_as_text: tuple[str, ...] = ()

    @property
    def used(self) -> list[str]:
        """The names of the columns to read."""
        names = (self.key, self.vector, self.objects, *self.flat, *(pick.column for pick in self.picks))
        return list(dict.fromkeys(name for name in names if name is not None))

    def describe(self, dimension: int | None, value_type: str) -> str:
        """Return one line that says how each column is used, with dimension and type of the values."""
        vectors = f"{dimension} × {value_type}" if dimension else "no usable vector yet"
        parts = [f"key ← {self._describe_key()}"]
        if self.vector is not None:
            parts += [f'vector ← "{self.vector}" ({vectors})', f"metadata ← {self._describe_metadata()}"]
            parts += (
                [f"not used: {', '.join(name or 'the unnamed column' for name in self.others)}"]
                if self.others
                else []
            )
        parts += [f"as text: {', '.join(self.kept_as_text)}"] if self.kept_as_text else []
        return ", ".join(parts)

    def _describe_key(self) -> str:
        prefix = f'"{self.key_prefix}" + ' if self.key_prefix else ""
        if self.key is None:
            return f"{prefix}row number"
        return f'{prefix}"{self.key}"' + (
            f" ({self.key_kind} as text)" if self.key_kind in {ColumnKind.INTEGER, ColumnKind.UUID} else ""
        )

    def _describe_metadata(self) -> str:
        if self.objects:
            return f'the objects in "{self.objects}"{self.shape.describe()}'
        columns = ", ".join((*self.flat, *map(str, self.picks))) or "none"
        return f"{'only ' * self.is_chosen}{columns}{self.shape.describe()}"


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
    chosen = [choice.key, choice.vector]
    missing = [column for column in chosen if column is not None and column not in kinds]
    missing += [text for text in choice.metadata or () if text not in kinds and _pick(text, kinds) is None]
    if missing:
        raise SourceError(f"{name} has no column {_quoted(missing)}", hint=f"It has {_quoted(kinds)}.")


def _given_layout(name: str, kinds: Mapping[str, ColumnKind], layout: Layout, *, is_sparse: bool) -> Layout:
    """Return *layout* for a file that has all its columns. Raises SourceError for another file."""
    picked = [pick.column for pick in layout.picks]
    needed = [layout.key, layout.vector, *(() if is_sparse else (layout.objects, *layout.flat, *picked))]
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
    if key_kind is ColumnKind.BYTES and layout.key_kind is ColumnKind.UUID:
        key_kind = ColumnKind.UUID
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
    usable = [c for c, kind in kinds.items() if _may_be_key(c, kind) and c != vector]
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
        "--row-keys (0, 1, …), or give them with --ids. Equal keys of another file are overwritten.",
    )


def _may_be_key(column: str, kind: ColumnKind) -> bool:
    return kind is ColumnKind.TEXT if column.startswith(_PANDAS_INDEX) else kind in KEY_KINDS


def _vector_column(name: str, kinds: Mapping[str, ColumnKind], choice: ColumnChoice) -> str:
    if choice.vector is not None:
        return _check_kind(name, choice.vector, kinds, VECTOR_KINDS, "vectors are lists of numbers")
    arrays = [c for c, kind in kinds.items() if kind in NUMBER_LISTS]
    if found := _first_named(arrays, VECTOR_NAMES):
        return found
    vectors = [c for c in arrays if kinds[c] is ColumnKind.VECTOR and not _OTHER_ARRAYS.search(c)]
    if len(vectors) == 1:
        return vectors[0]
    if found := _first_named([c for c, kind in kinds.items() if kind in VECTOR_KINDS], VECTOR_NAMES):
        return found
    if vectors:
        problem = f"{name} has several columns with lists of numbers: {_quoted(vectors)}"
    elif arrays:
        problem = (
            f"{name} has no column that is certainly vectors; its lists of integers, or named like results "
            f"of a search, are {_quoted(arrays)}"
        )
    else:
        problem = f"{name} has no column with lists of numbers, among {_quoted(kinds)}"
    raise SourceError(problem, hint="Name the column of the vectors with --vector-column.")


def _with_metadata(layout: Layout, kinds: Mapping[str, ColumnKind], choice: ColumnChoice) -> Layout:
    unused = [column for column in kinds if column not in (layout.key, layout.vector)]
    is_chosen = choice.metadata is not None
    candidates = unused if choice.metadata is None else choice.metadata
    objects = _objects_column(candidates, kinds, is_chosen=is_chosen)
    picks: tuple[MetadataPick, ...] = ()
    if choice.metadata is None:
        # A second vector is no metadata that anyone filters, and seldom fits the limits.
        ignored = {column for column in unused if kinds[column] is ColumnKind.VECTOR}
        # pandas writes an index without a name to CSV as a column without one.
        ignored |= {column for column in unused if not column or column.startswith(_PANDAS_INDEX)}
        ignored |= {*REJECT_COLUMNS, RAW_COLUMN} if set(unused) >= REJECT_COLUMNS else set()
        flat = tuple(c for c in unused if c not in ignored)
    else:
        found = [pick for text in choice.metadata if (pick := _pick(text, kinds)) is not None]
        flat = tuple(pick.column for pick in found if pick.is_column)
        picks = tuple(pick for pick in found if not pick.is_column)
        _check_names([*flat, *(pick.name for pick in picks)])
    layout = replace(
        layout,
        objects=objects,
        flat=() if objects else flat,
        picks=() if objects else picks,
        is_chosen=is_chosen,
        shape=choice.shape,
    )
    return replace(layout, others=tuple(c for c in unused if c not in layout.used))


def check_entries(name: str, layout: Layout, is_there: Callable[[MetadataPick], bool]) -> None:
    """Raise SourceError if a chosen entry of an object is not in the source *name*: it would be lost without
    a word.
    """
    missing = [pick.source for pick in layout.picks if pick.path and not is_there(pick)]
    if missing:
        raise SourceError(
            f"{name} has no entry {_quoted(missing)}", hint="Name an entry of an object as column.entry."
        )


def _check_names(names: Sequence[str]) -> None:
    """Raise SourceError if two of the chosen columns would become the same metadata entry."""
    repeated = {name for name in names if name and names.count(name) > 1}
    if repeated:
        raise SourceError(
            f"the metadata entry {_quoted(sorted(repeated))} is named twice",
            hint="Name each entry once; column=name gives another name.",
        )


def _pick(text: str, kinds: Mapping[str, ColumnKind]) -> MetadataPick | None:
    """Return what *text* names: `column`, `column.entry`, or one of these with `=name`; None if it names no
    column.
    """
    if text in kinds:
        return MetadataPick(text, (), "" if kinds[text] is ColumnKind.OBJECT else text)
    source, _, name = text.rpartition("=")
    path = _column_path(source, kinds) if name else None
    if path is None:
        path, name = _column_path(text, kinds), text
    return None if path is None else MetadataPick(path[0], path[1:], name)


def _column_path(text: str, kinds: Mapping[str, ColumnKind]) -> tuple[str, ...] | None:
    """Return the column in *text*, the longest that fits, and the names of entries of objects below it."""
    if text in kinds:
        return (text,)
    at = len(text)
    while (at := text.rfind(".", 0, at)) > 0:
        if kinds.get(text[:at]) in {ColumnKind.OBJECT, ColumnKind.EMPTY}:
            return (text[:at], *text[at + 1 :].split("."))
    return None


def _objects_column(
    candidates: Sequence[str], kinds: Mapping[str, ColumnKind], *, is_chosen: bool
) -> str | None:
    if is_chosen:
        (only,) = candidates if len(candidates) == 1 else ("",)
        return only if kinds.get(only) is ColumnKind.OBJECT else None
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
