"""Stores how far each segment of a scan is, so that an export or a copy can be resumed.

A page counts when all of its records are stored. The token of the page after it is what the next run
continues with, so a page is read twice at most, and never skipped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vecgate.bulk.journal import remove_journal
from vecgate.errors import JournalError, JournalMismatch
from vecgate.private_files import create_private_file, make_private_folder

_SCHEMA = """
CREATE TABLE IF NOT EXISTS scan (version INTEGER, segments INTEGER);
CREATE TABLE IF NOT EXISTS scan_identity (name TEXT, value TEXT);
CREATE TABLE IF NOT EXISTS segment
    (number INTEGER PRIMARY KEY, token TEXT, records INTEGER, written INTEGER, rejected INTEGER);
CREATE TABLE IF NOT EXISTS page (segment INTEGER, start INTEGER, length INTEGER);
"""
_TABLES = {"scan", "scan_identity", "segment", "page"}
_VERSION = 1


@dataclass(frozen=True, slots=True)
class StoredPart:
    """Bytes of a file that hold a page: *length* of them from *start*."""

    start: int
    length: int

    @property
    def stop(self) -> int:
        """The first byte after the part."""
        return self.start + self.length


class SegmentJournal:
    """The progress of one scan, in SQLite. One thread at a time may use it.

    path         of the database
    segments     of the scan; an earlier run decides
    identity     by label: what the progress belongs to, such as the index and its creation time
    is_finished  there is nothing to resume any more

    Raises JournalMismatch if *path* belongs to something else, is another kind of file, or is in use;
    JournalError if it cannot be written.
    """

    path: Path
    is_finished: bool

    def __init__(self, path: Path, identity: Mapping[str, str], *, segments: int) -> None:
        self.path, self.is_finished = path, False
        try:
            make_private_folder(path.parent)
            create_private_file(path)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.5)
        except (OSError, sqlite3.Error) as error:
            raise self._write_error(error) from error
        try:
            self.segments: int = self._prepare(identity, segments)
        except BaseException:
            self._db.close()
            raise

    @property
    def records(self) -> int:
        """The records of all pages that count."""
        return self._sum("records")

    @property
    def written(self) -> int:
        """The records of these pages that were to be written, of which some were rejected."""
        return self._sum("written")

    @property
    def rejected(self) -> int:
        """The records of these pages that the service did not take."""
        return self._sum("rejected")

    @property
    def tokens(self) -> dict[int, str]:
        """By segment that has begun, the token of its next page; empty if it is finished."""
        return dict(self._db.execute("SELECT number, token FROM segment"))

    @property
    def parts(self) -> list[StoredPart]:
        """The parts of the file in which the pages are, in the order of the file."""
        rows = self._db.execute("SELECT start, length FROM page ORDER BY start")
        return [StoredPart(start, length) for start, length in rows]

    def record_page(
        self,
        segment: int,
        token: str,
        *,
        records: int,
        written: int = 0,
        rejected: int = 0,
        part: StoredPart | None = None,
        is_restart: bool = False,
    ) -> None:
        """Store that a page counts. *token* is that of the page after it, empty after the last one.

        is_restart  it is the first page again: what was stored of the segment does not count any more

        Raises JournalError.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            if is_restart:
                self._db.execute("DELETE FROM segment WHERE number = ?", (segment,))
                self._db.execute("DELETE FROM page WHERE segment = ?", (segment,))
            self._db.execute(
                "INSERT INTO segment VALUES (?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET "
                "token = excluded.token, records = records + excluded.records, "
                "written = written + excluded.written, rejected = rejected + excluded.rejected",
                (segment, token, records, written, rejected),
            )
            if part is not None:
                self._db.execute("INSERT INTO page VALUES (?, ?, ?)", (segment, part.start, part.length))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._write_error(error) from error

    def close(self) -> None:
        """Close the journal. One that is finished is removed, and so is one without any page."""
        # An interrupt may come at any moment.
        self._db.rollback()
        is_needless = self.is_finished or not self.tokens
        self._db.close()
        if is_needless:
            remove_journal(self.path)

    def _sum(self, column: str) -> int:
        found = self._db.execute(f"SELECT sum({column}) FROM segment").fetchone()[0]  # noqa: S608 - a literal
        return int(found or 0)

    def _prepare(self, identity: Mapping[str, str], segments: int) -> int:
        try:
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            tables = {n for (n,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables - _TABLES:
                raise _not_a_journal(self.path)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            found = self._db.execute("SELECT version, segments FROM scan").fetchone()
            if found is None:
                self._begin(identity, segments)
                return segments
            self._check_identity(identity, int(found[0]))
            return int(found[1])
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise _in_use(self.path) from error
            raise self._write_error(error) from error
        except sqlite3.DatabaseError as error:
            raise _not_a_journal(self.path) from error

    def _begin(self, identity: Mapping[str, str], segments: int) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO scan_identity VALUES (?, ?)", identity.items())
        self._db.execute("INSERT INTO scan VALUES (?, ?)", (_VERSION, segments))
        self._db.execute("COMMIT")

    def _check_identity(self, identity: Mapping[str, str], version: int) -> None:
        found = dict(self._db.execute("SELECT name, value FROM scan_identity"))
        differences = [
            f"another {name}: {found.get(name, '') or 'none'}, not {identity.get(name, '') or 'none'}"
            for name in dict.fromkeys([*identity, *found])
            if found.get(name, "") != identity.get(name, "")
        ]
        if differences or version != _VERSION:
            what = "; and ".join(differences) or f"version {version} of this file"
            raise JournalMismatch(
                f"the unfinished run in {self.path} belongs to {what}",
                hint="Continue it with the options and the index that it was started with, or begin again "
                "with --restart.",
            )

    def _write_error(self, error: Exception) -> JournalError:
        return JournalError(
            f"the journal {self.path} cannot be written: {error}",
            hint="Free some space; then continue with --resume.",
        )


def count_records(path: Path) -> int:
    """Return how many records of pages are stored in the journal at *path*. Raises JournalMismatch."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.5)) as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables < _TABLES:
                return 0  # killed when it had just begun
            found = db.execute("SELECT sum(records) FROM segment").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise (_in_use(path) if "locked" in str(error) else _not_a_journal(path)) from error
    return int(found or 0)


def _in_use(path: Path) -> JournalMismatch:
    return JournalMismatch(f"{path} is in use by another run")


def _not_a_journal(path: Path) -> JournalMismatch:
    return JournalMismatch(f"{path} is not the journal of a scan")
