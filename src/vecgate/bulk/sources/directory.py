"""Finds the files of a directory, as readers of datasets do.

Folders and files whose names start with `.` or `_` are skipped, and so are rejects files. Links are followed.
Folders named `key=value` give metadata of their records.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote

from vecgate.bulk.rejects_file import REJECTS_SUFFIXES
from vecgate.bulk.sources.remote_files import RemoteFile, RemoteFolder, SourceFile
from vecgate.bulk.sources.source import source_errors
from vecgate.errors import SourceError

#: The value of a partition without one, as Hive and Spark write it.
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_HIDDEN = (".", "_")
#: Folders of tables that are more than their files.
_TABLE_LOGS = {"_delta_log": "Delta Lake", ".hoodie": "Hudi"}
_NAMES_MAX = 5
#: Longer numbers do not fit 64 bits.
_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class DirectoryFiles:
    """The files of a directory.

    readable    files of a known format, in the order of their paths
    unreadable  other files
    skipped     names of files and folders that are not data by their names
    """

    readable: tuple[SourceFile, ...]
    unreadable: tuple[SourceFile, ...]
    skipped: tuple[str, ...]


def find_files(directory: Path, is_readable: Callable[[Path], bool]) -> DirectoryFiles:
    """Return the files of *directory*. Raises SourceError if a folder cannot be read."""
    skipped: list[str] = []
    with source_errors(str(directory), "a directory"):
        check_no_table_log(Path(partition_root(directory)))
        found = sorted(_walk(directory, directory, skipped, frozenset()))
        readable = tuple(file for file in found if is_readable(file))
    return DirectoryFiles(readable, _others(found, readable), tuple(skipped))


def find_remote_files(folder: RemoteFolder, is_readable: Callable[[RemoteFile], bool]) -> DirectoryFiles:
    """Return the files of a folder of a store, as `find_files` does."""
    skipped: dict[str, None] = {}
    found = []
    for file in folder.files:
        parts = PurePosixPath(file.path).relative_to(folder.path).parts
        kind = next((_TABLE_LOGS[part] for part in parts if part in _TABLE_LOGS), None)
        if kind or ("metadata" in parts[:-1] and parts[-1].endswith(".metadata.json")):
            raise table_log_error(folder.path, kind or "Iceberg")
        hidden = next((n for n, part in enumerate(parts) if _is_no_data(part)), None)
        if hidden is None:
            found.append(file)
        else:
            skipped["/".join(parts[: hidden + 1]) + "/" * (hidden + 1 < len(parts))] = None
    readable = tuple(file for file in found if is_readable(file))
    return DirectoryFiles(readable, _others(found, readable), tuple(skipped))


def _others(found: Sequence[SourceFile], readable: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    known = set(readable)
    return tuple(file for file in found if file not in known)


def partitions(files: Sequence[SourceFile], root: PurePath) -> list[dict[str, object]]:
    """Return the `key=value` folders of each file below *root*.

    Values of a key are integers if all of them are; a null is left out.
    """
    texts = [dict(_partition(name) for name in _folders(file, root) if "=" in name) for file in files]
    integers = {key for entries in texts for key in entries}
    integers -= {key for entries in texts for key, value in entries.items() if not _is_integer(value)}
    return [
        {key: int(v) if key in integers else v for key, v in entries.items() if v != NULL_PARTITION}
        for entries in texts
    ]


def partition_root(root: PurePath) -> PurePath:
    """Return the folder in which the partitions begin: *root*, or the one above the `key=value` folders that
    *root* ends with.
    """
    while "=" in root.name:
        root = root.parent
    return root


def check_no_table_log(folder: Path) -> None:
    """Raise SourceError for a table whose log says which of its files are current."""
    found = next((kind for log, kind in _TABLE_LOGS.items() if (folder / log).is_dir()), None)
    if found is None and next((folder / "metadata").glob("*.metadata.json"), None):
        found = "Iceberg"
    if found:
        raise table_log_error(folder, found)


def table_log_error(folder: object, kind: str) -> SourceError:
    """Return the error for a table of *kind* whose log may have removed files."""
    return SourceError(
        f"{folder} is a {kind} table, whose log says which of its files are current",
        hint="Write its current rows as parquet first, with its own library, such as deltalake.",
    )


def name_some(names: Sequence[object]) -> str:
    """Return the first of *names* as text, and how many more there are."""
    more = f" and {len(names) - _NAMES_MAX:,} more" if len(names) > _NAMES_MAX else ""
    return ", ".join(map(str, names[:_NAMES_MAX])) + more


def _walk(folder: Path, root: Path, skipped: list[str], parents: frozenset[Path]) -> Iterator[Path]:
    real = folder.resolve()
    if real in parents:
        raise SourceError(f"the folder {folder} is a link to a folder that contains it")
    check_no_table_log(folder)
    for path in sorted(folder.iterdir()):
        is_folder = path.is_dir()
        if _is_no_data(path.name):
            skipped.append(f"{path.relative_to(root)}{'/' * is_folder}")
        elif is_folder:
            yield from _walk(path, root, skipped, parents | {real})
        else:
            yield path


def _is_no_data(name: str) -> bool:
    return name.startswith(_HIDDEN) or name.endswith(REJECTS_SUFFIXES)


def _folders(file: SourceFile, root: PurePath) -> tuple[str, ...]:
    return file.parent.relative_to(root).parts


def _partition(name: str) -> tuple[str, str]:
    key, _, value = name.partition("=")
    return unquote(key), unquote(value)


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX
    return is_number or text == NULL_PARTITION


def common_root(files: Sequence[SourceFile]) -> PurePath:
    """Return the deepest folder that contains all *files*, which are all remote or all on this computer."""
    kind = type(files[0].parent)
    return kind(os.path.commonpath([file.parent for file in files]))
