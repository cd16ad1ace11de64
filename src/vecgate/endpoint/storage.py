"""The state on disk: a directory with one SQLite database, for `--data-dir`.

A change is committed before it is made in memory, and so before it is answered: what was acknowledged
outlives `kill -9`, and a change that cannot be committed has not happened. A power cut may take the last
moments along, unless `sync` is `full`; it never takes an earlier change and leaves a later one.

Settings of buckets and indexes are kept as JSON by the names of their fields, so a new field needs no new
schema. The vectors of an index are a table of their own, named by the serial of the index. Query tokens of
an earlier process are unknown to this one; list tokens hold nothing but a place, and stay good.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_type_hints

import msgspec
import numpy as np
import orjson

from vecgate.endpoint.answers import Refused
from vecgate.endpoint.state import Bucket, Index, State, Store
from vecgate.endpoint.table import FLOAT32_BYTES, Float32Matrix, VectorTable
from vecgate.errors import UsageError
from vecgate.s3vectors.limits import KIB, MIB
from vecgate.s3vectors.metadata import Metadata

Sync: TypeAlias = Literal["normal", "full"]
Thing = TypeVar("Thing", Bucket, Index)

DATABASE = "endpoint.sqlite"
#: Tells our databases from others: "vecg", read as a number.
APPLICATION_ID = 0x76656367
VERSION = 1
SCHEMA = """
CREATE TABLE opened (times INTEGER NOT NULL);
CREATE TABLE buckets (name TEXT PRIMARY KEY, settings TEXT NOT NULL);
CREATE TABLE indexes (serial INTEGER PRIMARY KEY, bucket TEXT NOT NULL, settings TEXT NOT NULL);
INSERT INTO opened VALUES (0);
"""
#: A row is the floats and the metadata of a vector; of 1,024 floats three fit on a page.
PAGE_BYTES = 16 * KIB
CACHE_BYTES = 64 * MIB
#: How long the log grows before it is worked into the database, which costs a tenth of a second.
LOG_BYTES = 64 * MIB
LOCKED_WITHIN_S = 0.5
ROWS_AT_ONCE = 5_000
#: A process that opens the state begins to count its requests here, times the number of openings so far.
SERIALS_PER_OPENING = 1 << 40
#: What is made from the rest when the state is opened.
DERIVED = frozenset({"indexes", "table", "texts"})


@contextmanager
def open_state(
    data_dir: Path | None, *, state: State | None = None, sync: Sync = "normal"
) -> Iterator[State]:
    """*state*, or a new one, filled from *data_dir*, where every change of it is kept from now on.

    Without a directory it lives in memory. One process at a time may hold a directory; it is made where
    there is none. *sync* `full` also outlives a power cut, and costs a flush of the disk for each write.

    Raises UsageError where the directory cannot be used.
    """
    state = state or State()
    if data_dir is None:
        yield state
        return
    with closing(_opened(data_dir, sync)) as database:
        _load(database, state)
        state.store = SqliteStore(database, data_dir)
        yield state


class SqliteStore(Store):
    """A `Store` in SQLite. A change that cannot be kept is answered with an InternalServerException."""

    def __init__(self, database: sqlite3.Connection, data_dir: Path) -> None:
        self._database, self._data_dir = database, data_dir

    def save_bucket(self, bucket: Bucket) -> None:
        """Keep its settings."""
        with self._change() as database:
            database.execute("REPLACE INTO buckets VALUES (?, ?)", (bucket.name, _settings(bucket)))

    def remove_bucket(self, bucket: Bucket) -> None:
        """Forget it."""
        with self._change() as database:
            database.execute("DELETE FROM buckets WHERE name = ?", (bucket.name,))

    def save_index(self, index: Index) -> None:
        """Keep its settings, and have a table for its vectors."""
        with self._change() as database:
            row = (index.serial, index.bucket, _settings(index))
            database.execute("REPLACE INTO indexes VALUES (?, ?, ?)", row)
            database.execute(
                f"CREATE TABLE IF NOT EXISTS {_table(index)} "
                "(key TEXT PRIMARY KEY, vector BLOB NOT NULL, metadata TEXT)"
            )

    def remove_index(self, index: Index) -> None:
        """Forget it with its table."""
        with self._change() as database:
            database.execute("DELETE FROM indexes WHERE serial = ?", (index.serial,))
            database.execute(f"DROP TABLE {_table(index)}")

    def put_vectors(
        self, index: Index, keys: Sequence[str], vectors: Float32Matrix, metadata: Sequence[Metadata | None]
    ) -> None:
        """Keep them, little-endian."""
        with self._change() as database:
            database.executemany(
                f"INSERT INTO {_table(index)} VALUES (?, ?, ?) "  # noqa: S608 - its name is made of digits
                "ON CONFLICT (key) DO UPDATE SET vector = excluded.vector, metadata = excluded.metadata",
                zip(keys, _blobs(vectors), map(_document, metadata), strict=True),
            )

    def delete_vectors(self, index: Index, keys: Sequence[str]) -> None:
        """Forget those that are there."""
        with self._change() as database:
            statement = f"DELETE FROM {_table(index)} WHERE key = ?"  # noqa: S608 - its name is made of digits
            database.executemany(statement, [(key,) for key in keys])

    def remove_everything(self) -> None:
        """Forget all, but not how often the state was opened."""
        with self._change() as database:
            for (serial,) in database.execute("SELECT serial FROM indexes").fetchall():
                database.execute(f"DROP TABLE vectors_{serial}")
            database.execute("DELETE FROM indexes")
            database.execute("DELETE FROM buckets")

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One change, all or nothing. Raises Refused where the disk does not take it."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield self._database
            self._database.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                self._database.rollback()
            if isinstance(error, sqlite3.Error):
                raise _unkept(self._data_dir, error) from error
            raise


def _unkept(data_dir: Path, error: sqlite3.Error) -> Refused:
    return Refused(
        "InternalServerException",
        f"Nothing was changed: the vecgate endpoint cannot write to its data directory {data_dir}: {error}",
    )


def _opened(data_dir: Path, sync: Sync) -> sqlite3.Connection:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        # Autocommit: transactions begin where we say so. Whoever uses the state sees to turns.
        database = sqlite3.connect(
            data_dir / DATABASE, isolation_level=None, check_same_thread=False, timeout=LOCKED_WITHIN_S
        )
    except (OSError, sqlite3.Error) as error:
        raise _unusable(data_dir, error) from error
    try:
        _prepare(database, data_dir, sync)
    except sqlite3.Error as error:
        database.close()
        raise _unusable(data_dir, error) from error
    except UsageError:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, data_dir: Path, sync: Sync) -> None:
    database.execute(f"PRAGMA page_size={PAGE_BYTES}")
    # Kept until the process ends, however it ends: no other can open the database meanwhile.
    database.execute("PRAGMA locking_mode=EXCLUSIVE")
    known = (_pragma(database, "application_id"), _pragma(database, "user_version"))
    if known == (0, 0) and database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
        database.execute("PRAGMA journal_mode=WAL")
        _create(database)
    elif known != (APPLICATION_ID, VERSION):
        raise UsageError(
            f"{data_dir / DATABASE} is not a database of this version of the endpoint",
            hint="Give another --data-dir, or the version of vecgate that made this one.",
        )
    database.execute(f"PRAGMA synchronous={sync}")
    database.execute(f"PRAGMA cache_size=-{CACHE_BYTES // KIB}")
    database.execute(f"PRAGMA wal_autocheckpoint={LOG_BYTES // PAGE_BYTES}")
    database.execute("UPDATE opened SET times = times + 1")


def _create(database: sqlite3.Connection) -> None:
    database.executescript(
        f"BEGIN; {SCHEMA} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION}; COMMIT;"
    )


def _pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])


def _unusable(data_dir: Path, error: Exception) -> UsageError:
    if "locked" in str(error):
        return UsageError(
            f"another endpoint uses {data_dir}", hint="Stop it, or give this one another --data-dir."
        )
    return UsageError(f"cannot use {data_dir} as data directory: {error}", hint="Give another --data-dir.")


def _load(database: sqlite3.Connection, state: State) -> None:
    """Fill *state*, which keeps no changes yet."""
    state.serial = database.execute("SELECT times FROM opened").fetchone()[0] * SERIALS_PER_OPENING
    for (settings,) in database.execute("SELECT settings FROM buckets ORDER BY name").fetchall():
        state.save_bucket(_restored(Bucket, settings, {}))
    for (settings,) in database.execute("SELECT settings FROM indexes ORDER BY serial").fetchall():
        index = _restored(Index, settings, {"table": VectorTable(orjson.loads(settings)["dimension"])})
        state.save_index(index)
        with _garbage_kept():
            for block in _blocks(database, index):
                state.put_vectors(index, *block)


def _blocks(
    database: sqlite3.Connection, index: Index
) -> Iterator[tuple[list[str], Float32Matrix, list[Metadata | None]]]:
    """The vectors of *index*, some thousands at a time."""
    found = database.execute(f"SELECT key, vector, metadata FROM {_table(index)}")  # noqa: S608 - its name is digits
    while rows := found.fetchmany(ROWS_AT_ONCE):
        keys, vectors, metadata = zip(*rows, strict=True)
        matrix = np.frombuffer(b"".join(vectors), "<f4").reshape(len(rows), index.dimension)
        yield list(keys), matrix, [None if each is None else orjson.loads(each) for each in metadata]


@contextmanager
def _garbage_kept() -> Iterator[None]:
    """Collect no garbage: to look through a million new dictionaries again and again doubles the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _table(index: Index) -> str:
    return f"vectors_{index.serial:d}"


def _blobs(vectors: Float32Matrix) -> Iterator[memoryview]:
    raw, step = memoryview(vectors.astype("<f4", copy=False).tobytes()), FLOAT32_BYTES * vectors.shape[1]
    return (raw[start : start + step] for start in range(0, len(raw), step))


def _document(metadata: Metadata | None) -> str | None:
    return None if metadata is None else orjson.dumps(metadata).decode()


def _settings(thing: Bucket | Index) -> str:
    """What to keep of a bucket or an index."""
    names = (field.name for field in fields(thing) if field.name not in DERIVED)
    return msgspec.json.encode({name: getattr(thing, name) for name in names}).decode()


def _restored(kind: type[Thing], settings: str, derived: Mapping[str, Any]) -> Thing:
    """The bucket or index that `_settings` was given. A field that is new since then has its default."""
    kept, hints = orjson.loads(settings), get_type_hints(kind)
    names: Iterable[str] = kept.keys() & hints.keys()
    return kind(**{name: msgspec.convert(kept[name], hints[name]) for name in names}, **derived)
