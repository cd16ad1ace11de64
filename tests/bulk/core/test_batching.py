"""A stream is split into requests; nothing is dropped, repeated or reordered."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import pytest
from block_rows import rows_of
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.batching import Batch, batch_of, batches, key_named, pieces_needed, rows_that_fit
from vecgate.bulk.core.body_encoding import Body, encode_put
from vecgate.bulk.core.delivery import Acknowledged, Departure, Failed, Rejected, deliver, drive
from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.core.retry import RetryDecision
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.strategies import block_of, blocks_of_records, lists_of_blocks, vector_keys

ADDRESS = IndexAddress("bucket", "index")
FEW_KEYS = st.sampled_from(["a", "b", "c", "d"])


def all_rows(batch: Batch) -> list[tuple[int, str, bytes, object]]:
    return sorted([*rows_of(batch.block), *rows_of(batch.earlier)], key=lambda row: row[0])


def rows_of_all(parts: list[Batch]) -> list[tuple[int, str, bytes, object]]:
    return sorted((row for part in parts for row in all_rows(part)), key=lambda row: row[0])


@given(
    blocks=lists_of_blocks(keys=FEW_KEYS | vector_keys()),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
)
def test_batches_keep_every_record_once_and_in_order(blocks: list[Block], sizes: list[int]) -> None:
    """For any block sizes, and a size that changes from batch to batch; only the last may be smaller."""
    requested_sizes: list[int] = []
    turns = itertools.cycle(sizes)

    def rows() -> int:
        requested_sizes.append(next(turns))
        return requested_sizes[-1]

    produced = list(batches(blocks, rows))
    assert [row for batch in produced for row in all_rows(batch)] == [
        row for block in blocks for row in rows_of(block)
    ]
    assert all(len(batch.positions) <= max(sizes) for batch in produced)
    assert all(batch.positions.tolist() == [row[0] for row in all_rows(batch)] for batch in produced)
    assert all(len(batch.positions) in requested_sizes for batch in produced[:-1])
    for batch in produced:
        assert 1 <= len(batch) == len(set(batch.block.keys))
        assert set(batch.earlier.keys) <= set(batch.block.keys)


def test_a_batch_is_yielded_as_soon_as_it_is_full() -> None:
    """The input is not read further than needed, so memory stays constant."""
    read: list[int] = []

    def source() -> Iterator[Block]:
        for first in range(0, 9, 3):
            read.append(first)
            yield block_of([str(i) for i in range(first, first + 3)], first=first)

    produced = batches(source(), lambda: 3)
    assert read == []
    next(produced)
    assert read == [0]
    assert len(list(produced)) == 2


def test_the_size_is_requested_before_each_batch() -> None:
    """The run learns from responses how many vectors fit."""
    sizes = iter([4, 1, 2, 50])
    produced = list(batches([block_of([str(i) for i in range(10)])], lambda: next(sizes)))
    assert [len(batch) for batch in produced] == [4, 1, 2, 3]


def test_blocks_without_rows_change_nothing() -> None:
    """All their records were rejected, or settled before."""
    empty = block_of([])
    assert list(batches([], lambda: 2)) == list(batches([empty, empty], lambda: 2)) == []
    produced = list(batches([empty, block_of(["a"]), empty, block_of(["b", "c"], first=1), empty], lambda: 2))
    assert [list(batch.block.keys) for batch in produced] == [["a", "b"], ["c"]]


@given(keys=st.lists(FEW_KEYS, min_size=1, max_size=12))
def test_of_equal_keys_the_last_is_sent(keys: list[str]) -> None:
    """The earlier ones stay in the batch, in order."""
    batch = batch_of(block_of(keys))
    last = {key: position for position, key in enumerate(keys)}
    assert batch.block.positions.tolist() == sorted(last.values())
    assert batch.earlier.positions.tolist() == [p for p, key in enumerate(keys) if last[key] != p]
    assert Counter([*batch.block.keys, *batch.earlier.keys]) == Counter(keys)


@given(keys=st.lists(FEW_KEYS | vector_keys(), min_size=1, max_size=20), count=st.integers(1, 25))
def test_pieces_are_a_partition(keys: list[str], count: int) -> None:
    """In order, not empty, of lengths that differ by at most one; superseded records stay with their key."""
    batch = batch_of(block_of(keys))
    parts = batch.pieces(count)
    assert rows_of_all(parts) == all_rows(batch)
    assert [key for part in parts for key in part.block.keys] == list(batch.block.keys)
    assert len(parts) == min(count, len(batch))
    lengths = [len(part) for part in parts]
    assert max(lengths) - min(lengths) <= 1
    assert all(set(part.earlier.keys) <= set(part.block.keys) for part in parts)


@given(keys=st.lists(FEW_KEYS, min_size=1, max_size=12), data=st.data())
def test_a_batch_without_a_key_and_that_key_are_a_partition(keys: list[str], data: st.DataObject) -> None:
    """All records of the key are separated."""
    batch = batch_of(block_of(keys))
    key = data.draw(st.sampled_from(keys))
    others, alone = batch.without(key)
    assert rows_of_all([others, alone]) == all_rows(batch)
    assert list(alone.block.keys) == [key]
    assert set(alone.earlier.keys) <= {key}
    assert key not in {*others.block.keys, *others.earlier.keys}


@given(times=st.integers(1, 6))
def test_fallbacks_go_from_the_last_to_the_first(times: int) -> None:
    """After each rejected record of a key, the one before it is written, down to the first."""
    batch = batch_of(block_of(["a"] * times))
    tried = []
    todo = [batch]
    while todo:
        part = todo.pop()
        tried += part.block.positions.tolist()
        todo += part.fallback()
    assert tried == list(reversed(range(times)))


class LimitChecker:
    """Acknowledges every request, checks both limits, and keeps the records that it settles.

    keys     of acknowledged and rejected records, in order
    settled  these records and the earlier ones of the same keys
    """

    def __init__(self, rows: int, payload_bytes_max: int) -> None:
        self.rows, self.payload_bytes_max = rows, payload_bytes_max
        self.body = Body.of(b"")
        self.keys: list[str] = []
        self.settled: list[tuple[int, str, bytes, object]] = []

    def acquire(self, vectors: int) -> Departure:
        assert 1 <= vectors <= self.rows
        return Departure(0.0, 0)

    def send(self, body: Body) -> float:
        assert len(body.data) <= self.payload_bytes_max
        self.body = body
        return 0.0

    def decide_retry(self, failed: Failed) -> RetryDecision:
        raise AssertionError(failed)

    def pause(self, seconds: float) -> None:
        raise AssertionError(seconds)

    def record_acknowledged(self, acknowledged: Acknowledged) -> None:
        assert (acknowledged.payload_bytes, acknowledged.attempts) == (len(self.body.data), 1)
        self.keys += acknowledged.batch.block.keys
        self.settled += all_rows(acknowledged.batch)

    def record_rejected(self, rejected: Rejected) -> None:
        block = rejected.batch.block
        size = len(encode_put(ADDRESS, block).data)
        assert len(block) == 1
        assert size > self.payload_bytes_max
        limit = f"{self.payload_bytes_max:,}"
        assert rejected.problem == f"record encodes to {size:,} bytes; a request may carry {limit}"
        self.keys += block.keys
        self.settled += rows_of(block)


@given(
    block=blocks_of_records(rows_max=12),
    payload_bytes_max=st.integers(60, 900),
    rows=st.integers(1, 12),
)
@example(block_of([str(i) for i in range(12)]), 150, 12)
def test_no_request_passes_either_limit(block: Block, payload_bytes_max: int, rows: int) -> None:
    """Every record is sent once and in order, unless it is too large alone."""
    checker = LimitChecker(rows, payload_bytes_max)
    for batch in batches([block], lambda: rows):
        checker.keys = []
        steps = deliver(
            batch, lambda part: encode_put(ADDRESS, part.block), payload_bytes_max=payload_bytes_max
        )
        assert drive(steps, checker) is True
        assert [key for key in checker.keys if checker.keys.count(key) == 1] == [
            key for key in batch.block.keys if checker.keys.count(key) == 1
        ]
    assert sorted(checker.settled, key=lambda row: row[0]) == rows_of(block)


@pytest.mark.parametrize(
    ("bytes_per_vector", "rows"),
    [(0.0, 500), (1.0, 500), (19.39, 500), (19.41, 499), (97.0, 100), (97.01, 99), (9_700.0, 1), (1e9, 1)],
)
def test_as_many_are_sent_as_will_fit(bytes_per_vector: float, rows: int) -> None:
    """3 % below the limit, at most the allowed number, and at least one."""
    assert rows_that_fit(500, 10_000, bytes_per_vector=bytes_per_vector) == rows


@pytest.mark.parametrize(
    ("payload_bytes", "pieces"),
    [(0, 1), (1_000, 1), (1_001, 2), (1_940, 2), (1_941, 3), (2_909, 3), (2_911, 4), (10_000, 11)],
)
def test_a_body_that_is_too_large_is_split_at_once_into_pieces_that_fit(
    payload_bytes: int, pieces: int
) -> None:
    """The limit is inclusive; above it each piece aims 3 % below."""
    assert pieces_needed(payload_bytes, 1_000) == pieces


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ("Invalid record for key 'a': vector contains NaNs or Infs", "a"),
        ("Invalid record for key '': why", ""),
        ("Invalid record for key 'it's': why", "it's"),
        ("Invalid record for key 'a': b': why", "a': b"),
        ("Invalid record for key 'two\nlines': why", "two\nlines"),
        ("invalid record for key 'a': why", None),
        ("Sorry. Invalid record for key 'a': why", None),
        ("Invalid record for key 'a'", None),
        ("Request body exceeds max allowed size", None),
        ("", None),
    ],
)
def test_the_key_that_the_service_names_is_read(message: str, key: str | None) -> None:
    """The service has one message that names a key; keys may contain anything."""
    assert key_named(message) == key
