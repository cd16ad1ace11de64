"""The set-aside file: records that were not written, as JSON lines that can be put again once mended."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from io import BufferedWriter
from pathlib import Path

import orjson

from vecgate.bulk.records import Reject
from vecgate.errors import JournalError

#: How the names of set-aside files end; a directory that is read as input passes over them.
SUFFIX = ".set-aside.jsonl"


def aside_path(source_name: str) -> Path:
    """Where records of a source are set aside when nobody says: in the current folder, named after it."""
    return Path(Path(source_name).name.replace(" ", "-") + SUFFIX)


#: What JSON parsers hold.
INTEGER_BITS = 63
#: What is nested deeper is cut off; JSON writers have limits.
DEPTH_MAX = 100


class SetAsideFile:
    """Appends rejects to *path*, which comes into being with the first one.

    *kept_bytes* is how much of an existing file an earlier run has accounted for: what follows it, written
    in the moment of a crash, is cut off, since those records are met again.

    Raises JournalError where it cannot be written.
    """

    def __init__(self, path: Path, *, kept_bytes: int | None = None) -> None:
        self.path = path
        self._file: BufferedWriter | None = None
        try:
            if kept_bytes is not None and path.exists():
                with path.open("r+b") as file:
                    file.truncate(min(kept_bytes, path.stat().st_size))
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, rejects: Sequence[Reject]) -> int:
        """Append *rejects* and give the length of the file with them. Raises JournalError."""
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("ab")
            self._file.write(b"".join(_line(reject) for reject in rejects))
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error
        return self._file.tell()

    def close(self) -> None:
        """Close the file, where there is one."""
        if self._file is not None:
            # All was flushed, or `write` has said that it could not be.
            with suppress(OSError):
                self._file.close()

    def _unwritable(self, error: OSError) -> JournalError:
        return JournalError(
            f"the set-aside file {self.path} cannot be written: {error.strerror}",
            hint="Free some space, or give a --set-aside on another disk; --resume then goes on.",
        )


def _line(reject: Reject) -> bytes:
    record: dict[str, object] = {"key": reject.key, "vector": reject.vector, "position": reject.position}
    if reject.metadata is not None:
        record["metadata"] = reject.metadata
    record["problem"] = reject.problem
    option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    try:
        return orjson.dumps(record, default=str, option=option)
    except TypeError:
        # A lone surrogate or an integer beyond 64 bits is the very reason that it is here.
        return orjson.dumps(_plain(record), option=option)


def _plain(value: object, depth: int = 0) -> object:
    """*value* as what any JSON writer takes."""
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= INTEGER_BITS else str(value)
    if isinstance(value, dict) and depth < DEPTH_MAX:
        return {_plain(str(key)): _plain(element, depth + 1) for key, element in value.items()}
    if isinstance(value, list | tuple) and depth < DEPTH_MAX:
        return [_plain(element, depth + 1) for element in value]
    return (str(value) if depth < DEPTH_MAX else "…").encode(errors="replace").decode()
