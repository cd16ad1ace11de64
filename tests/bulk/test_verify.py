"""A comparison finds every difference between an input and an index."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk import verify as verify_module
from vecgate.bulk.check import key_log
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.position_ranges import Ranges
from vecgate.bulk.core.record_blocks import Block, RejectedRecord
from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.progress import ComparisonProgress, Event, ReadRetried
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.verify import Comparison, KeyDifference, Sample, compare
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import ConfigError, IndexUnusable, SourceError, TransportError
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error

RULES = IndexRules(1, "euclidean")
CONFIG = BulkConfig(batch_vectors=3, in_flight=2, vectors_per_s=1e9, requests_per_s=1e9)
#: A record: its key and its value, which is also its metadata. None is a value that cannot be stored.
Pair = tuple[str, float | None]


class Index(ScriptedService):
    """An index of one dimension that can be read.

    unlisted   keys that ListVectors leaves out
    failures   raised by the next reads, one by one
    reads      number of reads
    """

    def __init__(self, stored: dict[str, tuple[list[float], Any]] | None = None, **options: Any) -> None:
        super().__init__(index={"dimension": 1, "distanceMetric": "euclidean"}, **options)
        self.stored = dict(stored or {})
        self.unlisted: set[str] = set()
        self.failures: list[Exception] = []
        self.reads = 0

    def send(self, operation: str, body: Body) -> bytes:
        """Answer reads with data and metadata as requested."""
        if operation not in {"GetVectors", "ListVectors"}:
            return super().send(operation, body)
        self.reads += 1
        if self.failures:
            raise self.failures.pop(0)
        members = json.loads(body.data)
        # One segment has everything.
        listed = (
            [] if members.get("segmentIndex") else [key for key in self.stored if key not in self.unlisted]
        )
        keys = members.get("keys", listed)
        # The service returns keys in another order.
        found = [self._vector(key, members) for key in reversed(keys) if key in self.stored]
        return json.dumps({"vectors": found}).encode()

    def _vector(self, key: str, members: dict[str, Any]) -> dict[str, object]:
        values, metadata = self.stored[key]
        vector: dict[str, object] = {"key": key}
        if members.get("returnData"):
            vector["data"] = {"float32": values}
        if members.get("returnMetadata"):
            vector["metadata"] = metadata or {}
        return vector


def blocks_of(pairs: Sequence[Pair], *, rows: int = 3) -> Iterator[Block]:
    """Yield the records of *pairs*, *rows* at a time."""
    for first in range(0, len(pairs), rows):
        part = list(enumerate(pairs[first : first + rows], first))
        good = [(position, key, value) for position, (key, value) in part if value is not None]
        yield Block(
            np.array([position for position, _, _ in good], np.int64),
            [key for _, key, _ in good],
            np.array([[value] for _, _, value in good], np.float32).reshape(len(good), 1),
            [{"n": value} for _, _, value in good],
            tuple(RejectedRecord(position, key, "bad") for position, (key, value) in part if value is None),
        )


def index_of(values: dict[str, float]) -> Index:
    """Return an index with *values* by key."""
    return Index({key: ([value], {"n": value}) for key, value in values.items()})


def compare_with(index: Index, pairs: Sequence[Pair], **options: Any) -> Comparison:
    """Compare *pairs* with *index*."""
    rows = options.pop("rows", 3)
    reader = BulkReader(index, bucket="bucket", index="index", pause=lambda _: True)
    return compare(blocks_of(pairs, rows=rows), reader, RULES, **options)


KEYS = st.sampled_from(["a", "b", "c", "d", "e"])
VALUES = st.sampled_from([0.0, 1.0, 0.1])


@given(
    pairs=st.lists(st.tuples(KEYS, st.none() | VALUES), max_size=12),
    stored=st.dictionaries(KEYS, VALUES),
    rows=st.integers(1, 4),
    extra=st.booleans(),
    buffer_bytes=st.sampled_from([1, 8_192]),
)
def test_every_difference_is_found(
    pairs: list[Pair], stored: dict[str, float], rows: int, extra: bool, buffer_bytes: int
) -> None:
    """For any input, with keys that repeat within and across blocks, and any index."""
    expected = {key: value for key, value in pairs if value is not None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_log, "BUFFER_BYTES", buffer_bytes)
        comparison = compare_with(index_of(stored), pairs, rows=rows, extra=extra)
    missing = expected.keys() - stored.keys()
    different = {key for key in expected.keys() & stored.keys() if expected[key] != stored[key]}
    unknown = stored.keys() - {key for key, _ in pairs}
    assert (comparison.missing, comparison.different) == (len(missing), len(different))
    assert set(comparison.missing_keys) == missing
    assert {difference.key for difference in comparison.different_keys} == different
    assert comparison.extra == (len(unknown) if extra else None)
    assert set(comparison.extra_keys) == (unknown if extra else set())
    rejected = sum(value is None for _, value in pairs)
    assert (comparison.read, comparison.rejected) == (len(pairs), rejected)
    assert comparison.compared == len(pairs) - rejected
    assert comparison.is_complete
    assert comparison.is_equal is not bool(missing or different or rejected or (extra and unknown))


def test_the_first_differences_are_named_in_the_order_of_the_input() -> None:
    """With the parts that differ, and not after a later record of the key was found as it is."""
    pairs: list[Pair] = [("z", 1), ("y", 1), ("x", 9), ("w", 2), ("x", 3), ("v", 5)]
    comparison = compare_with(index_of({"y": 2, "x": 3, "v": 6}), pairs, rows=1)
    assert comparison.missing_keys == ("z", "w")
    assert comparison.different_keys == (
        KeyDifference("y", "vector, metadata 'n'"),
        KeyDifference("v", "vector, metadata 'n'"),
    )


def test_of_many_differences_a_few_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the first ones turn out to be equal in the end, when the parts of the others were not kept."""
    monkeypatch.setattr(verify_module, "_DETAILS_KEPT", 1)
    pairs: list[Pair] = [("a", 1), *((f"k{number}", 1.0) for number in range(20)), ("a", 2)]
    stored = {"a": 2.0} | {f"k{number}": 2.0 for number in range(10)}
    comparison = compare_with(index_of(stored), pairs)
    assert (comparison.missing, comparison.different) == (10, 10)
    assert len(comparison.missing_keys) == len(comparison.different_keys) == key_log.EXAMPLES_KEPT
    assert {difference.parts for difference in comparison.different_keys} == {""}


def test_positions_that_the_service_rejected_are_not_compared() -> None:
    """They count as rejected, and an earlier record of the same key counts."""
    pairs: list[Pair] = [("a", 1), ("b", 2), ("a", 3)]
    comparison = compare_with(index_of({"a": 1.0, "b": 2.0}), pairs, rejected=Ranges.of([(2, 3)]))
    assert (comparison.read, comparison.rejected, comparison.compared) == (3, 1, 2)
    assert comparison.missing + comparison.different == 0
    assert compare_with(index_of({"a": 1.0, "b": 2.0}), pairs).different == 1


def test_a_rejected_key_in_the_index_is_not_extra() -> None:
    """The input has it. A key that no index can have is not looked for."""
    comparison = compare_with(index_of({"a": 1.0, "c": 1.0}), [("a", None), ("", None)], extra=True)
    assert comparison.extra_keys == ("c",)
    assert not comparison.is_equal


def test_records_are_compared_without_rules_too() -> None:
    """An index as the source has no records that cannot be stored, except those that its reader rejects."""
    reader = BulkReader(index_of({"a": 1.0}), bucket="bucket", index="index")
    comparison = compare(blocks_of([("a", 1), ("b", None)]), reader)
    assert (comparison.compared, comparison.rejected, comparison.missing) == (1, 1, 0)


@pytest.mark.parametrize("extra", [False, True])
def test_a_read_that_fails_makes_it_incomplete(extra: bool) -> None:
    """It is never equal, and has what was found so far."""
    index = index_of({"b": 1.0})
    denied = modelled_error("AccessDeniedException", operation="ListVectors")
    pairs: list[Pair] = [("a", 1), ("b", 1), ("c", 1)]
    assert compare_with(index, pairs, rows=2).missing == 2
    index.failures = [denied]
    comparison = compare_with(index, pairs, rows=2, extra=extra)
    assert comparison.stopped_by is denied
    assert comparison.extra is None
    assert (comparison.is_complete, comparison.is_equal) == (False, False)


def test_an_index_that_cannot_be_listed_makes_it_incomplete() -> None:
    """All records were compared before."""
    index = index_of({"a": 1.0})
    index.unlisted = {"a"}
    comparison = compare_with(index, [("a", 1)], extra=True)
    assert (comparison.missing, comparison.different, comparison.extra, comparison.unlisted) == (0, 0, 0, 1)
    assert not comparison.is_complete
    assert not comparison.is_equal
    assert compare_with(index, [("a", 1)]).is_equal


def test_a_source_that_fails_makes_it_incomplete() -> None:
    """The rest of the input is unknown."""

    def blocks() -> Iterator[Block]:
        yield from blocks_of([("a", 1)])
        raise SourceError("the input is truncated")

    reader = BulkReader(index_of({"a": 1.0}), bucket="bucket", index="index")
    comparison = compare(blocks(), reader, RULES)
    assert isinstance(comparison.stopped_by, SourceError)
    assert comparison.read == 1
    assert not comparison.is_complete


@pytest.mark.parametrize("reads", [0, 1, 2, 3])
def test_the_caller_can_end_it(reads: int) -> None:
    """Between two requests; then it is never equal."""
    index = index_of({"a": 1.0, "b": 2.0, "c": 3.0})
    comparison = compare_with(
        index, [("a", 1), ("b", 2), ("c", 3)], rows=1, extra=True, is_stopped=lambda: index.reads >= reads
    )
    assert comparison.interrupted
    assert comparison.read == min(reads, 3)
    assert comparison.extra is None
    assert not comparison.is_complete


def test_the_caller_can_end_the_wait_for_an_attempt() -> None:
    """Its request is not tried again, which is not an error."""
    index = index_of({"a": 1.0})
    index.failures = [TransportError("GetVectors", "connection reset")]
    comparison = compare_with(index, [("a", 1)], is_stopped=lambda: bool(index.reads))
    assert (comparison.interrupted, comparison.stopped_by) == (True, None)


def test_a_full_disk_makes_it_incomplete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The results of the keys are lost, so no number is given."""
    monkeypatch.setattr(key_log, "BUFFER_BYTES", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    comparison = compare_with(index_of({}), [("a", 1)])
    assert "cannot be used" in str(comparison.stopped_by)
    assert not comparison.is_complete


def test_a_log_that_cannot_be_read_makes_it_incomplete(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Some process may remove temporary files."""
    monkeypatch.setattr(key_log, "BUFFER_BYTES", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def stop() -> bool:
        for path in tmp_path.glob("*/*"):
            path.unlink()
            path.mkdir()
        return False

    comparison = compare_with(index_of({}), [("a", 1), ("b", 1)], rows=1, is_stopped=stop)
    assert "cannot be used" in str(comparison.stopped_by)
    assert not comparison.is_complete


@given(
    share=st.floats(0.01, 1), salt=st.binary(min_size=1, max_size=16), pairs=st.lists(st.tuples(KEYS, VALUES))
)
def test_a_sample_has_all_records_of_a_key_or_none(
    share: float, salt: bytes, pairs: list[tuple[str, float]]
) -> None:
    """So the last one counts, as without a sample."""
    sample = Sample(share, salt)
    comparison = compare_with(index_of(dict(pairs)), pairs, sample=sample)
    assert comparison.is_equal is bool(comparison.compared or not pairs)
    assert comparison.missing + comparison.different == 0
    assert comparison.compared == sum(sample.takes(key) for key, _ in pairs)
    assert (comparison.read, comparison.share) == (len(pairs), share)


def test_a_sample_has_its_size() -> None:
    """About the share that was requested, and other keys each time."""
    samples = [Sample.of_records(1_000, total=10_000) for _ in range(2)]
    taken = [{key for number in range(10_000) if sample.takes(key := f"k{number}")} for sample in samples]
    assert all(800 < len(keys) < 1_200 for keys in taken)
    assert taken[0] != taken[1]
    assert Sample.of_records(1_000, total=0).share == 1


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Sample(0), "above 0, up to 1"),
        (lambda: Sample(1.1), "above 0, up to 1"),
        (lambda: Sample.of_records(99, total=5), "at least 100"),
        (lambda: compare_with(Index(), [], sample=Sample(0.5), extra=True), "whole input"),
    ],
)
def test_a_sample_that_proves_nothing_is_refused(make: Any, problem: str) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigError, match=problem):
        make()


def test_progress_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the differences so far."""
    monkeypatch.setattr(verify_module, "_PROGRESS_S", 0.0)
    events: list[Event] = []

    class Subscriber:
        def on_event(self, event: Event) -> None:
            events.append(event)

    compare_with(index_of({"b": 1.0}), [("a", 1), ("b", 1)], rows=1, total=2, subscribers=[Subscriber()])
    progress = [event for event in events if isinstance(event, ComparisonProgress)]
    assert [(event.read, event.total, event.differences) for event in progress] == [(1, 2, 1), (2, 2, 1)]


# `BulkWriter.verify`.


def writer_of(index: Index, **config: Any) -> BulkWriter:
    """Return a writer to *index* whose waits are short."""
    options = {"retry": RetryPolicy(attempts_max=2, base_s=0.0001, cap_s=0.0001)} | config
    fields = {name: getattr(CONFIG, name) for name in ("batch_vectors", "vectors_per_s", "requests_per_s")}
    return BulkWriter(index, bucket="bucket", index="index", config=BulkConfig(**fields, **options))


@given(
    keys=st.lists(st.sampled_from(["a", "b", "c", "bad", ""]), min_size=1, max_size=12),
    lost=st.sets(st.sampled_from(["a", "b", "c"])),
)
def test_what_was_put_is_found(keys: list[str], lost: set[str]) -> None:
    """Records that vecgate or the service rejects are left out, and what the index loses is missing."""
    index = Index(poisoned=["bad"])
    writer = writer_of(index, retry_for_s=0)
    records = [{"key": key, "vector": [float(at)], "metadata": {"at": at}} for at, key in enumerate(keys)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vecgate.bulk.writer.default_rejects_path", lambda _: Path("/dev/null"))
        outcome = writer.put(records)
    assert outcome.is_complete
    comparison = writer.verify(records, outcome=outcome)
    assert (comparison.read, comparison.rejected) == (outcome.read, outcome.rejected)
    assert comparison.missing + comparison.different == 0
    stored = lost & index.stored.keys()
    for key in stored:
        del index.stored[key]
    assert set(writer.verify(records, outcome=outcome).missing_keys) == stored


def test_records_that_an_earlier_run_rejected_are_left_out(tmp_path: Path) -> None:
    """The journal has them: the resumed run does not send them again."""
    index = Index(
        poisoned=["bad"], script=[ServiceFault.NONE] * 3 + [modelled_error("AccessDeniedException")]
    )
    records = [(key, [1.0]) for key in ("bad", "b", "c", "d", "e", "f")]
    writer = writer_of(index, in_flight=1)
    options: dict[str, Any] = {
        "journal": tmp_path / "journal",
        "rejects": tmp_path / "rejects.jsonl",
        "stable_order": True,
    }
    first = writer.put(records, **options)
    assert (first.rejected, first.is_complete) == (1, False)
    second = writer.put(records, **options)
    assert (second.resumed, second.is_complete) == (first.acknowledged + 1, True)
    assert (first.refused.pairs(), second.refused.pairs()) == ([(0, 1)], [(0, 1)])
    comparison = writer.verify(records, outcome=second)
    assert (comparison.rejected, comparison.missing) == (1, 0)
    assert writer.verify(records).missing_keys == ("bad",)


def test_a_read_waits_for_an_unavailable_target() -> None:
    """For longer than the attempts of one request."""
    index = index_of({"a": 1.0})
    records = [{"key": "a", "vector": [1.0], "metadata": {"n": 1}}]
    index.failures = [modelled_error("ServiceUnavailableException") for _ in range(5)]
    patient = writer_of(index, retry=RetryPolicy(attempts_max=1, base_s=0.0001))
    assert patient.verify(records).is_equal
    assert index.reads == 6
    index.failures = [TransportError("GetVectors", "connection reset") for _ in range(5)]
    assert isinstance(writer_of(index, retry_for_s=0).verify(records).stopped_by, TransportError)


def test_a_writer_that_is_stopped_does_not_read() -> None:
    """It reports that it was interrupted, also while it waits for the next attempt."""
    index = index_of({"a": 1.0})
    writer = writer_of(index, retry=RetryPolicy(base_s=60.0, cap_s=60.0))

    class Failure(list[Exception]):
        """Stops the writer when a request fails."""

        def pop(self, at: Any = 0) -> Exception:
            writer.stop()
            return super().pop(at)

    index.failures = Failure([modelled_error("ServiceUnavailableException")])
    assert writer.verify([("a", [1.0])]).interrupted
    assert index.reads == 1
    assert writer.verify([("a", [1.0])]).interrupted
    assert index.reads == 1


def test_an_input_that_changed_makes_it_incomplete(tmp_path: Path) -> None:
    """A shorter one could be equal, and the rest unproven."""
    file, index = tmp_path / "films.jsonl", Index()
    lines = [json.dumps({"key": key, "vector": [1.0]}) for key in "abc"]
    file.write_text("\n".join(lines))
    writer = writer_of(index)
    outcome = writer.put(file, rejects=tmp_path / "rejects.jsonl")
    assert writer.verify(file, outcome=outcome).is_equal
    file.write_text("\n".join(lines[:2]))
    comparison = writer.verify(file, outcome=outcome)
    assert "has changed: 3 records were put, and 2 read again" in str(comparison.stopped_by)
    assert not comparison.is_equal
    file.write_text("\n".join([*lines[:2], '{"key": "c", "vector": []}']))
    comparison = writer.verify(file, outcome=outcome)
    assert "has changed: 1 record that could be put cannot be any more" in str(comparison.stopped_by)
    assert not comparison.is_complete


def test_a_read_that_is_tried_again_is_an_event() -> None:
    """So that a wait can be seen."""
    events: list[Event] = []

    class Subscriber:
        def on_event(self, event: Event) -> None:
            events.append(event)

    index = index_of({"a": 1.0})
    index.failures = [modelled_error("ServiceUnavailableException")]
    config = BulkConfig(retry=RetryPolicy(base_s=0.0001))
    writer = BulkWriter(index, bucket="bucket", index="index", config=config, subscribers=[Subscriber()])
    assert writer.verify([{"key": "a", "vector": [1.0], "metadata": {"n": 1}}]).is_equal
    assert [type(event) for event in events] == [ReadRetried]


def test_an_index_that_is_missing_is_an_error() -> None:
    """Not a comparison in which everything is missing."""

    class Nothing(Index):
        def send(self, operation: str, body: Body) -> bytes:
            raise modelled_error("NotFoundException", operation=operation)

    with pytest.raises(IndexUnusable):
        writer_of(Nothing()).verify([("a", [1.0])])
