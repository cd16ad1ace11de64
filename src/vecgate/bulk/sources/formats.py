"""Which format a file has: by its first bytes, and by its name where they say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import cast

from vecgate.bulk.aside import SUFFIX as SET_ASIDE
from vecgate.bulk.sources.chain import ChainSource
from vecgate.bulk.sources.columns import GUESS, ColumnChoice
from vecgate.bulk.sources.jsonl import open_stdin
from vecgate.bulk.sources.source import Source, reading
from vecgate.errors import SourceError

STDIN = "-"
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    opener    module and function that opens it; imported on use, since pyarrow takes a while
    suffixes  of its file names
    magics    its first bytes, any of them
    """

    opener: tuple[str, str]
    suffixes: tuple[str, ...]
    magics: tuple[bytes, ...]


FORMATS = {
    "parquet": Format(("parquet", "open_parquet"), (".parquet", ".pq"), (b"PAR1",)),
    "Arrow": Format(
        ("arrow", "open_arrow"), (".arrow", ".feather", ".ipc", ".arrows"), (b"ARROW1", b"\xff\xff\xff\xff")
    ),
    ".npy": Format(("npy", "open_npy"), (".npy",), (b"\x93NUMPY",)),
    ".npz": Format(("npy", "open_npz"), (".npz",), (b"PK\x03\x04",)),
    "HDF5": Format(("hdf5", "open_hdf5"), (".hdf5", ".h5", ".hdf"), (b"\x89HDF\r\n\x1a\n",)),
    "JSON lines": Format(
        ("jsonl", "open_file"),
        (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz"),
        (b"\x1f\x8b", b"{"),
    ),
}


def open_source(
    path: str | Path | Sequence[str | Path],
    *,
    columns: ColumnChoice = GUESS,
    keys_only: bool = False,
) -> Source:
    """The records in *path*: a file, a directory of them, several paths, or `-`, JSON lines from stdin.

    Files of a directory are read in the order of their names; several files must have one format.

    Raises SourceError, in one line, for whatever cannot be read as records.
    """
    if isinstance(path, str | Path):
        if str(path) == STDIN:
            return open_stdin(columns=columns, keys_only=keys_only)
        paths = _files(Path(path))
        name = str(path)
    else:
        paths = [file for each in path for file in _files(Path(each))]
        name = f"{len(paths)} files"
    if len(paths) == 1:
        return _open(paths[0], format_of(paths[0]), columns, keys_only=keys_only)
    return _chain(name, paths, columns, keys_only=keys_only)


def format_of(path: Path) -> str:
    """The name of the format in FORMATS. Raises SourceError where there is none, or nothing to read."""
    with reading(str(path), "a file"), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise SourceError(f"{path} is empty")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    by_content = [
        name for name, f in FORMATS.items() if head.startswith(f.magics) or text.startswith(f.magics)
    ]
    found = [*by_content, *_by_suffix(path)]
    if not found:
        raise SourceError(
            f"{path} has no format that is understood",
            hint=f"These are: {', '.join(FORMATS)}, and - for JSON lines.",
        )
    return found[0]


def _by_suffix(path: Path) -> list[str]:
    return [name for name, f in FORMATS.items() if path.name.lower().endswith(f.suffixes)]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    with reading(str(path), "a directory"):
        # Spark and its like leave files such as _SUCCESS and .part-0.crc beside the data.
        files = [f for f in sorted(path.rglob("*")) if f.is_file() and not f.name.startswith(("_", "."))]
    # Our own set-aside files are put by name, once mended.
    files = [file for file in files if not file.name.endswith(SET_ASIDE)]
    known = [file for file in files if _by_suffix(file)]
    if not known:
        raise SourceError(
            f"{path} is a directory without files of a format that is understood",
            hint=f"These are: {', '.join(FORMATS)}.",
        )
    return known


def _chain(name: str, paths: Sequence[Path], columns: ColumnChoice, *, keys_only: bool) -> Source:
    if not paths:
        raise SourceError("no file was given")
    formats = {file: format_of(file) for file in paths}
    if len(set(formats.values())) > 1:
        firsts = {fmt: str(next(group)) for fmt, group in groupby(paths, key=formats.__getitem__)}
        found = ", ".join(f"{fmt} in {file}" for fmt, file in firsts.items())
        raise SourceError(
            f"{name} holds files of several formats: {found}", hint="Put them one format at a time."
        )
    return ChainSource(name, [_open(p, formats[p], columns, keys_only=keys_only) for p in paths])


def _open(path: Path, fmt: str, columns: ColumnChoice, *, keys_only: bool) -> Source:
    module, function = FORMATS[fmt].opener
    opener = getattr(import_module(f"vecgate.bulk.sources.{module}"), function)
    return cast("Source", opener(path, columns=columns, keys_only=keys_only))
