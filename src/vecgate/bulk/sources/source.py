"""What every source is: a named stream of blocks, read as often as it can be, never held whole."""

from __future__ import annotations

import hashlib
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

from vecgate.bulk.records import Block
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import KIB, MIB

#: Records in a block, where they are not so wide that BLOCK_BYTES_MAX is reached first.
ROWS_DEFAULT = 4096
#: What the records of a block may weigh, so that 4,096 dimensions need no more memory than 128 do.
BLOCK_BYTES_MAX = 16 * MIB
FLOAT32_BYTES = 4
_EDGE_BYTES = 64 * KIB
_REASON_LENGTH_MAX = 200


class Source(ABC):
    """Records to be put, or keys to be deleted, in a fixed order.

    name           for people: the path, or what it is
    total          how many records there are, None where only reading them all would tell
    fingerprint    identity of the content, whatever the path and the time of the file
    dimension      of the vectors; None where none was found yet, or only keys are read
    is_repeatable  it can be read again; standard input and iterators cannot
    is_identified  the fingerprint tells whether the content is still the same; that of standard input and of
                   an iterable says nothing
    """

    __slots__ = ()

    name: str
    total: int | None
    fingerprint: str
    dimension: int | None
    is_repeatable: bool
    is_identified: bool

    @abstractmethod
    def describe(self) -> str:
        """One line that says which column was taken for what."""

    @abstractmethod
    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """The records, at most *rows* at a time; each position is in one row or one reject, ascending.

        A vector that has not *dimension* values, or as many as the first one where that is None, is a
        reject. Positions count from *first*.

        Raises SourceError where the rest cannot be read.
        """


def rows_within(rows: int, row_bytes: float) -> int:
    """How many records of *row_bytes* a block may hold: at most *rows*, at least one."""
    return max(1, min(rows, int(BLOCK_BYTES_MAX / max(row_bytes, 1))))


def fingerprint_of(path: Path) -> str:
    """Identity of a file's content: its size, and the hash of its head and tail."""
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(_EDGE_BYTES))
        file.seek(max(0, size - _EDGE_BYTES))
        digest.update(file.read())
    return f"{size}-{digest.hexdigest()[:32]}"


@contextmanager
def reading(name: str, what: str) -> Iterator[None]:
    """Whatever goes wrong while *what* is read from *name*, as one SourceError."""
    try:
        yield
    except FileNotFoundError:
        raise SourceError(f"{name}: there is no such file") from None
    except PermissionError:
        raise SourceError(f"{name}: no permission to read it") from None
    except (OSError, EOFError, ValueError, KeyError, NotImplementedError, zlib.error, BadZipFile) as error:
        raise SourceError(
            f"{name} cannot be read as {what}: {_reason(error)}",
            hint="The file may be damaged or cut short; write or copy it again.",
        ) from None


def _reason(error: Exception) -> str:
    line = str(error).strip().partition("\n")[0]
    return line[:_REASON_LENGTH_MAX] or type(error).__name__
