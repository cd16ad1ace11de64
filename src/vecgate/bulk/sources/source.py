"""The interface of all sources: a named stream of blocks that is never held whole."""

from __future__ import annotations

import hashlib
import zlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from lzma import LZMAError
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.sources.column_mapping import Layout
from vecgate.bulk.sources.remote_files import RemoteFile, SourceFile, file_has_changed, is_remote
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import KIB, MIB

#: Records in a block, unless wide records reach BLOCK_BYTES_MAX first.
ROWS_DEFAULT = 4096
#: Largest size of a block, so that 4,096 dimensions need no more memory than 128 do.
BLOCK_BYTES_MAX = 16 * MIB
FLOAT32_BYTES = 4
#: Parts of a file that identify its content, from its head to its tail.
_SAMPLES = 8
_SAMPLE_BYTES = 32 * KIB
_REASON_LENGTH_MAX = 200
#: What needs more memory cannot be a record: the largest that the service takes has some 300 KB as text.
RECORD_BYTES_MAX = 64 * MIB
#: What the libraries raise for damaged files, beside files that are missing or not readable.
READ_ERRORS = (
    *(OSError, EOFError, ValueError, KeyError, NotImplementedError),
    *(zlib.error, LZMAError, BadZipFile),
    # numpy parses the header of a .npy file as Python.
    *(SyntaxError, TokenError),
)


class EmptySource(SourceError):
    """The input has the format of its name, but no records."""


class Source(ABC):
    """Records to put, or keys to delete, in a fixed order.

    name           for messages: the path, or a description
    total          number of records, None if it is known only after reading all of them
    fingerprint    identity of the input: a line for each file with its name, size, time of last change and a
                   sample of its content, independent of its folder
    dimension      of the vectors; None if no vector was found yet, or only keys are read
    is_repeatable  it can be read again; standard input and iterators cannot
    is_identified  the fingerprint shows whether the content is still the same; that of standard input and of
                   an iterable does not
    """

    __slots__ = ()

    name: str
    total: int | None
    fingerprint: str
    dimension: int | None
    is_repeatable: bool
    is_identified: bool

    @property
    def location(self) -> str:
        """The absolute paths of the input, one on each line."""
        return absolute_location(self.name)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user must know about the input before anything is sent, such as files that are skipped."""
        return ()

    @property
    def conversions(self) -> tuple[str, ...]:
        """Which metadata columns are converted to another type, and to which."""
        return ()

    @abstractmethod
    def describe(self) -> str:
        """Return one line that says how each column is used."""

    @abstractmethod
    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """Yield the records, at most *rows* at a time. Each position is in one row or one reject, ascending.

        A vector with another number of values than *dimension* is a reject; without a *dimension* the first
        vector decides. Positions count from *first*.

        Raises SourceError if the input cannot be read to its end.
        """


@dataclass(frozen=True, slots=True)
class FileState:
    """Size, time of last change and inode of a local file: another file, or one written again, differs."""

    path: Path
    size: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> FileState:
        """Return the state of *path* now. Raises SourceError if it cannot be read."""
        with source_errors(str(path), "a file"):
            status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ino)

    def check_unchanged(self) -> None:
        """Raise SourceError if the file is another one now."""
        if FileState.of(self.path) != self:
            raise file_has_changed(str(self.path))


class FileSource(Source):
    """The records of one file, which stops a run if it changes.

    layout  the use of each column
    files   what it is read from, as it was when it was opened; none for records in memory and a pipe
    """

    __slots__ = ()

    layout: Layout
    files: tuple[FileState | RemoteFile, ...]

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """Yield the records.

        Raises SourceError if a file has changed since it was opened, or has other records than *total*.
        """
        count = 0
        with closing(self._read_blocks(dimension, rows, first)) as blocks:
            while (block := self._next(blocks)) is not None:
                count += len(block) + len(block.rejects)
                yield block
        for file in self.files:
            file.check_unchanged()
        self._check_end(count)

    def _check_end(self, count: int) -> None:
        """Raise SourceError if *count* records are not all."""
        if self.total not in {None, count}:
            raise SourceError(
                f"{self.name} had {self.total:,} records when it was opened, but {count:,} were read",
                hint="Leave it unchanged while it is read.",
            )

    def _next(self, blocks: Iterator[Block]) -> Block | None:
        """Return the next block, None at the end, if no local file has changed."""
        try:
            block = next(blocks, None)
        except (OSError, SourceError) as error:
            self._check_local_files()  # a change explains any other error
            if self.files and isinstance(error, OSError):
                raise SourceError(f"{self.name} cannot be read: {_reason(error)}") from None
            raise
        self._check_local_files()
        return block

    def _check_local_files(self) -> None:
        for file in self.files:
            if isinstance(file, FileState):
                file.check_unchanged()

    @abstractmethod
    def _read_blocks(self, dimension: int | None, rows: int, first: int) -> Generator[Block]:
        """Yield the records; see `blocks`."""


def absolute_location(name: str) -> str:
    """Return *name* as an absolute path. A URL is one already."""
    return name if is_remote(name) else str(Path(name).resolve())


def block_rows(rows: int, row_bytes: float) -> int:
    """Return how many records of *row_bytes* to put in a block: at most *rows*, at least one."""
    return max(1, min(rows, int(BLOCK_BYTES_MAX / max(row_bytes, 1))))


def check_record_bytes(name: str, size: float) -> None:
    """Raise SourceError if a record of *size* bytes is too large to be read."""
    if size > RECORD_BYTES_MAX:
        raise SourceError(
            f"{name} has records of {int(size):,} bytes, more than the {RECORD_BYTES_MAX:,} that are read",
            hint="Choose the columns of key, vector and metadata, or write the file again.",
        )


def file_states(path: SourceFile) -> tuple[FileState | RemoteFile, ...]:
    """Return the file for `FileSource.files`. A folder, such as a dataset of Lance, has its own versions."""
    if isinstance(path, Path):
        return () if path.is_dir() else (FileState.of(path),)
    return (path,)


def file_bytes(path: SourceFile) -> int:
    """Return the size of a file. Raises SourceError if the store of a remote file does not say it."""
    if isinstance(path, Path):
        return path.stat().st_size
    if path.size is None:
        raise SourceError(f"the size of {path} is unknown", hint="Copy the file to this computer.")
    return path.size


def file_fingerprint(path: SourceFile) -> str:
    """Return the identity of a file: its name, size, time of last change, and a hash of samples of it. Of a
    remote file it is what its store says.
    """
    if isinstance(path, RemoteFile):
        return path.fingerprint
    status = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        # The head and the tail overlap in a small file.
        for part in range(_SAMPLES):
            file.seek(max(0, status.st_size - _SAMPLE_BYTES) * part // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
    changed = datetime.fromtimestamp(status.st_mtime_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    fraction = status.st_mtime_ns % 10**9
    content = digest.hexdigest()[:16]
    return f"{path.name} of {status.st_size:,} bytes, changed {changed}.{fraction:09} UTC, content {content}"


@contextmanager
def source_errors(name: str, what: str) -> Iterator[None]:
    """Turn any error while *name* is read as *what* into a SourceError."""
    try:
        yield
    except FileNotFoundError:
        raise SourceError(f"{name}: there is no such file") from None
    except PermissionError:
        raise SourceError(f"{name}: no permission to read it") from None
    except MemoryError:
        raise SourceError(
            f"{name} needs more memory than there is: its records are too large",
            hint="Write it again in parts.",
        ) from None
    except NotImplementedError as error:
        # pyarrow's, for types of other libraries such as integers of 128 bits.
        raise SourceError(
            f"{name} holds what pyarrow cannot read: {_reason(error)}",
            hint="Write it again without that column, or with another type.",
        ) from None
    except READ_ERRORS as error:
        raise SourceError(
            f"{name} cannot be read as {what}: {_reason(error)}",
            hint="The file may be damaged or truncated; write or copy it again.",
        ) from None


def _reason(error: Exception) -> str:
    line = str(error).strip().partition("\n")[0]
    return line[:_REASON_LENGTH_MAX] or type(error).__name__
