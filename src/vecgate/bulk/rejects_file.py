"""The rejects file: records that were not written, as JSON lines that can be corrected and put again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from io import BufferedWriter
from pathlib import Path

import orjson

from vecgate.bulk.core.record_blocks import RejectedRecord
from vecgate.errors import JournalError
from vecgate.printable import printable_json
from vecgate.private_files import make_private_folder, open_private
from vecgate.redaction import holds_secret, redact, redact_own, redact_values

SUFFIX = ".rejected.jsonl"
#: Endings of rejects files, which a directory source skips. Earlier versions of vecgate used the second one.
REJECTS_SUFFIXES = (SUFFIX, ".set-aside.jsonl")

#: Largest number of bits of an integer that JSON parsers accept.
INTEGER_BITS = 63
#: Deeper levels are cut off: JSON writers limit the depth.
DEPTH_MAX = 100


def default_rejects_path(source_name: str) -> Path:
    """Return the path of the rejects file of a source: in the current folder, named after the source."""
    return Path(Path(source_name).name.replace(" ", "-") + SUFFIX)


class RejectsFile:
    """Appends rejected records to *path*; the first record creates the file.

    Nothing in the file is ever removed or changed. A line that it already has, from an earlier run or from
    just before a crash, is not written again.

    Raises JournalError if the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BufferedWriter | None = None
        self._known: set[bytes] = set()
        self._torn = b""

    def write(self, rejects: Sequence[RejectedRecord]) -> int:
        """Append *rejects* and return the new length of the file. Raises JournalError."""
        try:
            if self._file is None:
                self._file = self._open()
            lines = [_line(reject) for reject in rejects]
            self._end_torn_line(self._file, lines)
            self._file.write(b"".join(line for line in lines if _digest(line) not in self._known))
            self._file.flush()
        except OSError as error:
            raise self._write_error(error) from error
        return self._file.tell()

    def _open(self) -> BufferedWriter:
        make_private_folder(self.path.parent)
        if self.path.is_file():
            line = b"\n"
            with self.path.open("rb") as file:
                for line in file:
                    self._known.add(_digest(line))
            self._torn = b"" if line.endswith(b"\n") else line
        # Records may be confidential.
        return open(self.path, "ab", opener=open_private)

    def _end_torn_line(self, file: BufferedWriter, lines: Sequence[bytes]) -> None:
        """End the last line of an existing file, which a crash or an editor did not end. If one of *lines*
        begins with it, that line replaces it.
        """
        torn, self._torn = self._torn, b""
        if not torn:
            return
        if any(line.startswith(torn) and line.rstrip() != torn for line in lines):
            file.truncate(file.tell() - len(torn))
        else:
            file.write(b"\n")

    def close(self) -> None:
        """Close the file if it is open."""
        if self._file is not None:
            # Everything is flushed, or `write` has raised.
            with suppress(OSError):
                self._file.close()

    def _write_error(self, error: OSError) -> JournalError:
        return JournalError(
            f"the rejects file {self.path} cannot be written: {error.strerror}",
            hint="Free some space, or choose another disk with --rejects; then continue with --resume.",
        )


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line.rstrip(b"\r\n"), digest_size=16).digest()


def _line(reject: RejectedRecord) -> bytes:
    record: dict[str, object] = {"key": reject.key, "vector": reject.vector, "position": reject.position}
    if reject.metadata is not None:
        record["metadata"] = reject.metadata
    if reject.raw is not None:
        record["raw"] = reject.raw
    record["problem"] = redact(reject.problem)
    option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    try:
        line = orjson.dumps(record, default=str, option=option)
    except TypeError:
        # A record may be rejected just because it has a lone surrogate or an integer beyond 64 bits.
        line = orjson.dumps(_to_plain_json(record), option=option)
    if holds_secret(line):
        line = orjson.dumps(redact_values(orjson.loads(line), replace=redact_own), option=option)
    return printable_json(line)


def _to_plain_json(value: object, depth: int = 0) -> object:
    """Return *value* in a form that every JSON writer accepts."""
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= INTEGER_BITS else str(value)
    if isinstance(value, dict) and depth < DEPTH_MAX:
        return {
            _to_plain_json(str(key)): _to_plain_json(element, depth + 1) for key, element in value.items()
        }
    if isinstance(value, list | tuple) and depth < DEPTH_MAX:
        return [_to_plain_json(element, depth + 1) for element in value]
    return (str(value) if depth < DEPTH_MAX else "…").encode(errors="replace").decode()
