"""PASS means that the index has the input, whatever happened between an interrupt and its resumption."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.progress import BatchMetric, Event
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.verify import Comparison
from vecgate.bulk.writer import BulkWriter
from vecgate.endpoint.in_process import install, uninstall
from vecgate.endpoint.storage.state import State
from vecgate.errors import JournalMismatch, UsageError

PLACE = {"vectorBucketName": "bucket", "indexName": "index"}
CONFIG = BulkConfig(batch_vectors=2, in_flight=2, vectors_per_s=1e9, requests_per_s=1e9)
RECORDS = 24
DIMENSION = 2
#: Vector and metadata by key.
Records = dict[str, tuple[list[float], dict[str, Any]]]
#: A creation time has whole seconds, so an index that is created again at once has the same one.
NOW_S = 1_800_000_000.0


@cache
def client_of(number: int) -> Any:
    """Return the client of an endpoint. It takes long to make one."""
    return boto3.client(
        "s3vectors",
        endpoint_url=f"http://127.0.0.1:{number}",
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


class StopAfter:
    """Stops *writer* after some acknowledged batches."""

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self.writer: BulkWriter | None = None

    def on_event(self, event: Event) -> None:
        if isinstance(event, BatchMetric):
            self.batches -= 1
            if self.batches == 0 and self.writer is not None:
                self.writer.stop()


class Workplace:
    """One file, one journal, and two endpoints, of which one is in use."""

    def __init__(self, folder: Path) -> None:
        self.file, self.journal = folder / "films.jsonl", folder / "run.journal"
        self.rejects = folder / "rejected.jsonl"
        self.clients = [self._endpoint(number) for number in (1, 2)]
        self.columns = ColumnChoice(key="id", vector="a")
        self.version = 0
        self.write_file()

    def _endpoint(self, number: int) -> Any:
        client = client_of(number)
        uninstall(client)
        install(client, State(), clock=lambda: NOW_S)
        client.create_vector_bucket(vectorBucketName="bucket")
        self._create_index(client)
        return client

    def _create_index(self, client: Any) -> None:
        client.create_index(**PLACE, dataType="float32", dimension=DIMENSION, distanceMetric="euclidean")

    def write_file(self) -> None:
        self.version += 1
        rows = [
            {"id": f"k{n}", "other": f"o{n}", "a": [n, self.version], "b": [self.version, n], "n": n}
            for n in range(RECORDS)
        ]
        self.file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def choose_columns(self, key: str, vector: str) -> None:
        self.columns = ColumnChoice(key=key, vector=vector, metadata=("n",))

    def recreate_index(self) -> None:
        self.clients[0].delete_index(**PLACE)
        self._create_index(self.clients[0])

    def move_endpoint(self) -> None:
        self.clients.reverse()

    def restart(self) -> None:
        self.journal.unlink(missing_ok=True)

    def lose_records(self) -> None:
        """Delete some of the records, as someone else may."""
        keys = [f"{letter}{number}" for letter in "ko" for number in range(3, RECORDS, 7)]
        self.clients[0].delete_vectors(**PLACE, keys=keys)

    def overwrite_records(self) -> None:
        """Put other vectors or metadata for the first records, and a key that the file does not have."""
        vectors = [
            {"key": "k0", "data": {"float32": [0.0, -1.0]}, "metadata": {"n": 0}},
            {"key": "o1", "data": {"float32": [1.0, 1.0]}, "metadata": {"n": True}},
            {"key": "extra", "data": {"float32": [1.0, 1.0]}},
        ]
        self.clients[0].put_vectors(**PLACE, vectors=vectors)

    def put(self, *, stop_after: int = 0) -> BulkOutcome:
        """Start a run, or resume the one in the journal. Check the index if it passes."""
        outcome = self.run(stop_after=stop_after)
        if outcome.is_complete and not outcome.rejected:
            self.check_index()
        return outcome

    def verify(self, outcome: BulkOutcome | None = None, *, extra: bool = False) -> Comparison:
        """Compare the file with the index."""
        writer = BulkWriter(self.clients[0], bucket="bucket", index="index", config=CONFIG)
        return writer.verify(open_source(self.file, columns=self.columns), outcome=outcome, extra=extra)

    def run(self, *, stop_after: int = 0) -> BulkOutcome:
        """Start a run, or resume the one in the journal."""
        stop = StopAfter(stop_after)
        writer = BulkWriter(
            self.clients[0], bucket="bucket", index="index", config=CONFIG, subscribers=[stop]
        )
        stop.writer = writer
        source = open_source(self.file, columns=self.columns)
        return writer.put(source, journal=self.journal, rejects=self.rejects)

    def check_index(self) -> None:
        """Check that the index has every record of the file as the columns say."""
        expected, found = self.records()
        assert found == expected

    def records(self) -> tuple[Records, Records]:
        """Return the records of the file as the columns say, and those of the index with these keys."""
        rows = [json.loads(line) for line in self.file.read_text().splitlines()]
        key, vector = self.columns.key, self.columns.vector
        expected = {row[key]: (row[vector], {"n": row["n"]}) for row in rows}
        found = BulkReader(self.clients[0], bucket="bucket", index="index").get(list(expected))
        vectors = [] if found.vectors is None else found.vectors.tolist()
        others = {"id", "other", "a", "b"}
        return expected, {
            name: (values, {k: v for k, v in (entries or {}).items() if k not in others})
            for name, values, entries in zip(found.keys, vectors, found.metadata, strict=True)
        }


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_an_interrupted_run_is_resumed(place: Workplace) -> None:
    """What was acknowledged is not sent again."""
    first = place.put(stop_after=3)
    assert first.interrupted
    assert 6 <= first.acknowledged < RECORDS
    second = place.put()
    assert second.is_complete
    assert (second.acknowledged, second.resumed) == (RECORDS, first.acknowledged)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (Workplace.write_file, "another input: films.jsonl of "),
        (lambda place: place.choose_columns("other", "a"), 'another use of the columns: key ← "id"'),
        (lambda place: place.choose_columns("id", "b"), "another use of the columns"),
        (Workplace.move_endpoint, "another endpoint: http://127.0.0.1:1, not http://127.0.0.1:2"),
    ],
)
def test_a_run_is_not_resumed_with_something_else(
    place: Workplace, change: Callable[[Workplace], None], difference: str
) -> None:
    """The message says what differs; with a new journal everything is sent."""
    place.put(stop_after=3)
    change(place)
    with pytest.raises(JournalMismatch) as caught:
        place.put()
    assert difference in str(caught.value)
    assert "--restart" in caught.value.hint
    place.restart()
    assert place.put().is_complete


def test_a_run_is_not_resumed_into_an_index_that_was_created_again(place: Workplace) -> None:
    """Also within the second in which the first one was created: the index lacks what was written."""
    first = place.put(stop_after=3)
    place.recreate_index()
    outcome = place.put()
    assert isinstance(outcome.stopped_by, JournalMismatch)
    assert f"lacks {first.acknowledged} of {first.acknowledged} records that were written" in str(
        outcome.stopped_by
    )
    assert outcome.acknowledged == 0
    assert outcome.requests == 0
    place.restart()
    assert place.put().is_complete


def test_an_iterable_needs_a_stable_order_for_a_journal(place: Workplace) -> None:
    """A query without ORDER BY yields other records at the positions of those that were written."""
    stop = StopAfter(3)
    writer = BulkWriter(place.clients[0], bucket="bucket", index="index", config=CONFIG, subscribers=[stop])
    stop.writer = writer
    records = [(f"k{n}", [float(n), 1.0]) for n in range(RECORDS)]
    with pytest.raises(UsageError, match="order of the records") as caught:
        writer.put(iter(records), journal=place.journal)
    assert "stable_order=True" in caught.value.hint
    assert not place.journal.exists()

    assert writer.put(iter(records), journal=place.journal, stable_order=True).interrupted
    again = BulkWriter(place.clients[0], bucket="bucket", index="index", config=CONFIG)
    with pytest.raises(JournalMismatch, match="another input"):
        again.put(reversed(records), journal=place.journal, stable_order=True)
    assert again.put(iter(records), journal=place.journal, stable_order=True).is_complete


CHANGES: dict[str, Callable[[Workplace], None]] = {
    "nothing": lambda _: None,
    "change file": Workplace.write_file,
    "other key": lambda place: place.choose_columns("other", "a"),
    "other vector": lambda place: place.choose_columns("id", "b"),
    "recreate index": Workplace.recreate_index,
    "move endpoint": Workplace.move_endpoint,
    "restart": Workplace.restart,
}


class Sequences(RuleBasedStateMachine):
    """Any sequence of runs, interrupts and changes. `Workplace.put` checks the index after each PASS."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.place = Workplace(Path(self.folder.name))

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(change=st.sampled_from(list(CHANGES)), stop_after=st.integers(0, 8))
    def change_and_run(self, change: str, stop_after: int) -> None:
        """Start or resume a run, and interrupt it unless *stop_after* is 0."""
        CHANGES[change](self.place)
        with suppress(JournalMismatch):
            outcome = self.place.put(stop_after=stop_after)
            assert outcome.stopped_by is None or isinstance(outcome.stopped_by, JournalMismatch)


def test_pass_means_that_the_index_has_the_input() -> None:
    """For any sequence of runs, interrupts and changes."""
    run_state_machine_as_test(Sequences, settings=settings(stateful_step_count=8))


VERIFIED_CHANGES = {
    **CHANGES,
    "lose records": Workplace.lose_records,
    "overwrite records": Workplace.overwrite_records,
}


class VerifiedSequences(RuleBasedStateMachine):
    """Any sequence of runs, interrupts and changes, also of the records in the index, each run with --verify.

    A run without it trusts the journal, except for a few records that `ResumeCheck` looks up.
    """

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.place = Workplace(Path(self.folder.name))
        self.place.choose_columns("id", "a")

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(change=st.sampled_from(list(VERIFIED_CHANGES)), stop_after=st.integers(0, 8))
    def change_and_run(self, change: str, stop_after: int) -> None:
        """Start or resume a run, and read back what it wrote."""
        VERIFIED_CHANGES[change](self.place)
        with suppress(JournalMismatch):
            outcome = self.place.run(stop_after=stop_after)
            if outcome.is_complete:
                comparison = self.place.verify(outcome)
                assert (comparison.read, comparison.is_complete) == (outcome.read, True)
                self.check(comparison)

    @rule(change=st.sampled_from(list(VERIFIED_CHANGES)))
    def change_and_compare(self, change: str) -> None:
        """Compare the index with the file, whatever it has."""
        VERIFIED_CHANGES[change](self.place)
        comparison = self.place.verify(extra=True)
        self.check(comparison)
        keys = [
            page.keys for page in BulkReader(self.place.clients[0], bucket="bucket", index="index").scan()
        ]
        assert comparison.extra == len(
            {key for page in keys for key in page} - self.place.records()[0].keys()
        )

    def check(self, comparison: Comparison) -> None:
        """Each difference is found, and no other."""
        expected, stored = self.place.records()
        assert comparison.missing == len(expected.keys() - stored.keys())
        differs = [
            key
            for key, (_, entries) in stored.items()
            if stored[key] != expected[key] or entries["n"] is True
        ]
        assert comparison.different == len(differs)


def test_pass_with_verification_means_equality_whoever_else_writes() -> None:
    """For any sequence of runs, interrupts and changes, also by others."""
    run_state_machine_as_test(VerifiedSequences, settings=settings(stateful_step_count=8))
