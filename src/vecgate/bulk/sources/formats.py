"""Opens sources and recognises the format of a file: by its first bytes, or else by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import cast

from vecgate.bulk.sources.chain import ChainSource
from vecgate.bulk.sources.column_mapping import GUESS, ColumnChoice
from vecgate.bulk.sources.compression import OPENERS, SUFFIXES
from vecgate.bulk.sources.directory import common_root, find_files, name_some, partitions
from vecgate.bulk.sources.jsonl import open_stdin
from vecgate.bulk.sources.source import EmptySource, FileSource, Source, source_errors
from vecgate.errors import SourceError
from vecgate.formatting import format_count

STDIN = "-"
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    opener    module and function that opens it; imported on use, because pyarrow is slow to import
    suffixes  of its file names
    magics    possible first bytes
    """

    opener: tuple[str, str]
    suffixes: tuple[str, ...]
    magics: tuple[bytes, ...]


FORMATS = {
    "parquet": Format(("tables.parquet", "open_parquet"), (".parquet", ".pq"), (b"PAR1",)),
    "Arrow": Format(
        ("tables.arrow", "open_arrow"),
        (".arrow", ".feather", ".ipc", ".arrows"),
        (b"ARROW1", b"\xff\xff\xff\xff"),
    ),
    ".npy": Format(("numpy_files", "open_npy"), (".npy",), (b"\x93NUMPY",)),
    ".npz": Format(("numpy_files", "open_npz"), (".npz",), (b"PK\x03\x04",)),
    "HDF5": Format(("hdf5", "open_hdf5"), (".hdf5", ".h5", ".hdf"), (b"\x89HDF\r\n\x1a\n",)),
    "JSON lines": Format(
        ("jsonl", "open_jsonl"),
        tuple(name + suffix for suffix in SUFFIXES for name in (".jsonl", ".ndjson", ".json")),
        (*OPENERS, b"{"),
    ),
}


def open_source(
    path: str | Path | Sequence[str | Path],
    *,
    columns: ColumnChoice = GUESS,
    keys_only: bool = False,
    skip_unreadable: bool = False,
) -> Source:
    """Open the records in *path*: a file, a directory of files, several paths, or `-` for JSON lines from
    stdin.

    Files of a directory are read in the order of their paths. Several files must have the same format and the
    columns of the first one that has records.

    skip_unreadable  read a directory without its files of unknown formats

    Raises SourceError, with a message of one line, for input that cannot be read as records.
    """
    if isinstance(path, str | Path):
        if str(path) == STDIN:
            return open_stdin(columns=columns, keys_only=keys_only)
        given, name = [Path(path)], str(path)
    else:
        given, name = [Path(each) for each in path], f"{len(path)} files"
    if len(given) == 1 and not given[0].is_dir():
        return _open(given[0], detect_format(given[0]), columns, keys_only=keys_only)
    return _chain(name, given, columns, keys_only=keys_only, skip_unreadable=skip_unreadable)


def detect_format(path: Path) -> str:
    """Return the name of the format in FORMATS. Raises SourceError if the file is empty or has another
    format.
    """
    with source_errors(str(path), "a file"), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        # A part of a dataset of lines may have no line; a file of another format has at least a header.
        error = EmptySource if "JSON lines" in _by_suffix(path) else SourceError
        raise error(f"{path} is empty")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    by_content = [
        name for name, f in FORMATS.items() if head.startswith(f.magics) or text.startswith(f.magics)
    ]
    found = [*by_content, *_by_suffix(path)]
    if not found:
        raise SourceError(
            f"the format of {path} is unknown",
            hint=f"Supported are {', '.join(FORMATS)}, and - for JSON lines on standard input.",
        )
    return found[0]


def _by_suffix(path: Path) -> list[str]:
    return [name for name, f in FORMATS.items() if path.name.lower().endswith(f.suffixes)]


def _is_readable(path: Path) -> bool:
    try:
        detect_format(path)
    except EmptySource:
        return True
    except SourceError:
        # A file with the name of a known format is opened, so that the error says what is wrong with it.
        return bool(_by_suffix(path))
    return True


def _chain(
    name: str, given: Sequence[Path], columns: ColumnChoice, *, keys_only: bool, skip_unreadable: bool
) -> Source:
    if not given:
        raise SourceError("no file is given")
    found = {path: find_files(path, _is_readable) for path in given if path.is_dir()}
    unreadable = [file for files in found.values() for file in files.unreadable]
    skipped = [each for files in found.values() for each in files.skipped]
    paths = [file for path in given for file in (found[path].readable if path in found else (path,))]
    if not paths:
        raise SourceError(
            f"no file in the directory {name} has a supported format",
            hint=f"Supported are {', '.join(FORMATS)}.",
        )
    if unreadable and not skip_unreadable:
        raise SourceError(
            f"{name} has {format_count(len(unreadable), 'file')} of unknown formats: {name_some(unreadable)}",
            hint=f"Supported are {', '.join(FORMATS)}. Read the other files alone with --skip-unreadable.",
        )
    opened = _open_parts(name, paths, columns, keys_only=keys_only)
    root = given[0] if len(given) == 1 else common_root(paths)
    entries = [] if keys_only or columns.metadata == () else partitions([path for path, _ in opened], root)
    parts = tuple(part for _, part in opened)
    with_records = {path for path, _ in opened}
    notes: list[tuple[str, Sequence[object]]] = [
        ("skipped by name", skipped),
        ("skipped, unknown format", unreadable),
        ("skipped, no records", [path for path in paths if path not in with_records]),
        ("columns that the first file does not have are not used", _unused_columns(opened)),
    ]
    texts = tuple(f"{label}: {name_some(names)}" for label, names in notes if names)
    return ChainSource(name, parts, entries if any(entries) else (), texts)


def _open_parts(
    name: str, paths: Sequence[Path], columns: ColumnChoice, *, keys_only: bool
) -> list[tuple[Path, FileSource]]:
    """Open the files with records, all with the layout of the first one."""
    opened: list[tuple[Path, FileSource]] = []
    formats: dict[str, Path] = {}
    empty: EmptySource | None = None
    for path in paths:
        try:
            found = detect_format(path)
            formats.setdefault(found, path)
            if len(formats) > 1:
                continue
            part = _open(path, found, columns, keys_only=keys_only)
            opened.append((path, part))
            columns = replace(columns, layout=part.layout)
        except EmptySource as error:
            empty = error
    if len(formats) > 1:
        examples = ", ".join(f"{fmt} in {file}" for fmt, file in formats.items())
        raise SourceError(
            f"{name} has files of several formats: {examples}", hint="Put the files of one format at a time."
        )
    if not opened:
        assert empty is not None
        raise empty
    return opened


def _unused_columns(parts: Sequence[tuple[Path, FileSource]]) -> list[str]:
    """Return the columns that some files have and the first one does not, each with the first such file."""
    first = parts[0][1]
    known = {*first.layout.used, *first.layout.others}
    extra: dict[str, Path] = {}
    for path, part in parts:
        for column in part.layout.others:
            if column not in known:
                extra.setdefault(column, path)
    return [f'"{column}" of {path}' for column, path in extra.items()]


def _open(path: Path, fmt: str, columns: ColumnChoice, *, keys_only: bool) -> FileSource:
    module, function = FORMATS[fmt].opener
    opener = getattr(import_module(f"vecgate.bulk.sources.{module}"), function)
    return cast("FileSource", opener(path, columns=columns, keys_only=keys_only))
