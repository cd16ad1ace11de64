"""A task writes what can be written, and its outcome says of every other row why it is not."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from serving import Server

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.reader import BulkReader
from vecgate.distributed.record_batches import RepeatedKeys
from vecgate.distributed.shared_budget import Rates
from vecgate.distributed.write_task import (
    INDEXES_MAX,
    STOPPED,
    OnReject,
    SingleTask,
    TaskResult,
    WriteSettings,
    chosen,
    divided_among,
    prepare_index,
    write_batches,
)
from vecgate.endpoint.faults.quotas import PRESETS
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.errors import IndexUnusable, UsageError
from vecgate.targets.target import TargetChoice

FAST = Rates(requests_per_s=1e6, vectors_per_s=1e9)
BUCKET = "bucket-a"
TEMPLATE = {"dimension": 2, "metric": "euclidean"}


class RecordingControl(SingleTask):
    """A task whose job is stopped after *batches* batches."""

    def __init__(self, *, batches: float = float("inf")) -> None:
        super().__init__(FAST)
        self.progress: dict[str, int] = {}
        self._batches = batches

    def is_stopped(self) -> bool:
        self._batches -= 1
        return self._batches < 0

    def record_progress(self, index: str, acknowledged: int) -> None:
        self.progress[index] = acknowledged


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def settings_of(server: Server, **others: Any) -> WriteSettings:
    options: dict[str, Any] = {"index": "films", "rates": FAST, "create": TEMPLATE}
    options |= {"config": BulkConfig(batch_vectors=10)} | others
    settings = WriteSettings(target=TargetChoice(server.url), bucket=BUCKET, **options)
    prepare_index(settings)
    return settings


def batch_of(keys: list[str | None], **columns: list[Any]) -> Any:
    vectors = [[float(row), 1.0] for row in range(len(keys))]
    return pa.RecordBatch.from_pydict(
        {"key": pa.array(keys, pa.string()), "vector": pa.array(vectors, pa.list_(pa.float32())), **columns}
    )


def numbered(count: int, *, first: int = 0, **columns: list[Any]) -> Any:
    return batch_of([f"k{number}" for number in range(first, first + count)], **columns)


def write(settings: WriteSettings, batches: list[Any], control: Any = None) -> TaskResult:
    result = write_batches(batches, settings, control or SingleTask(settings.rates), task="7")
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 - made here
    assert result.outcome.totals.rows == sum(each.rows for each in result.batches)
    return result


def stored_keys(server: Server, index: str = "films") -> set[str]:
    with server.client() as client:
        return {key for page in BulkReader(client, bucket=BUCKET, index=index).scan(1) for key in page.keys}


def test_every_batch_has_an_outcome(server: Server) -> None:
    batches = [numbered(25), batch_of([]), batch_of(["a", None, "b", "b"]), numbered(5, first=50)]
    settings = settings_of(server, on_reject=OnReject.COLLECT)
    result = write(settings, batches)
    assert [(each.rows, each.acknowledged, each.rejected, each.pending) for each in result.batches] == [
        (25, 25, 0, 0),
        (4, 1, 3, 0),
        (5, 5, 0, 0),
    ]
    assert [each.key for each in result.batches[1].rejects] == ["", "b", "b"]
    assert result.outcome.is_complete
    assert result.outcome.totals.requests == 4
    assert len(stored_keys(server)) == 31


def test_rows_of_equal_keys_are_replaced_when_a_task_is_repeated(server: Server) -> None:
    settings = settings_of(server)
    for _ in range(2):
        assert write(settings, [numbered(30)]).outcome.totals.acknowledged == 30
    assert len(stored_keys(server)) == 30


def test_a_superseded_row_is_acknowledged_and_counted(server: Server) -> None:
    settings = settings_of(server, repeated_keys=RepeatedKeys.LAST)
    totals = write(settings, [batch_of(["a", "b", "a"])]).outcome.totals
    assert (totals.acknowledged, totals.superseded) == (3, 1)


def test_a_job_that_fails_at_rejected_rows_leaves_the_rest_pending(server: Server) -> None:
    batches = [batch_of(["a", None]), *(numbered(200, first=200 * each) for each in range(20))]
    outcome = write(settings_of(server), batches).outcome
    totals = outcome.totals
    assert (totals.rows, totals.rejected) == (4_002, 1)
    assert totals.pending > 0
    assert totals.acknowledged == len(stored_keys(server))
    assert "key is missing" in outcome.causes[0]


def test_collected_rows_may_be_the_larger_part(server: Server, tmp_path: Path) -> None:
    """The limit of rejected records is one of `put`. All of them are in the rejects file, and only those."""
    settings = settings_of(server, on_reject=OnReject.COLLECT, rejects=str(tmp_path / "rejects"))
    batches = [batch_of([None] * 1_500), numbered(10)]
    for _ in range(2):  # another attempt of the task appends nothing
        totals = write(settings, batches).outcome.totals
        assert (totals.acknowledged, totals.rejected, totals.pending) == (10, 1_500, 0)
    (file,) = (tmp_path / "rejects").iterdir()
    assert file.name == "films-7.rejected.jsonl"
    positions = [orjson.loads(line)["position"] for line in file.read_bytes().splitlines()]
    assert positions == list(range(1_500))


def test_what_a_service_does_not_take_is_pending_with_the_cause(server: Server) -> None:
    settings = settings_of(server)
    with server.client() as client:
        client.delete_index(vectorBucketName=BUCKET, indexName="films")
    outcome = write(settings, [numbered(10), numbered(5)]).outcome
    assert (outcome.totals.rows, outcome.totals.pending) == (15, 15)
    assert not outcome.is_complete
    assert "there is no index bucket-a/films" in outcome.causes[0]


def test_an_unreachable_target_is_waited_for_and_then_the_cause() -> None:
    with Server() as server:
        settings = settings_of(server, config=BulkConfig(retry_for_s=0, retry=RetryPolicy(attempts_max=1)))
    outcome = write(settings, [numbered(10)]).outcome
    assert outcome.totals.pending == 10
    assert "GetIndex got no response" in outcome.causes[0]


def test_columns_that_do_not_fit_leave_the_rest_pending(server: Server) -> None:
    """Also the batches after them. What was sent before is acknowledged."""
    other = pa.RecordBatch.from_pydict({"id": ["c"], "values": [[1.0, 2.0]]})
    result = write(settings_of(server), [numbered(5), other, numbered(3, first=5)])
    totals = result.outcome.totals
    assert (totals.rows, totals.acknowledged + totals.pending, totals.rejected) == (9, 9, 0)
    assert totals.acknowledged == len(stored_keys(server))
    assert 'has no column "key", "vector"' in result.outcome.causes[0]


def test_an_error_of_the_input_is_raised(server: Server) -> None:
    """It is the user's own, and the engine reports it."""

    def batches() -> Iterator[Any]:
        yield numbered(5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_batches(batches(), settings_of(server), SingleTask(FAST))
    routed = settings_of(server, index="", index_column="index")
    with pytest.raises(ZeroDivisionError):
        write_batches(batches(), routed, SingleTask(FAST))


def test_a_job_that_another_task_stopped_leaves_the_rest_pending(server: Server) -> None:
    control = RecordingControl(batches=1)
    outcome = write(settings_of(server), [numbered(20), numbered(20, first=20), numbered(2)], control).outcome
    assert outcome.totals.rows == 42
    assert outcome.totals.pending >= 22
    assert outcome.totals.acknowledged == len(stored_keys(server))
    assert outcome.causes == (STOPPED,)


def test_progress_is_what_was_acknowledged(server: Server) -> None:
    control = RecordingControl()
    write(settings_of(server), [numbered(25)], control)
    assert control.progress == {"films": 25}


def test_a_column_routes_rows_to_indexes_that_are_created(server: Server, tmp_path: Path) -> None:
    """A row without an index, or with a name that no index can have, is rejected; the rules of each index
    apply to its rows.
    """
    names = [["english", "german", None, "NOT A NAME"][number % 4] for number in range(40)]
    settings = settings_of(
        server, index="", index_column="index", on_reject=OnReject.COLLECT, rejects=str(tmp_path)
    )
    result = write(settings, [numbered(40, index=names), numbered(8, first=40, index=["english"] * 8)])
    indexes = result.outcome.indexes
    assert {name: (each.acknowledged, each.rejected) for name, each in indexes.items()} == {
        "": (0, 10),
        "NOT A NAME": (0, 10),
        "english": (18, 0),
        "german": (10, 0),
    }
    assert result.outcome.is_complete
    assert stored_keys(server, "german") == {f"k{number}" for number in range(1, 40, 4)}
    assert len(stored_keys(server, "english")) == 18
    (file,) = tmp_path.iterdir()
    assert file.name == "no-index-7.rejected.jsonl"
    assert len(file.read_bytes().splitlines()) == 20
    problems = {reject.problem for reject in result.outcome.rejects}
    assert problems == {"the name of the index is missing", "'NOT A NAME' cannot name an index"}


def test_an_index_that_does_not_exist_does_not_harm_the_others(server: Server) -> None:
    settings_of(server, index="english")
    settings = settings_of(server, index="", index_column="index", create=None)
    outcome = write(settings, [numbered(4, index=["english", "german"] * 2)]).outcome
    assert outcome.indexes["english"].acknowledged == 2
    assert outcome.indexes["german"].pending == 2
    assert "there is no index bucket-a/german" in outcome.causes[0]


def test_a_table_without_the_index_column_is_pending(server: Server) -> None:
    settings = settings_of(server, index="", index_column="index")
    outcome = write(settings, [numbered(4)]).outcome
    assert outcome.totals.pending == 4
    assert 'no column "index"' in outcome.causes[0]


def test_one_task_writes_to_a_limited_number_of_indexes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vecgate.distributed.write_task.INDEXES_MAX", 1)
    assert INDEXES_MAX == 256
    settings = settings_of(server, index="", index_column="index")
    outcome = write(settings, [numbered(4, index=["english", "german"] * 2)]).outcome
    assert (outcome.totals.acknowledged, outcome.totals.pending) == (2, 2)
    assert "Repartition by the index column" in outcome.causes[0]


def test_parts_of_the_rate_fit_a_quota_all_together() -> None:
    """64 tasks begin at the same moment, and the service throttles none of them."""
    settings = WriteSettings(target=TargetChoice("http://127.0.0.1:1"), bucket=BUCKET, index="films")
    for tasks in (1, 8, 64, 5_000):
        divided, control = divided_among(settings, tasks)
        assert control.rates().vectors_per_s * tasks == pytest.approx(2_500)
        first_requests = tasks * divided.config.batch_vectors
        assert first_requests <= 2_500 or divided.config.batch_vectors == 1
    assert PRESETS["documented"] is not None


def test_divided_rates_are_kept() -> None:
    """The part of one of 16 tasks is what it sends."""
    quotas = PRESETS["documented"]
    with Server(GatewaySettings(quotas=quotas)) as server:
        settings = settings_of(server, rates=Rates(), config=BulkConfig())
        divided, control = divided_among(settings, 16)
        totals = write(divided, [numbered(400)], control).outcome.totals
    assert totals.acknowledged == 400
    assert totals.throttles == 0
    # Requests take different times to arrive, so this is not exact.
    assert totals.last_s - totals.first_s >= 0.8 * (400 - 156) / 156


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "name the index, or the column"),
        ({"index": "a", "index_column": "b"}, "name the index, or the column"),
        ({"index_column": "b", "bucket": ""}, "index_column needs the name of the bucket"),
        ({"index": "a", "bucket": ""}, "no bucket is named"),
        ({"index": "a", "target": TargetChoice("local")}, "is a server for one process"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, Any], problem: str) -> None:
    arguments: dict[str, Any] = {"target": TargetChoice("aws"), "bucket": BUCKET, **options}
    with pytest.raises(UsageError, match=problem):
        WriteSettings(**arguments)


def test_a_choice_is_one_of_those_allowed() -> None:
    assert chosen("on_reject", "collect", OnReject) is OnReject.COLLECT
    with pytest.raises(UsageError, match='on_reject is \'ignore\', allowed is "fail" or "collect"'):
        chosen("on_reject", "ignore", OnReject)


def test_an_index_is_looked_at_before_the_job(server: Server) -> None:
    with pytest.raises(IndexUnusable, match="there is no index"):
        settings_of(server, create=None)
