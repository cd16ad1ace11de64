from __future__ import annotations

import gc
import os
import resource
import signal
import sqlite3
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
from hypothesis import given, settings
from hypothesis import strategies as st

from vecgate.endpoint.answers import Answer, Request
from vecgate.endpoint.core import apply
from vecgate.endpoint.local import LocalEndpoint
from vecgate.endpoint.state import Bucket, Index, State
from vecgate.endpoint.storage import DATABASE, DERIVED, open_state
from vecgate.errors import UsageError

ADDRESS = {"vectorBucketName": "films", "indexName": "plots"}
SHAPE = {"dataType": "float32", "dimension": 2, "distanceMetric": "euclidean"}


def answer(state: State, operation: str, **members: Any) -> Answer:
    return apply(state, Request("POST", f"/{operation}", orjson.dumps(members)), 1_800_000_000.0)


def call(state: State, operation: str, **members: Any) -> Any:
    given = answer(state, operation, **members)
    assert given.status == 200, given
    return orjson.loads(given.body)


def with_an_index(state: State, **more: Any) -> None:
    call(state, "CreateVectorBucket", vectorBucketName="films")
    call(state, "CreateIndex", **ADDRESS, **SHAPE, **more)


def put(state: State, records: dict[str, tuple[list[float], Any]]) -> Answer:
    vectors = [
        {"key": key, "data": {"float32": vector}, "metadata": metadata}
        for key, (vector, metadata) in records.items()
    ]
    return answer(state, "PutVectors", **ADDRESS, vectors=vectors)


def everything(state: State) -> dict[str, Any]:
    """All that a client can find out, and the fields that it cannot."""
    return {
        name: (
            [getattr(bucket, each.name) for each in fields(Bucket) if each.name not in DERIVED],
            {index.name: in_index(index) for index in bucket.indexes.values()},
        )
        for name, bucket in state.buckets.items()
    }


def in_index(index: Index) -> tuple[list[Any], dict[str, Any]]:
    rows = zip(index.table.keys, index.table.vectors.tolist(), index.table.metadata, strict=True)
    kept = [getattr(index, each.name) for each in fields(Index) if each.name not in DERIVED]
    return kept, {key: (vector, metadata) for key, vector, metadata in rows}


# --- what is written is there again ---

RECORDS: dict[str, tuple[list[float], Any]] = {
    "plain": ([1.0, 2.0], {"year": 1982, "tags": ["a", "b"], "seen": True, "score": 0.1}),
    "no metadata": ([0.1, -0.0], None),
    "empty metadata": ([3.4028234663852886e38, 1.401298464324817e-45], {}),
    "nul \x00 and \U0001f600 'quoted'": ([0.0, 0.0], {"\x00": "\x00", "large": 2**63 + 1, "$x": -1}),
}


def test_a_state_is_opened_as_it_was_left(tmp_path: Path) -> None:
    """Buckets, indexes with all their settings, vectors to the bit, metadata to the type."""
    with open_state(tmp_path) as state:
        with_an_index(
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


def test_what_is_gone_stays_gone(tmp_path: Path) -> None:
    """Deleted vectors, indexes and buckets do not come back, and their names are free."""
    with open_state(tmp_path) as state:
        with_an_index(state)
        put(state, RECORDS)
        call(state, "DeleteVectors", **ADDRESS, keys=["plain", "never there"])
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


def test_changed_settings_are_kept(tmp_path: Path) -> None:
    """Of a bucket, whose indexes stay, and of an index, whose vectors stay."""
    with open_state(tmp_path) as state:
        with_an_index(state)
        put(state, RECORDS)
        bucket = state.buckets["films"]
        state.save_bucket(replace(bucket, tags={"team": "search"}))
        state.save_index(replace(bucket.indexes["plots"], mode="CLASSIC"))
        before = everything(state)
    with open_state(tmp_path) as state:
        assert everything(state) == before
        assert state.buckets["films"].tags == {"team": "search"}
        assert state.buckets["films"].indexes["plots"].mode == "CLASSIC"


def test_a_field_that_is_new_has_its_default_and_one_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    """Settings are kept by name: another version of them needs no other schema."""
    with open_state(tmp_path) as state:
        with_an_index(state)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database, database:
        database.execute(
            "UPDATE indexes SET settings = json_set(json_remove(settings, '$.mode'), '$.gone', 1)"
        )
    with open_state(tmp_path) as state:
        assert state.buckets["films"].indexes["plots"].mode == "ENHANCED"


def test_a_reset_forgets_everything_on_disk_too(tmp_path: Path) -> None:
    """The admin path's reset is a change like any other."""
    with open_state(tmp_path) as state:
        with_an_index(state)
        put(state, RECORDS)
        state.reset()
        assert state.buckets == {}
    with open_state(tmp_path) as state:
        assert state.buckets == {}
        with_an_index(state)


def test_without_a_directory_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the process happens to be."""
    monkeypatch.chdir(tmp_path)
    with open_state(None) as state:
        with_an_index(state)
        put(state, RECORDS)
    assert list(tmp_path.iterdir()) == []


def test_account_and_region_are_the_opener_s(tmp_path: Path) -> None:
    """The state that is given is the one that is filled."""
    mine = State(account="111122223333", region="eu-west-1")
    with open_state(tmp_path / "new" / "directory", state=mine) as state:
        assert state is mine
        with_an_index(state)
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


@settings(max_examples=40)
@given(steps=steps)
def test_disk_and_memory_are_never_apart(steps: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever is put, deleted and reset between openings: beside a dictionary."""
    directory, expected = tmp_path_factory.mktemp("state"), dict[str, Any]()
    opened = open_state(directory)
    state = opened.__enter__()
    with_an_index(state)
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
                with_an_index(state)
                expected = {}
            case _:
                opened.__exit__(None, None, None)
                opened = open_state(directory)
                state = opened.__enter__()
        assert in_index(state.buckets["films"].indexes["plots"])[1] == expected
    opened.__exit__(None, None, None)


# --- tokens ---


def test_list_tokens_outlive_the_process_and_query_tokens_do_not(tmp_path: Path) -> None:
    """A place in an order is still one; the results of a query are gone: 400, as for a token that is old."""
    records: dict[str, Any] = {f"k{number}": ([float(number), 0.0], None) for number in range(150)}
    query = {"topK": 150, "queryVector": {"float32": [0, 0]}}
    with open_state(tmp_path) as state:
        with_an_index(state)
        put(state, records)
        listed = call(state, "ListVectors", **ADDRESS, maxResults=100)
        queried = call(state, "QueryVectors", **ADDRESS, **query)
    with open_state(tmp_path) as state:
        rest = call(state, "ListVectors", **ADDRESS, maxResults=100, nextToken=listed["nextToken"])
        assert {each["key"] for each in listed["vectors"] + rest["vectors"]} == records.keys()
        refused = answer(state, "QueryVectors", **ADDRESS, **query, nextToken=queried["nextToken"])
        assert (refused.status, orjson.loads(refused.body)["message"]) == (400, "Invalid page token")


def test_an_index_that_is_made_anew_after_a_restart_refuses_the_tokens_of_the_old_one(tmp_path: Path) -> None:
    """Requests are not counted from 1 again, so no two indexes have a serial in common."""
    with open_state(tmp_path) as state:
        with_an_index(state)
        put(state, RECORDS)
        token = call(state, "ListVectors", **ADDRESS, maxResults=1)["nextToken"]
        call(state, "DeleteIndex", **ADDRESS)
        call(state, "DeleteVectorBucket", vectorBucketName="films")
    with open_state(tmp_path) as state:
        with_an_index(state)
        put(state, RECORDS)
        assert answer(state, "ListVectors", **ADDRESS, nextToken=token).status == 400


def test_request_ids_do_not_come_again(tmp_path: Path) -> None:
    """The same request at the same time in two processes has two ids."""
    ids = set()
    for _ in range(3):
        with open_state(tmp_path) as state:
            ids.add(answer(state, "ListVectorBuckets").request_id)
    assert len(ids) == 3


# --- directories that cannot be used ---


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    """Two servers would overwrite one another."""
    with open_state(tmp_path) as state:
        with_an_index(state)
        with pytest.raises(UsageError, match="another endpoint uses") as raised, open_state(tmp_path):
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


def a_directory_in_its_place(directory: Path) -> None:
    (directory / DATABASE).mkdir()


@pytest.mark.parametrize("spoil", [foreign_database, later_version, no_database, a_directory_in_its_place])
def test_what_is_not_ours_is_refused_and_left_alone(tmp_path: Path, spoil: Any) -> None:
    """One clear line, and not a byte is changed."""
    spoil(tmp_path)
    path = tmp_path / DATABASE
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UsageError, match=str(tmp_path)) as raised, open_state(tmp_path):
        pass
    assert raised.value.hint.startswith("Give another --data-dir")
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    """It says what is wrong."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="as data directory"), open_state(tmp_path / "file"):
        pass


# --- a disk that takes no more ---


@contextmanager
def full_disk(directory: Path) -> Iterator[State]:
    """A state with an index, on a disk that has just filled up."""
    with open_state(directory) as state:
        with_an_index(state)
        assert put(state, RECORDS).status == 200
        database: sqlite3.Connection = state.store._database  # type: ignore[attr-defined]
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count={pages}")
        yield state
        database.execute(f"PRAGMA max_page_count={pages + 10_000}")


def too_much(number: int) -> dict[str, tuple[list[float], Any]]:
    return {f"{number}-{row}": ([1.0, 1.0], {"t": "x" * 1_500}) for row in range(100)}


def test_a_write_that_does_not_fit_on_the_disk_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    """500, and memory is what the disk is; with room again the same write is taken."""
    with full_disk(tmp_path) as state:
        before = everything(state)
        refused = put(state, too_much(0))
        assert (refused.status, refused.error) == (500, "InternalServerException")
        message = orjson.loads(refused.body)["message"]
        assert message.startswith("Nothing was changed: ")
        assert message.endswith("database or disk is full")
        assert everything(state) == before
        assert answer(state, "CreateIndex", **{**ADDRESS, "indexName": "more"}, **SHAPE).status == 500
        assert everything(state) == before
        # What needs no room is still possible.
        call(state, "DeleteVectors", **ADDRESS, keys=["plain"])
    with open_state(tmp_path) as state:
        assert set(state.buckets["films"].indexes["plots"].table.keys) == RECORDS.keys() - {"plain"}
        assert put(state, too_much(0)).status == 200


def test_what_the_database_cannot_take_is_rolled_back_too(tmp_path: Path) -> None:
    """An error midway that is not the disk's: nothing of the change stays behind."""
    with open_state(tmp_path) as state:
        with_an_index(state)
        index = state.buckets["films"].indexes["plots"]
        with pytest.raises(UnicodeEncodeError):
            state.put_vectors(index, ["fine", "\ud800"], np.ones((2, 2), np.float32), [None, None])
        assert put(state, RECORDS).status == 200
    with open_state(tmp_path) as state:
        assert state.buckets["films"].indexes["plots"].table.keys == list(RECORDS)


def test_a_database_that_went_away_is_an_error_of_the_server(tmp_path: Path) -> None:
    """Not a crash."""
    with open_state(tmp_path) as state:
        with_an_index(state)
        state.store._database.close()  # type: ignore[attr-defined]
        assert put(state, RECORDS).status == 500
        assert len(state.buckets["films"].indexes["plots"].table) == 0


def test_opening_leaves_the_garbage_collector_as_it_was(tmp_path: Path) -> None:
    """It is off only while vectors are read."""
    with open_state(tmp_path) as state:
        with_an_index(state)
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
def test_how_hard_a_write_is_pressed_to_the_disk_can_be_chosen(tmp_path: Path, sync: Any, level: int) -> None:
    """SQLite's levels: NORMAL outlives the process, FULL a power cut."""
    with open_state(tmp_path, sync=sync) as state:
        database: sqlite3.Connection = state.store._database  # type: ignore[attr-defined]
        assert database.execute("PRAGMA synchronous").fetchone() == (level,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# --- a server process ---


def test_a_server_on_a_full_disk_says_so_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """Here the system refuses to let the log grow, as a full disk would; then it is killed."""
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
        kept = wide_vectors("before") + wide_vectors("after")
        assert set(stored_at(server.url)) == {each["key"] for each in kept}


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
    """Writes its own keys, round by round, and keeps account of what was acknowledged.

    acknowledged  the last round that was acknowledged, by key; 0 stands for a delete
    doubtful      the rounds whose answer never came, by key
    """

    number: int
    url: str
    rounds: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    doubtful: dict[str, set[int]] = field(default_factory=dict)

    def write_until_it_dies(self) -> None:
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
            self.doubtful.setdefault(key, set()).add(round_)
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
            del self.doubtful[key]
        return True

    def _vectors(self, keys: list[str]) -> list[dict[str, Any]]:
        vector, metadata = [float(self.rounds), float(self.number)], {"round": self.rounds}
        return [{"key": key, "data": {"float32": vector}, "metadata": metadata} for key in keys]

    def assert_nothing_is_lost(self, stored: dict[str, Any]) -> None:
        mine = {key: record for key, record in stored.items() if key.startswith(f"{self.number}-")}
        assert mine.keys() <= self.acknowledged.keys() | self.doubtful.keys()
        for key in self.acknowledged.keys() | self.doubtful.keys():
            vector, metadata = stored.get(key, ([0.0, self.number], {"round": 0}))
            round_ = metadata["round"]
            assert vector == [round_, self.number]
            assert round_ in {self.acknowledged.get(key, 0), *self.doubtful.get(key, ())}

    def settle(self, stored: dict[str, Any]) -> None:
        """Take for granted what is found: from here on there is no doubt."""
        self.doubtful.clear()
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


def test_nothing_acknowledged_is_lost_when_the_server_is_killed_again_and_again(tmp_path: Path) -> None:
    """SIGKILL in the middle of concurrent puts and deletes, then a restart: each write of which an answer
    came is there, whole and unaltered, and of the others each is there or is not.
    """
    writers: list[Writer] = []
    for number in range(KILLS):
        with LocalEndpoint(data_dir=tmp_path) as server:
            if number == 0:
                post(server.url, "CreateVectorBucket", {"vectorBucketName": "films"})
                post(server.url, "CreateIndex", {**ADDRESS, **SHAPE})
                writers = [Writer(each, server.url) for each in range(WRITERS)]
            check_and_settle(writers, server.url)
            threads = [threading.Thread(target=writer.write_until_it_dies) for writer in writers]
            before = [writer.rounds for writer in writers]
            for thread in threads:
                thread.start()
            wait_for_rounds(writers, before, 10 + 7 * number)
            os.kill(server.pid, signal.SIGKILL)
            for thread in threads:
                thread.join(DEADLINE_S)
    with LocalEndpoint(data_dir=tmp_path) as server:
        check_and_settle(writers, server.url)
        assert all(writer.acknowledged for writer in writers)


def check_and_settle(writers: list[Writer], url: str) -> None:
    stored = stored_at(url)
    for writer in writers:
        writer.assert_nothing_is_lost(stored)
        writer.settle(stored)
        writer.url = url


def wait_for_rounds(writers: list[Writer], before: list[int], more: int) -> None:
    until_s = time.monotonic() + DEADLINE_S
    while any(writer.rounds < start + more for writer, start in zip(writers, before, strict=True)):
        assert time.monotonic() < until_s
        time.sleep(0.005)


def test_a_second_server_says_why_it_does_not_start(tmp_path: Path) -> None:
    """One line, and the first one goes on."""
    with LocalEndpoint(data_dir=tmp_path) as server:
        with (
            pytest.raises(UsageError, match=f"another endpoint uses {tmp_path}"),
            LocalEndpoint(data_dir=tmp_path),
        ):
            pass
        post(server.url, "CreateVectorBucket", {"vectorBucketName": "films"})
    with LocalEndpoint(data_dir=tmp_path) as server:
        post(server.url, "GetVectorBucket", {"vectorBucketName": "films"})
