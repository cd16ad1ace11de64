"""Stores on disk what the service has acknowledged, so that a killed run can be resumed.

Each entry is committed before the keys of its batch are released (see `core.keys_in_flight`), one entry after
the other. So a journal that is read after any crash is a prefix of what happened: it never has a later record
of a key without the earlier one. Records that are missing from it are sent again, which an upsert allows.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path

from vecgate.bulk.core.position_ranges import Ranges, runs
from vecgate.bulk.core.record_blocks import Positions
from vecgate.errors import JournalError, JournalMismatch
from vecgate.private_files import create_private_file, make_private_folder
from vecgate.s3vectors.limits import MIB

SCHEMA = """
CREATE TABLE IF NOT EXISTS run (version INTEGER);
CREATE TABLE IF NOT EXISTS identity (name TEXT, value TEXT);
CREATE TABLE IF NOT EXISTS settled (start INTEGER, stop INTEGER, is_rejected INTEGER);
CREATE TABLE IF NOT EXISTS rejects_file (path TEXT, bytes INTEGER, digest TEXT);
"""
TABLES = {"run", "identity", "settled", "rejects_file"}
#: Tables of version 1, which did not store enough to prove what it belongs to.
TABLES_OF_VERSION_1 = {"identity", "settled", "aside_file"}
VERSION = 2


@dataclass(frozen=True, slots=True)
class JournalIdentity:
    """Identifies the one thing that a journal belongs to.

    endpoint   URL of the endpoint; empty for Amazon, whose account and region are in the ARN
    index      ARN of the index, or its bucket and name if the service does not return an ARN
    created    creation time of the index as the service returns it
    operation  PutVectors or DeleteVectors
    mapping    the use of each column
    input      the files, each with name, size, time of last change and a sample of its content; or what
               identifies another input
    """

    endpoint: str
    index: str
    created: str
    operation: str
    mapping: str
    input: str

    def members(self) -> dict[str, str]:
        """Return the members by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Journal:
    """The settled positions of one run, in SQLite. Not thread-safe: its owner holds a lock.

    path          of the database
    acknowledged  positions that the service acknowledged in earlier runs
    rejected      positions that were rejected in earlier runs

    Raises JournalMismatch if *path* is the journal of something else, is not a journal, or is in use;
    JournalError if it cannot be written.
    """

    acknowledged: Ranges
    rejected: Ranges

    def __init__(self, path: Path, identity: JournalIdentity) -> None:
        self.path = path
        self._has_failed = False
        self._digests: dict[Path, _FileDigest] = {}
        try:
            make_private_folder(path.parent)
            create_private_file(path)
            # Autocommit: one entry, one transaction.
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.5)
        except (OSError, sqlite3.Error) as error:
            raise self._write_error(error) from error
        try:
            self._prepare(identity)
        except BaseException:
            self._db.close()
            raise

    def record_acknowledged(self, positions: Positions) -> None:
        """Store that the service acknowledged *positions*, which ascend."""
        self._write((start, stop, 0) for start, stop in runs(positions))

    def record_rejected(self, positions: Positions, file: Path, *, file_bytes: int) -> None:
        """Store that *positions*, which ascend, are in the rejects *file*, which then has *file_bytes*."""
        rows = ((start, stop, 1) for start, stop in runs(positions))
        digest = self._digests.setdefault(file, _FileDigest(file)).up_to(file_bytes)
        self._write(rows, rejects_file=(str(file.resolve()), file_bytes, digest))

    def untouched_rejects_path(self, file: Path) -> Path:
        """Return *file*, or the next free name beside it if someone changed what this run wrote to *file*."""
        return next(path for path in _names_beside(file) if self._is_untouched(path))

    def close(self, *, finished: bool = False) -> None:
        """Close the journal. A *finished* one is removed: it has nothing to resume."""
        self._db.close()
        if finished:
            remove_journal(self.path)

    def _prepare(self, identity: JournalIdentity) -> None:
        try:
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._check_version()
            self._db.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing. A power failure may lose the last entries, never an earlier one.
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(SCHEMA)
            self._check_identity(identity)
            self._load()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise _in_use(self.path) from error
            raise self._write_error(error) from error
        except sqlite3.DatabaseError as error:
            raise _not_a_journal(self.path) from error

    def _check_version(self) -> None:
        # Checked before anything is written: a finished journal is removed, and another database must not be.
        tables = _table_names(self._db)
        if tables == TABLES_OF_VERSION_1:
            raise _another_version(self.path, 1)
        if not tables <= TABLES:
            raise _not_a_journal(self.path)
        found = self._db.execute("SELECT version FROM run").fetchone() if "run" in tables else None
        if found is not None and found[0] != VERSION:
            raise _another_version(self.path, found[0])

    def _check_identity(self, identity: JournalIdentity) -> None:
        """Store *identity* in a new journal. Raises JournalMismatch if the journal has another one."""
        found = dict(self._db.execute("SELECT name, value FROM identity").fetchall())
        if not found:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("INSERT INTO run VALUES (?)", (VERSION,))
            self._db.executemany("INSERT INTO identity VALUES (?, ?)", identity.members().items())
            self._db.execute("COMMIT")
            return
        differences = [
            f"another {_LABELS[name]}: {_difference(found.get(name, ''), new)}"
            for name, new in identity.members().items()
            if found.get(name) != new
        ]
        if differences:
            raise JournalMismatch(
                f"the journal {self.path} belongs to {'; and to '.join(differences)}",
                hint="Resume with the input, the columns and the index that it was started with, or send "
                "everything again with --restart or another --journal.",
            )

    def _is_untouched(self, file: Path) -> bool:
        # The latest entry, not the largest: the user may have moved the file away, after which it started
        # again.
        query = "SELECT bytes, digest FROM rejects_file WHERE path = ? ORDER BY rowid DESC LIMIT 1"
        found = self._db.execute(query, (str(file.resolve()),)).fetchone()
        if found is None or not file.exists():
            return True
        file_bytes, digest = found
        return file.stat().st_size >= file_bytes and _FileDigest(file).up_to(file_bytes) == str(digest)

    def _load(self) -> None:
        rows = self._db.execute("SELECT start, stop, is_rejected FROM settled").fetchall()
        self.acknowledged = Ranges.of((start, stop) for start, stop, rejected in rows if not rejected)
        self.rejected = Ranges.of((start, stop) for start, stop, rejected in rows if rejected)

    def _write(
        self, rows: Iterable[tuple[int, int, int]], *, rejects_file: tuple[str, int, str] | None = None
    ) -> None:
        # After an entry failed no other may follow, or the journal would no longer be a prefix.
        if self._has_failed:
            raise JournalError(f"the journal {self.path} could not be written before")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO settled VALUES (?, ?, ?)", rows)
            if rejects_file is not None:
                self._db.execute("INSERT INTO rejects_file VALUES (?, ?, ?)", rejects_file)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._has_failed = True
            raise self._write_error(error) from error

    def _write_error(self, error: Exception) -> JournalError:
        return JournalError(
            f"the journal {self.path} cannot be written: {error}",
            hint="Free some space, or choose another disk with --journal; then continue with --resume.",
        )


class _FileDigest:
    """The hash of the first bytes of a growing file, each of which is read once."""

    def __init__(self, file: Path) -> None:
        self._file, self._bytes, self._hash = file, 0, hashlib.sha256()

    def up_to(self, file_bytes: int) -> str:
        """Return the hash of the first *file_bytes*, of as many as there are."""
        if file_bytes < self._bytes:
            self._bytes, self._hash = 0, hashlib.sha256()
        if self._file.is_file():
            with self._file.open("rb") as file:
                file.seek(self._bytes)
                while data := file.read(min(file_bytes - self._bytes, MIB)):
                    self._hash.update(data)
                    self._bytes += len(data)
        return self._hash.hexdigest()


def remove_journal(path: Path) -> None:
    """Remove the journal at *path* and the files that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def count_settled(path: Path) -> int:
    """Return how many records are settled in the journal at *path*, whichever run it belongs to.

    Raises JournalMismatch.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.5)) as db:
            tables = _table_names(db)
            if "settled" not in tables and tables <= TABLES:
                return 0  # its run was killed before it had created all tables
            found = db.execute("SELECT sum(stop - start) FROM settled").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise (_in_use(path) if "locked" in str(error) else _not_a_journal(path)) from error
    return int(found or 0)


def _table_names(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


#: Names of the members of an identity in messages.
_LABELS = {
    "endpoint": "endpoint",
    "index": "index",
    "created": "creation time of the index",
    "operation": "operation",
    "mapping": "use of the columns",
    "input": "input",
}


def _difference(old: str, new: str) -> str:
    """Return the lines of *old* and *new* that differ."""
    before, after = old.split("\n"), new.split("\n")
    removed = [line for line in before if line not in after] or before
    added = [line for line in after if line not in before] or after
    return f"{_first_of(removed)}, not {_first_of(added)}"


def _first_of(lines: list[str]) -> str:
    return (lines[0] or "none") + (f" and {len(lines) - 1:,} more" if len(lines) > 1 else "")


def _names_beside(file: Path) -> Iterator[Path]:
    yield file
    # The ending stays the same, so that a directory source skips the file.
    stem, *endings = file.name.rsplit(".", 2 if file.name.endswith(".rejected.jsonl") else 1)
    yield from (file.with_name(".".join([f"{stem}-{number}", *endings])) for number in count(2))


def _another_version(path: Path, version: int) -> JournalMismatch:
    return JournalMismatch(
        f"the journal {path} is of version {version}, which does not prove that it belongs to this input and "
        "index",
        hint="Send everything again with --restart: a record that is written twice is stored once.",
    )


def _in_use(path: Path) -> JournalMismatch:
    return JournalMismatch(f"the journal {path} is in use by another run")


def _not_a_journal(path: Path) -> JournalMismatch:
    return JournalMismatch(f"{path} is not a journal")
