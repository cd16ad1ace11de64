"""Opens sources and recognises the format of a file: by its first bytes, or else by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, cast

from vecgate.bulk.sources.arrays.key_file import with_key_file
from vecgate.bulk.sources.chain import ChainSource
from vecgate.bulk.sources.column_mapping import GUESS, ColumnChoice
from vecgate.bulk.sources.compression import SUFFIXES, compression_of, decompress
from vecgate.bulk.sources.directory import (
    DirectoryFiles,
    common_root,
    find_files,
    find_remote_files,
    name_some,
    partition_root,
    partitions,
)
from vecgate.bulk.sources.documents.json_form import json_form
from vecgate.bulk.sources.jsonl import open_stdin
from vecgate.bulk.sources.remote_files import (
    RemoteFile,
    RemoteFolder,
    SourceFile,
    find_remote,
    is_remote,
)
from vecgate.bulk.sources.source import EmptySource, FileSource, Source, file_states, source_errors
from vecgate.errors import SourceError
from vecgate.extras import import_extra
from vecgate.formatting import format_count

STDIN = "-"
_HEAD_BYTES = 4096
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    opener    module and function that opens it; imported on use, because pyarrow is slow to import
    suffixes  of its file names
    magics    possible first bytes
    is_text   it may be compressed
    is_plain  its bytes say nothing, so that its name decides
    """

    opener: tuple[str, str]
    suffixes: tuple[str, ...]
    magics: tuple[bytes, ...] = ()
    is_text: bool = False
    is_plain: bool = False


FORMATS = {
    "parquet": Format(("tables.parquet", "open_parquet"), (".parquet", ".pq"), (b"PAR1",)),
    "Arrow": Format(
        ("tables.arrow", "open_arrow"),
        (".arrow", ".feather", ".ipc", ".arrows"),
        (b"ARROW1", b"\xff\xff\xff\xff"),
    ),
    "Lance": Format(("tables.lance_dataset", "open_lance"), (".lance",)),
    "CSV": Format(("tables.csv_table", "open_csv"), (".csv", ".tsv", ".tab"), is_text=True),
    "JSON lines": Format(("jsonl", "open_jsonl"), (".jsonl", ".ndjson", ".json"), is_text=True),
    "JSON": Format(("documents.json_document", "open_json"), (), is_text=True),
    ".npy": Format(("numpy_files", "open_npy"), (".npy",), (b"\x93NUMPY",)),
    ".npz": Format(("numpy_files", "open_npz"), (".npz",), (b"PK\x03\x04",)),
    "fvecs": Format(("arrays.vector_files", "open_vecs"), (".fvecs", ".ivecs", ".bvecs"), is_plain=True),
    "fbin": Format(
        ("arrays.vector_files", "open_bin"), (".fbin", ".u8bin", ".i8bin", ".ibin"), is_plain=True
    ),
    "HDF5": Format(("hdf5", "open_hdf5"), (".hdf5", ".h5", ".hdf"), (b"\x89HDF\r\n\x1a\n",)),
}
SUPPORTED = (
    "Supported are parquet, Arrow, Lance, CSV and TSV, JSON lines, JSON, .npy, .npz, fvecs, ivecs, bvecs, "
    "fbin, u8bin, i8bin and HDF5; text also as .gz, .bz2, .xz or .zst."
)


def open_source(
    path: str | Path | Sequence[str | Path],
    *,
    columns: ColumnChoice = GUESS,
    keys_only: bool = False,
    skip_unreadable: bool = False,
    ids: str | Path | None = None,
) -> Source:
    """Open the records in *path*: a file, a directory of files, several paths, a URL, or `-` for JSON lines
    from stdin.

    Files of a directory are read in the order of their paths. Several files must have the same format and the
    columns of the first one that has records.

    skip_unreadable  read a directory without its files of unknown formats
    ids              a file with one key for each vector of a file that has no keys

    Raises SourceError, with a message of one line, for input that cannot be read as records.
    """
    if isinstance(path, str | Path):
        given, name = [path], str(path)
    else:
        given, name = list(path), f"{len(path)} files"
    if STDIN in map(str, given):
        if len(given) > 1 or ids is not None:
            raise SourceError("standard input is read alone, without other files")
        return open_stdin(columns=columns, keys_only=keys_only)
    places = [_locate(each) for each in given]
    if len(places) == 1 and not _is_folder(places[0]):
        file = cast("SourceFile", places[0])
        in_partition = "=" in file.parent.name and not keys_only and columns.metadata != ()
        if in_partition and ids is None:
            return _chain(name, places, columns, keys_only=keys_only, skip_unreadable=skip_unreadable)
        source = _open(file, detect_format(file), columns, keys_only=keys_only, has_ids=ids is not None)
        return source if ids is None else with_key_file(source, Path(ids), columns)
    if ids is not None:
        raise SourceError(
            f"{ids} has the keys of one file, but {name} is more", hint="Put one file at a time."
        )
    return _chain(name, places, columns, keys_only=keys_only, skip_unreadable=skip_unreadable)


def detect_format(path: SourceFile) -> str:
    """Return the name of the format in FORMATS. Raises SourceError if the file is empty or has another
    format.
    """
    if _is_lance(path):
        return "Lance"
    if isinstance(path, Path) and path.exists() and not path.is_file():
        # Opening a pipe waits for its other end, a device may never end, and both are read several times.
        raise SourceError(f"{path} is not a regular file", hint=f"Read a pipe as {STDIN}: … | vecgate put -")
    by_name = _by_suffix(path.name)
    with source_errors(str(path), "a file"), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        # A part of a dataset of lines may have no line; a file of another format has at least a header.
        error = EmptySource if any(FORMATS[name].is_text for name in by_name) else SourceError
        raise error(f"{path} is empty")
    is_plain = [
        name for name, fmt in FORMATS.items() if fmt.is_plain and path.name.lower().endswith(fmt.suffixes)
    ]
    if is_plain:
        return is_plain[0]
    if found := [name for name, fmt in FORMATS.items() if fmt.magics and head.startswith(fmt.magics)]:
        return found[0]
    if compression_of(head) is not None:
        with source_errors(str(path), "a compressed file"), path.open("rb") as file:
            head = decompress(file).read(_HEAD_BYTES)
        by_name = _check_compressed(path, head, by_name)
    if head.startswith(_UTF16):
        raise SourceError(f"{path} is text in UTF-16", hint="Save it as UTF-8.")
    if head.removeprefix(_BOM).lstrip().startswith((b"{", b"[")):
        with source_errors(str(path), "JSON"), path.open("rb") as file:
            return json_form(decompress(file))
    if by_name:
        return by_name[0]
    raise SourceError(f"the format of {path} is unknown", hint=SUPPORTED)


def _check_compressed(path: SourceFile, head: bytes, by_name: Sequence[str]) -> list[str]:
    """Return the possible formats of a compressed file. Raises SourceError if it has no text."""
    magic = [name for name, fmt in FORMATS.items() if fmt.magics and head.startswith(fmt.magics)]
    if binary := magic or [name for name in by_name if not FORMATS[name].is_text]:
        raise SourceError(
            f"{path} is compressed {binary[0]}, which is read uncompressed only",
            hint="Decompress it first, such as with gunzip, bunzip2, unxz or unzstd.",
        )
    if not head:
        raise EmptySource(f"{path} holds no records")
    return list(by_name)


def _by_suffix(name: str) -> list[str]:
    """Return the formats that have the suffix of *name*, ignoring that of a compression."""
    lower = name.lower().removesuffix(".out")
    plain = next(
        (lower.removesuffix(suffix) for suffix in SUFFIXES if suffix and lower.endswith(suffix)), lower
    )
    return [name for name, fmt in FORMATS.items() if plain.endswith(fmt.suffixes)]


def _locate(path: str | Path) -> SourceFile | RemoteFolder:
    return find_remote(str(path)) if is_remote(path) else Path(path)


def _is_folder(place: SourceFile | RemoteFolder) -> bool:
    if isinstance(place, RemoteFolder):
        return True
    return isinstance(place, Path) and place.is_dir() and not _is_lance(place)


def _is_lance(path: SourceFile) -> bool:
    return isinstance(path, Path) and (path / "_versions").is_dir()


def _is_readable(path: SourceFile) -> bool:
    try:
        detect_format(path)
    except EmptySource:
        return True
    except SourceError:
        # A file with the name of a known format is opened, so that the error says what is wrong with it.
        return bool(_by_suffix(path.name))
    return True


def _find(folder: SourceFile | RemoteFolder) -> DirectoryFiles:
    if isinstance(folder, RemoteFolder):
        return find_remote_files(folder, _is_readable)
    assert isinstance(folder, Path)
    return find_files(folder, _is_readable)


def _chain(
    name: str,
    places: Sequence[SourceFile | RemoteFolder],
    columns: ColumnChoice,
    *,
    keys_only: bool,
    skip_unreadable: bool,
) -> Source:
    if not places:
        raise SourceError("no file is given")
    folders = [_find(place) if _is_folder(place) else None for place in places]
    unreadable = [file for folder in folders if folder for file in folder.unreadable]
    skipped = [each for folder in folders if folder for each in folder.skipped]
    paths: list[SourceFile] = []
    for place, folder in zip(places, folders, strict=True):
        paths += folder.readable if folder else [cast("SourceFile", place)]
    if not paths:
        raise SourceError(f"no file in the directory {name} has a supported format", hint=SUPPORTED)
    if unreadable and not skip_unreadable:
        raise SourceError(
            f"{name} has {format_count(len(unreadable), 'file')} of unknown formats: {name_some(unreadable)}",
            hint=f"{SUPPORTED} Read the other files alone with --skip-unreadable.",
        )
    if len({isinstance(path, RemoteFile) for path in paths}) > 1:
        raise SourceError(f"{name} has remote files and others", hint="Put them one after the other.")
    opened = _open_parts(name, paths, columns, keys_only=keys_only)
    is_folder = len(places) == 1 and folders[0] is not None
    root = partition_root(_root(places[0]) if is_folder else common_root(paths))
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
    return ChainSource(name, parts, entries if any(entries) else (), texts, is_folder)


def _root(folder: SourceFile | RemoteFolder) -> PurePath:
    return folder.path if isinstance(folder, RemoteFolder) else cast("Path", folder)


def _open_parts(
    name: str, paths: Sequence[SourceFile], columns: ColumnChoice, *, keys_only: bool
) -> list[tuple[SourceFile, FileSource]]:
    """Open the files with records, all with the layout of the first one."""
    opened: list[tuple[SourceFile, FileSource]] = []
    formats: dict[str, SourceFile] = {}
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


def _unused_columns(parts: Sequence[tuple[SourceFile, FileSource]]) -> list[str]:
    """Return the columns that some files have and the first one does not, each with the first such file."""
    first = parts[0][1]
    known = {*first.layout.used, *first.layout.others}
    extra: dict[str, SourceFile] = {}
    for path, part in parts:
        for column in part.layout.others:
            if column not in known:
                extra.setdefault(column, path)
    return [f'"{column}" of {path}' for column, path in extra.items()]


def _open(
    path: SourceFile, fmt: str, columns: ColumnChoice, *, keys_only: bool, has_ids: bool = False
) -> FileSource:
    module, function = FORMATS[fmt].opener
    opener = getattr(import_extra(f"vecgate.bulk.sources.{module}", str(path), error=SourceError), function)
    # The keys of another file take the place of the row numbers.
    choice = replace(columns, key=None, key_prefix=None, row_keys=True) if has_ids else columns
    # Before anything is read of it, because the layout and the number of records must be those of all.
    files = file_states(path)
    source = cast("Any", replace(opener(path, columns=choice, keys_only=keys_only), files=files))
    if isinstance(path, RemoteFile) and not path.identity:
        source = replace(source, is_identified=False)
    return cast("FileSource", source)
