"""Persistence for `--data-dir`: a directory with one SQLite database.

A change is committed before it is made in memory and before the response is sent. So an acknowledged change
survives `kill -9`, and a change that cannot be committed has not happened. After a power failure the latest
changes may be missing, unless `sync` is `full`; an earlier change is never missing while a later one is
present.

Settings of buckets and indexes are stored as JSON by field name, so a new field needs no new schema. The
vectors of an index have their own table, named after the serial of the index. Tokens of queries are invalid
after a restart; tokens of lists hold only a position and stay valid.

Every row has a checksum. They, the structure of the database and the number of its changes (`change_counter`)
are checked when it is opened, so that damage is named instead of served. Only the owner may read the files.

A disk that is full when the directory is opened does not prevent that: reads are served, and each write is
tried and refused until there is space.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_type_hints

import msgspec
import numpy as np
import orjson

from vecgate.endpoint.requests.messages import ApiError
from vecgate.endpoint.storage.backups import back_up
from vecgate.endpoint.storage.change_counter import ChangeCounter
from vecgate.endpoint.storage.state import Bucket, Index, State, Store
from vecgate.endpoint.storage.vector_table import FLOAT32_BYTES, Float32Matrix, VectorTable
from vecgate.errors import DirectoryInUse, UsageError
from vecgate.s3vectors.limits import KIB, MIB
from vecgate.s3vectors.metadata import Metadata

Sync: TypeAlias = Literal["normal", "full"]
Resource = TypeVar("Resource", Bucket, Index)

DATABASE, LOG, COUNTER = "endpoint.sqlite", "endpoint.sqlite-wal", "endpoint.changes"
#: Identifies a database of this module: "vecg" as a number.
APPLICATION_ID = 0x76656367
VERSION = 3
#: The first had no checksums, and neither counted changes.
VERSION_WITHOUT_CHECKSUMS, VERSION_WITHOUT_CHANGES = 1, 2
SCHEMA = """
CREATE TABLE opened (times INTEGER NOT NULL, changes INTEGER NOT NULL);
CREATE TABLE buckets (name TEXT PRIMARY KEY, settings TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE indexes
    (serial INTEGER PRIMARY KEY, bucket TEXT NOT NULL, settings TEXT NOT NULL, checksum INTEGER NOT NULL);
INSERT INTO opened VALUES (0, 0);
"""
#: Permissions of new directories and of the files in them: metadata may be confidential.
DIRECTORY_MODE, FILE_MODE = 0o700, 0o600
#: A row holds the floats and the metadata of a vector; three rows of 1,024 floats fit on a page.
PAGE_BYTES = 16 * KIB
CACHE_BYTES = 64 * MIB
#: Size of the write-ahead log at which it is copied into the database, which takes a tenth of a second.
LOG_BYTES = 64 * MIB
LOCK_TIMEOUT_S = 0.5
ROWS_PER_BLOCK = 5_000
#: The errors of SQLite on a disk that has no space, or that fails to write.
FULL_DISK = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC"})
#: What reading a damaged database may raise.
DAMAGE = (sqlite3.Error, ArithmeticError, LookupError, TypeError, ValueError, MemoryError)
#: The range of request serials of one opening: the n-th opening counts from n times this number.
SERIALS_PER_OPENING = 1 << 40
#: Fields that are not stored but rebuilt when the state is opened.
DERIVED = frozenset({"indexes", "table", "texts"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A database that was opened and checked.

    times    how often, this time included
    changes  committed so far
    """

    database: sqlite3.Connection
    data_dir: Path
    counter: ChangeCounter
    times: int
    changes: int


def _ignore(_: str) -> None:
    """Warn nobody."""


@contextmanager
def open_state(
    data_dir: Path | None,
    *,
    state: State | None = None,
    sync: Sync = "normal",
    recover: bool = False,
    warn: Callable[[str], None] = _ignore,
) -> Iterator[State]:
    """Yield *state*, or a new one, loaded from *data_dir*; from then on all changes are persisted there.

    Without a directory the state is only in memory. A missing directory is created. One process at a time may
    open it. *sync* `full` also survives a power failure, at the cost of a disk flush for each write.
    *recover* accepts that acknowledged changes are missing; *warn* receives how many, and
    that the disk is full.

    Raises UsageError if the directory cannot be used, or if its database is damaged.
    """
    state = state or State()
    if data_dir is None:
        yield state
        return
    with _open_database(data_dir, state, sync, recover=recover, warn=warn) as opened:
        state.store = SqliteStore(opened, warn)
        yield state


class SqliteStore(Store):
    """A `Store` in SQLite. A change that cannot be persisted becomes an InternalServerException."""

    def __init__(self, opened: Opened, warn: Callable[[str], None] = _ignore) -> None:
        self._database, self._data_dir = opened.database, opened.data_dir
        self._counter, self._changes = opened.counter, opened.changes
        self._times: int | None = opened.times
        try:
            with self._transaction():
                pass  # counts the opening
        except ApiError as error:
            cause = error.__cause__
            if not isinstance(cause, sqlite3.Error) or cause.sqlite_errorname not in FULL_DISK:
                raise _open_error(self._data_dir, cause or error) from error
            warn(
                f"cannot write to {self._data_dir}: {cause}; reads are served, and writes are refused until "
                "there is space"
            )

    def save_bucket(self, bucket: Bucket) -> None:
        """Persist the bucket's settings."""
        with self._transaction() as database:
            row = (bucket.name, _encode_settings(bucket))
            database.execute("REPLACE INTO buckets VALUES (?, ?, ?)", (*row, checksum(*row)))

    def remove_bucket(self, bucket: Bucket) -> None:
        """Delete the bucket."""
        with self._transaction() as database:
            database.execute("DELETE FROM buckets WHERE name = ?", (bucket.name,))

    def save_index(self, index: Index) -> None:
        """Persist the index's settings, and create a table for its vectors."""
        with self._transaction() as database:
            row = (index.serial, index.bucket, _encode_settings(index))
            database.execute("REPLACE INTO indexes VALUES (?, ?, ?, ?)", (*row, checksum(*row)))
            database.execute(
                f"CREATE TABLE IF NOT EXISTS {_table(index)} "
                "(key TEXT PRIMARY KEY, vector BLOB NOT NULL, metadata TEXT, checksum INTEGER NOT NULL)"
            )

    def remove_index(self, index: Index) -> None:
        """Delete the index and its table."""
        with self._transaction() as database:
            database.execute("DELETE FROM indexes WHERE serial = ?", (index.serial,))
            database.execute(f"DROP TABLE {_table(index)}")

    def put_vectors(
        self, index: Index, keys: Sequence[str], vectors: Float32Matrix, metadata: Sequence[Metadata | None]
    ) -> None:
        """Persist the vectors, little-endian."""
        rows = zip(keys, _to_blobs(vectors), map(_to_json, metadata), strict=True)
        with self._transaction() as database:
            database.executemany(
                f"INSERT INTO {_table(index)} VALUES (?, ?, ?, ?) "  # noqa: S608 - the name ends in digits
                "ON CONFLICT (key) DO UPDATE SET "
                "vector = excluded.vector, metadata = excluded.metadata, checksum = excluded.checksum",
                ((*row, checksum(*row)) for row in rows),
            )

    def delete_vectors(self, index: Index, keys: Sequence[str]) -> None:
        """Delete the vectors that exist."""
        with self._transaction() as database:
            statement = f"DELETE FROM {_table(index)} WHERE key = ?"  # noqa: S608 - the name ends in digits
            database.executemany(statement, [(key,) for key in keys])

    def remove_everything(self) -> None:
        """Delete everything except the number of openings."""
        with self._transaction() as database:
            for (serial,) in database.execute("SELECT serial FROM indexes").fetchall():
                database.execute(f"DROP TABLE vectors_{serial}")
            database.execute("DELETE FROM indexes")
            database.execute("DELETE FROM buckets")

    def back_up(self, file: Path) -> int:
        """Copy the database to *file* and return its bytes; may run in another thread than the changes."""
        return back_up(self._database, file, check_database)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run one transaction. Raises ApiError if it cannot be committed."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield self._database
            self._database.execute(
                "UPDATE opened SET changes = ?, times = coalesce(?, times)", (self._changes + 1, self._times)
            )
            self._database.execute("COMMIT")
            self._times = None
            self._changes += 1
            self._counter.write(self._changes)
        except BaseException as error:
            with suppress(sqlite3.Error):
                self._database.rollback()
            if isinstance(error, sqlite3.Error):
                raise _write_error(self._data_dir, error) from error
            raise


def _write_error(data_dir: Path, error: sqlite3.Error) -> ApiError:
    return ApiError(
        "InternalServerException",
        f"Nothing was changed: the vecgate endpoint cannot write to its data directory {data_dir}: {error}",
    )


@contextmanager
def _open_database(
    data_dir: Path, state: State, sync: Sync, *, recover: bool, warn: Callable[[str], None]
) -> Iterator[Opened]:
    """Yield the database, checked and loaded into *state*."""
    with ExitStack() as stack:
        try:
            data_dir.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
            counter = ChangeCounter(data_dir / COUNTER)
            stack.callback(counter.close)
            _check_files(data_dir, counter)
            kept_log = stack.enter_context(_log_restored_on_refusal(data_dir / LOG))
            database = stack.enter_context(closing(connect(data_dir / DATABASE)))
            _lock(database)
            with suppress(OSError):  # there is no log, or the file system has no links
                os.link(data_dir / LOG, kept_log)
            _prepare(database, data_dir, sync)
            times, changes = database.execute("SELECT times, changes FROM opened").fetchone()
            _check_changes(data_dir, counter, changes, warn if recover else None)
        except (OSError, sqlite3.Error, UnicodeError, TypeError) as error:
            raise _open_error(data_dir, error) from error
        opened = Opened(database, data_dir, counter, times + 1, changes)
        _load_state(opened, state)
        kept_log.unlink(missing_ok=True)
        yield opened


@contextmanager
def _log_restored_on_refusal(log: Path) -> Iterator[Path]:
    """Yield a path for a link to the write-ahead log, which replaces it if the block refuses the database.

    SQLite removes the log, with what it could not read, when it closes the database.
    """
    kept = log.with_name(f"{log.name}-kept")
    kept.unlink(missing_ok=True)
    try:
        yield kept
    except UsageError:
        with suppress(OSError):
            kept.replace(log)
        raise
    finally:
        kept.unlink(missing_ok=True)


def _check_files(data_dir: Path, counter: ChangeCounter) -> None:
    """Create the database if there has been none. Raises UsageError if it has been emptied or removed."""
    path, log = data_dir / DATABASE, data_dir / LOG
    if path.exists():
        if path.stat().st_size == 0:
            raise _damage_error(path, "it is empty")
    elif log.exists() and log.stat().st_size:
        raise _damage_error(path, f"it is missing, but its log {log.name} is there")
    elif not counter.is_empty():
        raise _damage_error(path, f"it is missing, but its file {COUNTER} is there")
    else:
        _create(path)


def _check_changes(
    data_dir: Path, counter: ChangeCounter, changes: int, accept: Callable[[str], None] | None
) -> None:
    """Compare the *changes* in the database with those that were acknowledged.

    *accept* receives the problem; without it the database is refused.
    """
    try:
        acknowledged = counter.read()
    except ValueError as error:
        problem = f"the file {COUNTER} beside it is damaged: {error}"
    else:
        if changes >= acknowledged:
            return
        problem = (
            f"{acknowledged - changes:,} of {acknowledged:,} acknowledged changes are missing, because its "
            f"log {LOG} is damaged, cut off or gone"
        )
    if accept is None:
        raise UsageError(
            f"the database {data_dir / DATABASE} is damaged: {problem}",
            hint="Give another --data-dir, with a backup in it, or start this one once with --recover to "
            "continue with the changes that are left.",
        )
    counter.reset(changes)
    accept(f"recovered {data_dir / DATABASE} as far as possible: {problem}")


def connect(path: Path) -> sqlite3.Connection:
    """Open a database."""
    # Autocommit: this module begins its transactions itself. The adapters serialize the calls.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCK_TIMEOUT_S)


def _lock(database: sqlite3.Connection) -> None:
    """Lock the database until the process ends, even by SIGKILL: no other process can open it."""
    database.execute("PRAGMA locking_mode=EXCLUSIVE")
    _read_pragma(database, "user_version")


def _prepare(database: sqlite3.Connection, data_dir: Path, sync: Sync) -> None:
    version = check_structure(database, data_dir / DATABASE)
    database.execute(f"PRAGMA synchronous={sync}")
    database.execute(f"PRAGMA cache_size=-{CACHE_BYTES // KIB}")
    database.execute(f"PRAGMA wal_autocheckpoint={LOG_BYTES // PAGE_BYTES}")
    if version == VERSION_WITHOUT_CHECKSUMS:
        _add_checksums(database)
    if version != VERSION:
        _add_changes(database)
    for path in data_dir.glob(f"{DATABASE}*"):
        with suppress(OSError):  # those of another owner
            path.chmod(FILE_MODE)


def check_structure(database: sqlite3.Connection, path: Path) -> int:
    """Return the version of the database. Raises UsageError if its structure is damaged, or not ours."""
    version = _read_pragma(database, "user_version")
    if (
        _read_pragma(database, "application_id") != APPLICATION_ID
        or not VERSION_WITHOUT_CHECKSUMS <= version <= VERSION
    ):
        raise UsageError(
            f"{path} is not a database of this version of the endpoint",
            hint="Give another --data-dir, or use the version of vecgate that created this one.",
        )
    (problem,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    if problem != "ok":
        raise _damage_error(path, " ".join(problem.split()))
    return version


def _create(path: Path) -> None:
    """Create an empty database. A crash leaves none rather than a part, and a file that appears wins."""
    handle, name = tempfile.mkstemp(prefix=f".{DATABASE}-", dir=path.parent)  # with FILE_MODE
    os.close(handle)
    new = Path(name)
    try:
        with closing(connect(new)) as database:
            database.execute(f"PRAGMA page_size={PAGE_BYTES}")
            database.executescript(
                f"BEGIN; {SCHEMA} PRAGMA application_id={APPLICATION_ID}; "
                f"PRAGMA user_version={VERSION}; COMMIT;"
            )
            database.execute("PRAGMA journal_mode=WAL")
        with suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink()


def _add_checksums(database: sqlite3.Connection) -> None:
    """Bring a database of the version without checksums up to date."""
    database.create_function("checksum", -1, checksum, deterministic=True)
    serials = [serial for (serial,) in database.execute("SELECT serial FROM indexes").fetchall()]
    columns = {"buckets": "name, settings", "indexes": "serial, bucket, settings"}
    columns |= {f"vectors_{serial:d}": "key, vector, metadata" for serial in serials}
    statements = [
        f"ALTER TABLE {table} ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0; "  # noqa: S608 - constant names
        f"UPDATE {table} SET checksum = checksum({names});"
        for table, names in columns.items()
    ]
    database.executescript(
        f"BEGIN; {' '.join(statements)} PRAGMA user_version={VERSION_WITHOUT_CHANGES}; COMMIT;"
    )


def _add_changes(database: sqlite3.Connection) -> None:
    """Bring a database of the version that did not count its changes up to date."""
    database.executescript(
        "BEGIN; ALTER TABLE opened ADD COLUMN changes INTEGER NOT NULL DEFAULT 0; "
        f"PRAGMA user_version={VERSION}; COMMIT;"
    )


def checksum(*values: str | bytes | memoryview | int | None) -> int:
    """Return the CRC-32 of the columns of a row."""
    crc = 0
    for value in values:
        if value is not None:
            crc = zlib.crc32(str(value).encode() if isinstance(value, str | int) else value, crc)
    return crc


def _read_pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])


def _open_error(data_dir: Path, error: BaseException) -> UsageError:
    if "locked" in str(error):
        return DirectoryInUse(
            f"another endpoint is using {data_dir}",
            hint="Stop it, or give this one another --data-dir. To back it up while it runs, give --backup "
            "with its --admin-token.",
        )
    is_content_damaged = isinstance(error, UnicodeError | TypeError)
    if is_content_damaged or "malformed" in str(error) or "not a database" in str(error):
        return _damage_error(data_dir / DATABASE, str(error))
    return UsageError(f"cannot use {data_dir} as data directory: {error}", hint="Give another --data-dir.")


def _damage_error(path: Path, problem: str) -> UsageError:
    return UsageError(
        f"the database {path} is damaged: {problem}",
        hint="Give another --data-dir, or restore this one from a backup.",
    )


def _load_state(opened: Opened, state: State) -> None:
    """Fill *state*, which has no store yet. Raises UsageError if a row does not have its checksum."""
    try:
        _load_rows(opened.database, state)
    except DAMAGE as error:
        raise _damage_error(opened.data_dir / DATABASE, str(error) or type(error).__name__) from error
    state.serial = opened.times * SERIALS_PER_OPENING


def check_database(database: sqlite3.Connection, path: Path) -> None:
    """Check the structure and every row of *database*. Raises UsageError if it is damaged."""
    try:
        check_structure(database, path)
        for _ in _read_buckets(database):
            pass
        for index in _read_indexes(database):
            for _ in _read_blocks(database, index):
                pass
    except DAMAGE as error:
        raise _damage_error(path, str(error) or type(error).__name__) from error


def _load_rows(database: sqlite3.Connection, state: State) -> None:
    for bucket in _read_buckets(database):
        state.save_bucket(bucket)
    for index in _read_indexes(database):
        state.save_index(index)
        with _gc_paused():
            for block in _read_blocks(database, index):
                state.put_vectors(index, *block)


def _read_buckets(database: sqlite3.Connection) -> Iterator[Bucket]:
    for *row, stored in database.execute("SELECT * FROM buckets ORDER BY name").fetchall():
        name, settings = row
        _check_row(row, stored, f"the settings of vector bucket {name!r}")
        yield _restore(Bucket, settings, {})


def _read_indexes(database: sqlite3.Connection) -> Iterator[Index]:
    for *row, stored in database.execute("SELECT * FROM indexes ORDER BY serial").fetchall():
        serial, bucket, settings = row
        _check_row(row, stored, f"the settings of index {serial} in vector bucket {bucket!r}")
        yield _restore(Index, settings, {"table": VectorTable(orjson.loads(settings)["dimension"])})


def _check_row(row: Sequence[Any], stored: int, name: str) -> None:
    if checksum(*row) != stored:
        raise ValueError(f"{name} do not have their checksum")


def _read_blocks(
    database: sqlite3.Connection, index: Index
) -> Iterator[tuple[list[str], Float32Matrix, list[Metadata | None]]]:
    """Yield the vectors of *index* in blocks of some thousands."""
    cursor = database.execute(f"SELECT key, vector, metadata, checksum FROM {_table(index)}")  # noqa: S608 - ends in digits
    while rows := cursor.fetchmany(ROWS_PER_BLOCK):
        for *row, stored in rows:
            _check_row(row, stored, f"the contents of vector {row[0]!r} in {index.bucket}/{index.name}")
        keys, vectors, metadata, _ = zip(*rows, strict=True)
        matrix = np.frombuffer(b"".join(vectors), "<f4").reshape(len(rows), index.dimension)
        yield list(keys), matrix, [None if each is None else orjson.loads(each) for each in metadata]


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause garbage collection: scanning a million new dictionaries repeatedly doubles the load time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _table(index: Index) -> str:
    return f"vectors_{index.serial:d}"


def _to_blobs(vectors: Float32Matrix) -> Iterator[memoryview]:
    raw, step = memoryview(vectors.astype("<f4", copy=False).tobytes()), FLOAT32_BYTES * vectors.shape[1]
    return (raw[start : start + step] for start in range(0, len(raw), step))


def _to_json(metadata: Metadata | None) -> str | None:
    return None if metadata is None else orjson.dumps(metadata).decode()


def _encode_settings(resource: Bucket | Index) -> str:
    """Return the fields to store as JSON."""
    names = (field.name for field in fields(resource) if field.name not in DERIVED)
    return msgspec.json.encode({name: getattr(resource, name) for name in names}).decode()


def _restore(kind: type[Resource], settings: str, derived: Mapping[str, Any]) -> Resource:
    """Return the bucket or index of stored *settings*. Fields that are not stored yet get their defaults."""
    stored, hints = orjson.loads(settings), get_type_hints(kind)
    names: Iterable[str] = stored.keys() & hints.keys()
    return kind(**{name: msgspec.convert(stored[name], hints[name]) for name in names}, **derived)
