from __future__ import annotations

import errno
import gc
import os
import random
import resource
import signal
import sqlite3
import stat
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.endpoint.core import apply
from vecgate.endpoint.local import LocalEndpoint
from vecgate.endpoint.requests.messages import Request, Response
from vecgate.endpoint.storage.sqlite_store import COUNTER, DATABASE, DERIVED, LOG, checksum, open_state
from vecgate.endpoint.storage.state import Bucket, Index, State
from vecgate.errors import UsageError

ADDRESS = {"vectorBucketName": "films", "indexName": "plots"}
SHAPE = {"dataType": "float32", "dimension": 2, "distanceMetric": "euclidean"}


def send(state: State, operation: str, **members: Any) -> Response:
    return apply(state, Request("POST", f"/{operation}", orjson.dumps(members)), 1_800_000_000.0)


def call(state: State, operation: str, **members: Any) -> Any:
    response = send(state, operation, **members)
    assert response.status == 200, response
    return orjson.loads(response.body)


def create_index(state: State, **more: Any) -> None:
    call(state, "CreateVectorBucket", vectorBucketName="films")
    call(state, "CreateIndex", **ADDRESS, **SHAPE, **more)


def put(state: State, records: dict[str, tuple[list[float], Any]]) -> Response:
    vectors = [
        {"key": key, "data": {"float32": vector}, "metadata": metadata}
        for key, (vector, metadata) in records.items()
    ]
    return send(state, "PutVectors", **ADDRESS, vectors=vectors)


def everything(state: State) -> dict[str, Any]:
    """Return everything that a client can read, and the internal fields."""
    return {
        name: (
            [getattr(bucket, each.name) for each in fields(Bucket) if each.name not in DERIVED],
            {index.name: in_index(index) for index in bucket.indexes.values()},
        )
        for name, bucket in state.buckets.items()
    }


def in_index(index: Index) -> tuple[list[Any], dict[str, Any]]:
    rows = zip(index.table.keys, index.table.vectors.tolist(), index.table.metadata, strict=True)
    stored = [getattr(index, each.name) for each in fields(Index) if each.name not in DERIVED]
    return stored, {key: (vector, metadata) for key, vector, metadata in rows}


# --- reopening ---

RECORDS: dict[str, tuple[list[float], Any]] = {
    "plain": ([1.0, 2.0], {"year": 1982, "tags": ["a", "b"], "seen": True, "score": 0.1}),
    "no metadata": ([0.1, -0.0], None),
    "empty metadata": ([3.4028234663852886e38, 1.401298464324817e-45], {}),
    "nul \x00 and \U0001f600 'quoted'": ([0.0, 0.0], {"\x00": "\x00", "large": 2**63 + 1, "$x": -1}),
}


def test_a_reopened_state_is_equal(tmp_path: Path) -> None:
    """Buckets, indexes with all settings, vectors bit for bit, metadata with its types."""
    with open_state(tmp_path) as state:
        create_index(
            state,
            tags={"team": "search"},
            metadataConfiguration={"nonFilterableMetadataKeys": ["text"]},
        )
        call(state, "CreateVectorBucket", vectorBucketName="empty", tags={"a": "b"})
        assert put(state, RECORDS).status == 200
        before = everything(state)
    with open_state(tmp_path) as state:
        assert everything(state) == before
        vector = state.buckets["films"].indexes["plots"].table.vectors[1]
        assert vector.tobytes() == struct.pack("<2f", 0.1, -0.0)


def test_deleted_resources_stay_deleted(tmp_path: Path) -> None:
    """Vectors, indexes and buckets; their names can be used again."""
    with open_state(tmp_path) as state:
        create_index(state)
        put(state, RECORDS)
        call(state, "DeleteVectors", **ADDRESS, keys=["plain", "unknown"])
    with open_state(tmp_path) as state:
        assert set(state.buckets["films"].indexes["plots"].table.keys) == RECORDS.keys() - {"plain"}
        call(state, "DeleteIndex", **ADDRESS)
        call(state, "CreateIndex", **ADDRESS, **{**SHAPE, "dimension": 3})
    with open_state(tmp_path) as state:
        assert state.buckets["films"].indexes["plots"].dimension == 3
        assert len(state.buckets["films"].indexes["plots"].table) == 0
        call(state, "DeleteIndex", **ADDRESS)
        call(state, "DeleteVectorBucket", vectorBucketName="films")
    with open_state(tmp_path) as state:
        assert state.buckets == {}


def test_changed_settings_are_persisted(tmp_path: Path) -> None:
    """A bucket keeps its indexes, and an index its vectors."""
    with open_state(tmp_path) as state:
        create_index(state)
        put(state, RECORDS)
        bucket = state.buckets["films"]
        state.save_bucket(replace(bucket, tags={"team": "search"}))
        state.save_index(replace(bucket.indexes["plots"], mode="CLASSIC"))
        before = everything(state)
    with open_state(tmp_path) as state:
        assert everything(state) == before
        assert state.buckets["films"].tags == {"team": "search"}
        assert state.buckets["films"].indexes["plots"].mode == "CLASSIC"


def test_new_fields_have_their_defaults_and_unknown_ones_are_ignored(tmp_path: Path) -> None:
    """Settings are stored by name, so other versions of them need no other schema."""
    with open_state(tmp_path) as state:
        create_index(state)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database, database:
        database.create_function("checksum", -1, checksum)
        database.execute(
            "UPDATE indexes SET settings = json_set(json_remove(settings, '$.mode'), '$.gone', 1)"
        )
        database.execute("UPDATE indexes SET checksum = checksum(serial, bucket, settings)")
    with open_state(tmp_path) as state:
        assert state.buckets["films"].indexes["plots"].mode == "ENHANCED"


def test_a_reset_deletes_everything_on_disk(tmp_path: Path) -> None:
    """The reset of the admin API is a change like any other."""
    with open_state(tmp_path) as state:
        create_index(state)
        put(state, RECORDS)
        state.reset()
        assert state.buckets == {}
    with open_state(tmp_path) as state:
        assert state.buckets == {}
        create_index(state)


def test_without_a_directory_nothing_is_persisted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory stays empty too."""
    monkeypatch.chdir(tmp_path)
    with open_state(None) as state:
        create_index(state)
        put(state, RECORDS)
    assert list(tmp_path.iterdir()) == []


def test_the_given_state_is_filled(tmp_path: Path) -> None:
    """With its own account and region."""
    own = State(account="111122223333", region="eu-west-1")
    with open_state(tmp_path / "new" / "directory", state=own) as state:
        assert state is own
        create_index(state)
    with open_state(tmp_path / "new" / "directory") as state:
        assert state.buckets["films"].arn == "arn:aws:s3vectors:eu-west-1:111122223333:bucket/films"


keys = st.sampled_from(["a", "b", "c", "d", "e"])
batches = st.dictionaries(
    keys,
    st.tuples(
        st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
        st.none() | st.dictionaries(st.text(max_size=3), st.integers(0, 3) | st.text(max_size=3), max_size=3),
    ),
    min_size=1,
)
steps = st.lists(
    batches | st.lists(keys, min_size=1, unique=True) | st.sampled_from(["reopen", "reset"]), max_size=12
)


@given(steps=steps)
def test_disk_and_memory_are_always_equal(steps: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """For any sequence of puts, deletes, resets and reopenings, compared with a dictionary."""
    directory, expected = tmp_path_factory.mktemp("state"), dict[str, Any]()
    context = open_state(directory)
    state = context.__enter__()
    create_index(state)
    for step in steps:
        match step:
            case dict():
                assert put(state, step).status == 200
                expected |= step
            case list():
                call(state, "DeleteVectors", **ADDRESS, keys=step)
                expected = {key: record for key, record in expected.items() if key not in step}
            case "reset":
                state.reset()
                create_index(state)
                expected = {}
            case _:
                context.__exit__(None, None, None)
                context = open_state(directory)
                state = context.__enter__()
        assert in_index(state.buckets["films"].indexes["plots"])[1] == expected
    context.__exit__(None, None, None)


# --- tokens ---


def test_list_tokens_survive_a_restart_and_query_tokens_do_not(tmp_path: Path) -> None:
    """A list token holds a position; query results are lost, so their token is a 400 like an expired one."""
    records: dict[str, Any] = {f"k{number}": ([float(number), 0.0], None) for number in range(150)}
    query = {"topK": 150, "queryVector": {"float32": [0, 0]}}
    with open_state(tmp_path) as state:
        create_index(state)
        put(state, records)
        listed = call(state, "ListVectors", **ADDRESS, maxResults=100)
        queried = call(state, "QueryVectors", **ADDRESS, **query)
    with open_state(tmp_path) as state:
        rest = call(state, "ListVectors", **ADDRESS, maxResults=100, nextToken=listed["nextToken"])
        assert {each["key"] for each in listed["vectors"] + rest["vectors"]} == records.keys()
        error = send(state, "QueryVectors", **ADDRESS, **query, nextToken=queried["nextToken"])
        assert (error.status, orjson.loads(error.body)["message"]) == (400, "Invalid page token")


def test_a_new_index_after_a_restart_refuses_the_tokens_of_the_old_one(tmp_path: Path) -> None:
    """Request serials do not start at 1 again, so no two indexes have the same serial."""
    with open_state(tmp_path) as state:
        create_index(state)
        put(state, RECORDS)
        token = call(state, "ListVectors", **ADDRESS, maxResults=1)["nextToken"]
        call(state, "DeleteIndex", **ADDRESS)
        call(state, "DeleteVectorBucket", vectorBucketName="films")
    with open_state(tmp_path) as state:
        create_index(state)
        put(state, RECORDS)
        assert send(state, "ListVectors", **ADDRESS, nextToken=token).status == 400


def test_request_ids_are_unique_across_restarts(tmp_path: Path) -> None:
    """The same request at the same time in two processes has two ids."""
    ids = set()
    for _ in range(3):
        with open_state(tmp_path) as state:
            ids.add(send(state, "ListVectorBuckets").request_id)
    assert len(ids) == 3


# --- unusable directories ---


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    """Two servers would overwrite each other's data."""
    with open_state(tmp_path) as state:
        create_index(state)
        with pytest.raises(UsageError, match="another endpoint is using") as raised, open_state(tmp_path):
            pass
        assert "--data-dir" in raised.value.hint
        assert put(state, RECORDS).status == 200


def foreign_database(directory: Path) -> None:
    with closing(sqlite3.connect(directory / DATABASE)) as database:
        database.execute("CREATE TABLE something (else_ TEXT)")


def later_version(directory: Path) -> None:
    with open_state(directory):
        pass
    with closing(sqlite3.connect(directory / DATABASE)) as database:
        database.execute("PRAGMA user_version=99")


def no_database(directory: Path) -> None:
    (directory / DATABASE).write_bytes(b"certainly not SQLite " * 100)


def directory_instead_of_file(directory: Path) -> None:
    (directory / DATABASE).mkdir()


@pytest.mark.parametrize("spoil", [foreign_database, later_version, no_database, directory_instead_of_file])
def test_a_foreign_file_is_refused_and_not_changed(tmp_path: Path, spoil: Any) -> None:
    spoil(tmp_path)
    path = tmp_path / DATABASE
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UsageError, match=str(tmp_path)) as raised, open_state(tmp_path):
        pass
    assert raised.value.hint.startswith("Give another --data-dir")
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_file_instead_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="as data directory"), open_state(tmp_path / "file"):
        pass


# --- damage ---


def filled(directory: Path) -> Path:
    """Fill a data directory, and return its database. It is closed, so it has no log."""
    with open_state(directory) as state:
        create_index(state, tags={"team": "search"})
        assert put(state, RECORDS).status == 200
    return directory / DATABASE


def outcome(directory: Path) -> dict[str, Any] | str:
    """Return everything in the directory, or the error that refuses it."""
    try:
        with open_state(directory) as state:
            return everything(state)
    except UsageError as error:
        refusal = error
    assert str(directory) in str(refusal)
    assert refusal.hint.startswith("Give another --data-dir")
    return str(refusal)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, dict[str, Any] | str]:
    """A database, its bytes, and what it contains."""
    path = filled(tmp_path_factory.mktemp("state"))
    content = path.read_bytes()
    return path, content, outcome(path.parent)


@given(position=st.integers(0, 2**31), mask=st.integers(1, 255))
def test_a_flipped_byte_is_noticed_or_harmless(
    intact: tuple[Path, bytes, dict[str, Any] | str], position: int, mask: int
) -> None:
    """Anywhere in the file. What is served is what was written."""
    path, content, before = intact
    used = [at for at, byte in enumerate(content) if byte]
    flipped = bytearray(content)
    flipped[used[position % len(used)]] ^= mask
    for log in path.parent.glob(f"{DATABASE}-*"):
        log.unlink()
    path.write_bytes(flipped)
    found = outcome(path.parent)
    assert isinstance(found, str) or found == before


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (struct.pack("<2f", 1.0, 2.0), "the contents of vector 'plain' in films/plots"),
        (b'{"year":1982', "the contents of vector 'plain' in films/plots"),
        (b"no metadata", "the contents of vector "),
        (b'"dimension":2', "the settings of index "),
    ],
)
def test_damaged_content_is_named(tmp_path: Path, written: bytes, named: str) -> None:
    """A vector, metadata, a key, settings: the structure of the database is intact."""
    path = filled(tmp_path)
    content = path.read_bytes()
    at = content.rindex(written) + len(written) - 1
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    found = outcome(tmp_path)
    assert isinstance(found, str)
    assert found.startswith(f"the database {path} is damaged: ")
    assert named in found or "missing from index" in found


def test_an_emptied_database_is_not_a_new_one(tmp_path: Path) -> None:
    """Nor is one whose log remains."""
    path = filled(tmp_path)
    path.write_bytes(b"")
    assert outcome(tmp_path) == f"the database {path} is damaged: it is empty"
    path.unlink()
    log = tmp_path / f"{DATABASE}-wal"
    log.write_bytes(b"x" * 100)
    assert (
        outcome(tmp_path) == f"the database {path} is damaged: it is missing, but its log {log.name} is there"
    )


def test_a_truncated_database_is_damaged(tmp_path: Path) -> None:
    """At any page."""
    path = filled(tmp_path)
    content = path.read_bytes()
    for size in range(1_000, len(content), 7_000):
        path.write_bytes(content[:size])
        assert "is damaged" in str(outcome(tmp_path))


def test_a_database_without_checksums_gets_them(tmp_path: Path) -> None:
    """Version 1 had none."""
    path = filled(tmp_path)
    before = outcome(tmp_path)
    with closing(sqlite3.connect(path)) as database, database:
        serial = database.execute("SELECT serial FROM indexes").fetchone()[0]
        for table in ("buckets", "indexes", f"vectors_{serial}"):
            database.execute(f"ALTER TABLE {table} DROP COLUMN checksum")
        database.execute("ALTER TABLE opened DROP COLUMN changes")
        database.execute("PRAGMA user_version=1")
    (tmp_path / COUNTER).unlink()
    assert outcome(tmp_path) == before
    content = path.read_bytes()
    path.write_bytes(content.replace(b'{"year":1982', b'{"year":1983'))
    assert "is damaged: the contents of vector 'plain' in films/plots" in str(outcome(tmp_path))


def test_only_the_owner_may_read_the_data(tmp_path: Path) -> None:
    """The directory and all files, whatever the umask, and files of an earlier version."""
    old_umask = os.umask(0)
    try:
        with open_state(tmp_path / "new") as state:
            create_index(state)
            files = list((tmp_path / "new").iterdir())
            assert {file.name for file in files} == {DATABASE, LOG, COUNTER}
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
        (tmp_path / "new" / DATABASE).chmod(0o644)
        with open_state(tmp_path / "new"):
            assert stat.S_IMODE((tmp_path / "new" / DATABASE).stat().st_mode) == 0o600
    finally:
        os.umask(old_umask)


# --- damage in every kind of page, and in the log ---

PAGE = 512


def spread(data_dir: Path) -> None:
    """Fill a data directory with a page of every kind, and leave a log behind as `kill -9` does.

    Pages of 512 bytes: interior pages, overflow pages of long metadata, free pages of deleted rows.
    """
    with open_state(data_dir) as state:
        create_index(state, tags={"team": "search"})
        put(state, {f"{key:03}": ([float(key), 1.0], {"t": "x" * (key % 5 * 300)}) for key in range(60)})
        call(state, "DeleteVectors", **ADDRESS, keys=[f"{key:03}" for key in range(20, 40)])
    with open_state(data_dir) as state:
        put(state, {f"late {key}": ([float(key), 2.0], {"t": "y" * 200}) for key in range(8)})
        put(state, {"last": ([3.0, 3.0], None)})
        kept = {path.name: path.read_bytes() for path in data_dir.iterdir()}
    for name, content in kept.items():
        (data_dir / name).write_bytes(content)


def page_kind(content: bytes, at: int) -> str:
    """Return the kind of the page of the database at *at*, by its first byte."""
    page = at // PAGE
    kinds = {2: "interior index", 5: "interior table", 10: "leaf index", 13: "leaf table"}
    return "header" if at < 100 else kinds.get(content[page * PAGE + (100 if page == 0 else 0)], "other")


@dataclass(frozen=True)
class Spread:
    """A data directory with every kind of page: its files, and what it contains."""

    files: dict[str, bytes]
    expected: dict[str, Any]

    def restore(self, data_dir: Path, **changed: bytes) -> None:
        """Write the files to *data_dir*, those of *changed* with other content."""
        for path in data_dir.iterdir():
            path.unlink()
        for name, content in {**self.files, **changed}.items():
            (data_dir / name).write_bytes(content)

    def flip(self, data_dir: Path, name: str, at: int, mask: int) -> dict[str, Any] | str:
        """Return the outcome of opening it with one byte changed."""
        content = bytearray(self.files[name])
        content[at] ^= mask
        self.restore(data_dir, **{name: bytes(content)})
        return outcome(data_dir)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Spread:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vecgate.endpoint.storage.sqlite_store.PAGE_BYTES", PAGE)
        data_dir = tmp_path_factory.mktemp("pages")
        spread(data_dir)
        files = {path.name: path.read_bytes() for path in data_dir.iterdir()}
    expected = outcome(data_dir)
    assert isinstance(expected, dict)
    assert len(expected["films"][1]["plots"][1]) == 49
    return Spread(files, expected)


def check_flips(pages: Spread, data_dir: Path, *, per_kind: int) -> None:
    """Flip *per_kind* bytes of every kind of page, of the log and of the counter, one at a time."""
    content, log, rng = pages.files[DATABASE], pages.files[LOG], random.Random(per_kind)  # noqa: S311 - repeatable
    places: dict[str, list[tuple[str, int]]] = {}
    for at, byte in enumerate(content):
        if byte or at < 100:
            places.setdefault(page_kind(content, at), []).append((DATABASE, at))
    for at in range(len(log)):
        kind = "log header" if at < 32 else "frame header" if (at - 32) % (PAGE + 24) < 24 else "frame"
        places.setdefault(kind, []).append((LOG, at))
    places["counter"] = [(COUNTER, at) for at in range(len(pages.files[COUNTER]))]
    assert len(places) == 10, sorted(places)
    flips = [
        (name, at, rng.randint(1, 255))
        for kind in places.values()
        for name, at in sample(rng, kind, per_kind)
    ]
    refused = 0
    for flip in flips:
        found = pages.flip(data_dir, *flip)
        assert isinstance(found, str) or found == pages.expected, flip
        refused += isinstance(found, str)
    assert refused > len(flips) // 3


def sample(rng: random.Random, places: list[tuple[str, int]], number: int) -> list[tuple[str, int]]:
    return rng.sample(places, min(number, len(places)))


def test_no_damage_is_served_unnoticed(pages: Spread, tmp_path: Path) -> None:
    """In any kind of page, in the log, in the counter: what is served is what was acknowledged."""
    check_flips(pages, tmp_path, per_kind=25)


@pytest.mark.nightly
def test_no_damage_anywhere_is_served_unnoticed(pages: Spread, tmp_path: Path) -> None:
    """The same with many positions."""
    check_flips(pages, tmp_path, per_kind=1_000)


@pytest.mark.parametrize("cut", [0, 10, 1_000, 5_000, -1])
def test_a_log_that_is_cut_off_is_named(pages: Spread, tmp_path: Path, cut: int) -> None:
    """SQLite alone would drop the acknowledged changes at its end; the files are left as they are."""
    pages.restore(tmp_path, **{LOG: pages.files[LOG][:cut]})
    found = outcome(tmp_path)
    assert "acknowledged changes are missing, because its log endpoint.sqlite-wal is damaged" in str(found)
    assert (tmp_path / LOG).read_bytes() == pages.files[LOG][:cut]
    (tmp_path / LOG).unlink()
    assert "acknowledged changes are missing" in str(outcome(tmp_path))


def test_what_is_left_can_be_recovered(pages: Spread, tmp_path: Path) -> None:
    """Once, with --recover: the loss is named, and then forgotten."""
    pages.restore(tmp_path, **{LOG: pages.files[LOG][:-1]})
    messages: list[str] = []
    with open_state(tmp_path, recover=True, warn=messages.append) as state:
        keys = state.buckets["films"].indexes["plots"].table.keys
        assert "late 7" in keys
        assert "last" not in keys
    assert len(messages) == 1
    assert messages[0].startswith(f"recovered {tmp_path / DATABASE} as far as possible: 1 of ")
    assert isinstance(outcome(tmp_path), dict)


def test_a_damaged_counter_can_be_recovered(pages: Spread, tmp_path: Path) -> None:
    """Also one of another length; one that is empty or missing says nothing."""
    for content in (b"short", b"x" * 12, b"x" * 50):
        pages.restore(tmp_path, **{COUNTER: content})
        assert f"the file {COUNTER} beside it is damaged" in str(outcome(tmp_path))
        with open_state(tmp_path, recover=True) as state:
            assert everything(state) == pages.expected
        assert outcome(tmp_path) == pages.expected
    pages.restore(tmp_path, **{COUNTER: b""})
    assert outcome(tmp_path) == pages.expected


def test_a_removed_database_is_not_a_new_one(pages: Spread, tmp_path: Path) -> None:
    """Even when its log is gone too."""
    pages.restore(tmp_path)
    (tmp_path / DATABASE).unlink()
    (tmp_path / LOG).unlink()
    assert outcome(tmp_path) == (
        f"the database {tmp_path / DATABASE} is damaged: it is missing, but its file {COUNTER} is there"
    )


# --- write errors ---


@contextmanager
def full_disk(directory: Path) -> Iterator[State]:
    """A state with an index, on a disk without free space."""
    with open_state(directory) as state:
        create_index(state)
        assert put(state, RECORDS).status == 200
        database: sqlite3.Connection = state.store._database  # type: ignore[attr-defined]
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count={pages}")
        yield state
        database.execute(f"PRAGMA max_page_count={pages + 10_000}")


def large_records(number: int) -> dict[str, tuple[list[float], Any]]:
    return {f"{number}-{row}": ([1.0, 1.0], {"t": "x" * 1_500}) for row in range(100)}


def test_a_write_on_a_full_disk_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    """500, and memory equals the disk; with free space the same write succeeds."""
    with full_disk(tmp_path) as state:
        before = everything(state)
        error = put(state, large_records(0))
        assert (error.status, error.error) == (500, "InternalServerException")
        message = orjson.loads(error.body)["message"]
        assert message.startswith("Nothing was changed: ")
        assert message.endswith("database or disk is full")
        assert everything(state) == before
        assert send(state, "CreateIndex", **{**ADDRESS, "indexName": "more"}, **SHAPE).status == 500
        assert everything(state) == before
        # A delete needs no space.
        call(state, "DeleteVectors", **ADDRESS, keys=["plain"])
    with open_state(tmp_path) as state:
        assert set(state.buckets["films"].indexes["plots"].table.keys) == RECORDS.keys() - {"plain"}
        assert put(state, large_records(0)).status == 200


@contextmanager
def unwritable_files() -> Iterator[None]:
    """Files of this process cannot grow or be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_restart_on_a_full_disk_serves_reads(tmp_path: Path) -> None:
    """Writes are refused until there is space; then they succeed without another restart."""
    before = outcome(filled(tmp_path).parent)
    messages: list[str] = []
    with open_state(tmp_path, warn=messages.append) as state:
        assert messages == []
    with unwritable_files(), open_state(tmp_path, warn=messages.append) as state:
        assert everything(state) == before
        error = put(state, large_records(0))
        assert (error.status, error.error) == (500, "InternalServerException")
        assert "Nothing was changed: the vecgate endpoint cannot write to" in error.body.decode()
        assert everything(state) == before
        serials = state.serial
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "pwrite", _raise_disk_full)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
            assert put(state, large_records(0)).status == 200
    assert len(messages) == 1
    assert messages[0].startswith(f"cannot write to {tmp_path}: ")
    assert messages[0].endswith("; reads are served, and writes are refused until there is space")
    with open_state(tmp_path) as state:
        assert state.serial > serials
        assert len(state.buckets["films"].indexes["plots"].table.keys) == 104


def _raise_disk_full(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_database_that_cannot_be_written_for_another_reason_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that is read-only."""
    filled(tmp_path)
    monkeypatch.setattr(
        "vecgate.endpoint.storage.sqlite_store._lock",
        lambda database: database.execute("PRAGMA query_only=ON"),
    )
    assert outcome(tmp_path).startswith(f"cannot use {tmp_path} as data directory: attempt to write")  # type: ignore[union-attr]


def test_an_error_in_the_middle_of_a_change_is_rolled_back(tmp_path: Path) -> None:
    """Also an error that does not come from the disk."""
    with open_state(tmp_path) as state:
        create_index(state)
        index = state.buckets["films"].indexes["plots"]
        with pytest.raises(UnicodeEncodeError):
            state.put_vectors(index, ["fine", "\ud800"], np.ones((2, 2), np.float32), [None, None])
        assert put(state, RECORDS).status == 200
    with open_state(tmp_path) as state:
        assert state.buckets["films"].indexes["plots"].table.keys == list(RECORDS)


def test_a_closed_database_is_a_500(tmp_path: Path) -> None:
    """It is not a crash."""
    with open_state(tmp_path) as state:
        create_index(state)
        state.store._database.close()  # type: ignore[attr-defined]
        assert put(state, RECORDS).status == 500
        assert len(state.buckets["films"].indexes["plots"].table) == 0


def test_opening_restores_the_garbage_collector(tmp_path: Path) -> None:
    """It is disabled only while vectors are loaded."""
    with open_state(tmp_path) as state:
        create_index(state)
        put(state, RECORDS)
    with open_state(tmp_path):
        assert gc.isenabled()
    gc.disable()
    try:
        with open_state(tmp_path):
            assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(("sync", "level"), [("normal", 1), ("full", 2)])
def test_the_durability_of_writes_can_be_chosen(tmp_path: Path, sync: Any, level: int) -> None:
    """By SQLite's levels: NORMAL survives the end of the process, FULL a power failure."""
    with open_state(tmp_path, sync=sync) as state:
        database: sqlite3.Connection = state.store._database  # type: ignore[attr-defined]
        assert database.execute("PRAGMA synchronous").fetchone() == (level,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# --- a server process ---


def test_a_server_on_a_full_disk_recovers_when_there_is_space(tmp_path: Path) -> None:
    """A limit on the file size simulates the full disk; then the server is killed."""
    with LocalEndpoint(data_dir=tmp_path) as server:
        post(server.url, "CreateVectorBucket", {"vectorBucketName": "films"})
        post(server.url, "CreateIndex", {**ADDRESS, **SHAPE})
        post(server.url, "PutVectors", {**ADDRESS, "vectors": wide_vectors("before")})
        log_bytes = (tmp_path / f"{DATABASE}-wal").stat().st_size
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (log_bytes, resource.RLIM_INFINITY))
        assert post(server.url, "PutVectors", {**ADDRESS, "vectors": wide_vectors("full")}, status=500)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
        assert set(stored_at(server.url)) == {each["key"] for each in wide_vectors("before")}
        post(server.url, "PutVectors", {**ADDRESS, "vectors": wide_vectors("after")})
        os.kill(server.pid, signal.SIGKILL)
    with LocalEndpoint(data_dir=tmp_path) as server:
        stored = wide_vectors("before") + wide_vectors("after")
        assert set(stored_at(server.url)) == {each["key"] for each in stored}


def wide_vectors(prefix: str) -> list[dict[str, Any]]:
    metadata = {"t": "x" * 1_900}
    return [
        {"key": f"{prefix}{number}", "data": {"float32": [1, 2]}, "metadata": metadata}
        for number in range(50)
    ]


WRITERS, KILLS = 3, 6
KEYS_PER_WRITER, BATCH = 400, 20
DEADLINE_S = 30.0


@dataclass
class Writer:
    """Writes its own keys round by round, and records what was acknowledged.

    acknowledged  the last acknowledged round by key; 0 is a delete
    unanswered    the rounds without a response, by key
    """

    number: int
    url: str
    rounds: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    unanswered: dict[str, set[int]] = field(default_factory=dict)

    def write_until_disconnected(self) -> None:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=DEADLINE_S)
        with closing(connection):
            while self._write_one_batch(connection):
                pass

    def _write_one_batch(self, connection: HTTPConnection) -> bool:
        self.rounds += 1
        start = self.rounds * BATCH % KEYS_PER_WRITER
        keys = [f"{self.number}-{number}" for number in range(start, start + BATCH)]
        is_delete = self.rounds % 5 == 0
        round_ = 0 if is_delete else self.rounds
        members: dict[str, Any] = {"keys": keys} if is_delete else {"vectors": self._vectors(keys)}
        for key in keys:
            self.unanswered.setdefault(key, set()).add(round_)
        try:
            operation = "DeleteVectors" if is_delete else "PutVectors"
            connection.request("POST", f"/{operation}", orjson.dumps({**ADDRESS, **members}))
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            return False
        assert response.status == 200
        for key in keys:
            self.acknowledged[key] = round_
            del self.unanswered[key]
        return True

    def _vectors(self, keys: list[str]) -> list[dict[str, Any]]:
        vector, metadata = [float(self.rounds), float(self.number)], {"round": self.rounds}
        return [{"key": key, "data": {"float32": vector}, "metadata": metadata} for key in keys]

    def assert_nothing_is_lost(self, stored: dict[str, Any]) -> None:
        own = {key: record for key, record in stored.items() if key.startswith(f"{self.number}-")}
        assert own.keys() <= self.acknowledged.keys() | self.unanswered.keys()
        for key in self.acknowledged.keys() | self.unanswered.keys():
            vector, metadata = stored.get(key, ([0.0, self.number], {"round": 0}))
            round_ = metadata["round"]
            assert vector == [round_, self.number]
            assert round_ in {self.acknowledged.get(key, 0), *self.unanswered.get(key, ())}

    def resolve(self, stored: dict[str, Any]) -> None:
        """Take the stored rounds as acknowledged."""
        self.unanswered.clear()
        found = {key: record[1]["round"] for key, record in stored.items()}
        self.acknowledged = {
            key: round_ for key, round_ in found.items() if key.startswith(f"{self.number}-")
        }


def stored_at(url: str) -> dict[str, Any]:
    found, members = dict[str, Any](), {**ADDRESS, "returnData": True, "returnMetadata": True}
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_S)) as connection:
        while True:
            connection.request("POST", "/ListVectors", orjson.dumps(members))
            page = orjson.loads(connection.getresponse().read())
            found |= {each["key"]: (each["data"]["float32"], each["metadata"]) for each in page["vectors"]}
            if "nextToken" not in page:
                return found
            members["nextToken"] = page["nextToken"]


def post(url: str, operation: str, members: dict[str, Any], *, status: int = 200) -> bytes:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_S)) as connection:
        connection.request("POST", f"/{operation}", orjson.dumps(members))
        response = connection.getresponse()
        assert response.status == status
        return response.read()


def test_nothing_acknowledged_is_lost_when_the_server_is_killed_repeatedly(tmp_path: Path) -> None:
    """SIGKILL during concurrent puts and deletes, then a restart. Every acknowledged write is stored
    completely; each of the others is stored completely or not at all.
    """
    writers: list[Writer] = []
    for number in range(KILLS):
        with LocalEndpoint(data_dir=tmp_path) as server:
            if number == 0:
                post(server.url, "CreateVectorBucket", {"vectorBucketName": "films"})
                post(server.url, "CreateIndex", {**ADDRESS, **SHAPE})
                writers = [Writer(each, server.url) for each in range(WRITERS)]
            check_and_resolve(writers, server.url)
            threads = [threading.Thread(target=writer.write_until_disconnected) for writer in writers]
            before = [writer.rounds for writer in writers]
            for thread in threads:
                thread.start()
            wait_for_rounds(writers, before, 10 + 7 * number)
            os.kill(server.pid, signal.SIGKILL)
            for thread in threads:
                thread.join(DEADLINE_S)
    with LocalEndpoint(data_dir=tmp_path) as server:
        check_and_resolve(writers, server.url)
        assert all(writer.acknowledged for writer in writers)


def check_and_resolve(writers: list[Writer], url: str) -> None:
    stored = stored_at(url)
    for writer in writers:
        writer.assert_nothing_is_lost(stored)
        writer.resolve(stored)
        writer.url = url


def wait_for_rounds(writers: list[Writer], before: list[int], more: int) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while any(writer.rounds < start + more for writer, start in zip(writers, before, strict=True)):
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_a_second_server_reports_why_it_does_not_start(tmp_path: Path) -> None:
    """In one line; the first server continues."""
    with LocalEndpoint(data_dir=tmp_path) as server:
        with (
            pytest.raises(UsageError, match=f"another endpoint is using {tmp_path}"),
            LocalEndpoint(data_dir=tmp_path),
        ):
            pass
        post(server.url, "CreateVectorBucket", {"vectorBucketName": "films"})
    with LocalEndpoint(data_dir=tmp_path) as server:
        post(server.url, "GetVectorBucket", {"vectorBucketName": "films"})
