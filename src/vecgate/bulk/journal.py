"""What the service has acknowledged, kept on disk so that a killed run goes on where it was.

An entry is committed before the keys of its batch are given back (see `ordering`), one after the other. So a
journal read after any crash is a prefix of what happened: it never holds a later record of a key without
the earlier one, and what it lacks is simply sent again, which an upsert allows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path

from vecgate.bulk.ranges import Ranges, runs
from vecgate.bulk.records import Positions
from vecgate.errors import JournalError, JournalMismatch

SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (version INTEGER, source TEXT, target TEXT, operation TEXT);
CREATE TABLE IF NOT EXISTS settled (start INTEGER, stop INTEGER, aside INTEGER);
CREATE TABLE IF NOT EXISTS aside_file (path TEXT, bytes INTEGER);
"""
TABLES = {"identity", "settled", "aside_file"}
VERSION = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """What a journal belongs to.

    source     fingerprint of the input
    target     where it goes, such as `bucket/index at https://…`
    operation  PutVectors or DeleteVectors
    """

    source: str
    target: str
    operation: str


class Journal:
    """Settled positions of one run, in SQLite. Not thread-safe: its owner holds a lock.

    path         of the database
    acknowledged positions that the service has taken in earlier runs
    aside        positions that were set aside in earlier runs

    Raises JournalMismatch where *path* holds a journal of something else, is no journal, or is in use;
    JournalError where it cannot be written.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        self.path = path
        self._broken = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Autocommit: one entry, one transaction.
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.5)
        except (OSError, sqlite3.Error) as error:
            raise self._unwritable(error) from error
        try:
            self._prepare(identity)
        except BaseException:
            self._db.close()
            raise

    def acknowledge(self, positions: Positions) -> None:
        """Keep that the service has taken *positions*, which ascend."""
        self._write((start, stop, 0) for start, stop in runs(positions))

    def set_aside(self, positions: Positions, file: Path, *, file_bytes: int) -> None:
        """Keep that *positions* are in the set-aside *file*, which is *file_bytes* long with them."""
        rows = ((start, stop, 1) for start, stop in runs(positions))
        self._write(rows, aside_file=(str(file.resolve()), file_bytes))

    def kept_bytes(self, file: Path) -> int:
        """How much of the set-aside *file* is accounted for; at first sight that is all of it."""
        # The latest entry, not the largest: who mends a file may have moved it away, and it began anew.
        query = "SELECT bytes FROM aside_file WHERE path = ? ORDER BY rowid DESC LIMIT 1"
        found = self._db.execute(query, (str(file.resolve()),)).fetchone()
        if found is not None:
            return int(found[0])
        kept = file.stat().st_size if file.exists() else 0
        self._write((), aside_file=(str(file.resolve()), kept))
        return kept

    def close(self, *, finished: bool = False) -> None:
        """Close the journal; a *finished* one, with nothing left to resume, is removed."""
        self._db.close()
        if finished:
            remove_journal(self.path)

    def _prepare(self, identity: Identity) -> None:
        try:
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._refuse_foreign()
            self._db.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing; a power cut may lose the last entries, never an earlier one.
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(SCHEMA)
            self._claim(identity)
            self._load()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise JournalMismatch(f"the journal {self.path} is in use by another run") from error
            raise self._unwritable(error) from error
        except sqlite3.DatabaseError as error:
            raise JournalMismatch(f"{self.path} is not a journal") from error

    def _refuse_foreign(self) -> None:
        # A finished journal is removed, so it must be ours: some other database is not even touched.
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables <= TABLES:
            raise JournalMismatch(f"{self.path} is not a journal")

    def _claim(self, identity: Identity) -> None:
        wanted = (VERSION, *astuple(identity))
        found = self._db.execute("SELECT version, source, target, operation FROM identity").fetchone()
        if found is None:
            self._db.execute("INSERT INTO identity VALUES (?, ?, ?, ?)", wanted)
            return
        for name, was, now in zip(("version", "source", "target", "operation"), found, wanted, strict=True):
            if was != now:
                raise JournalMismatch(
                    f"the journal {self.path} is of another {name}: {was}, not {now}",
                    hint="Give the input and the index that it was begun with, or another --journal.",
                )

    def _load(self) -> None:
        rows = self._db.execute("SELECT start, stop, aside FROM settled").fetchall()
        self.acknowledged = Ranges.of((start, stop) for start, stop, aside in rows if not aside)
        self.aside = Ranges.of((start, stop) for start, stop, aside in rows if aside)

    def _write(
        self, rows: Iterable[tuple[int, int, int]], *, aside_file: tuple[str, int] | None = None
    ) -> None:
        # After one entry failed none may follow, or the journal would no longer be a prefix.
        if self._broken:
            raise JournalError(f"the journal {self.path} could not be written")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO settled VALUES (?, ?, ?)", rows)
            if aside_file is not None:
                self._db.execute("INSERT INTO aside_file VALUES (?, ?)", aside_file)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._broken = True
            raise self._unwritable(error) from error

    def _unwritable(self, error: Exception) -> JournalError:
        return JournalError(
            f"the journal {self.path} cannot be written: {error}",
            hint="Free some space, or give a --journal on another disk; --resume then goes on.",
        )


def remove_journal(path: Path) -> None:
    """Remove the journal at *path* with the files that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def settled_in(path: Path) -> int:
    """How many records the journal at *path* holds as settled, whatever it belongs to.

    Raises JournalMismatch.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.5)) as db:
            found = db.execute("SELECT sum(stop - start) FROM settled").fetchone()[0]
    except sqlite3.DatabaseError as error:
        in_use = "locked" in str(error)
        raise JournalMismatch(
            f"the journal {path} is in use by another run" if in_use else f"{path} is not a journal"
        ) from error
    return int(found or 0)
