"""Properties of batching: no record is lost, repeated or reordered, and no request exceeds a limit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from disturbed_runs import (
    FEW_KEYS,
    UNLIMITED,
    blocks_of,
    check_requests,
    disturbed_run,
    new_folder,
    put_on_threads,
    records_of,
)
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.record_blocks import Block
from vecgate.testing.scripted_service import ScriptedService
from vecgate.testing.strategies import (
    blocks_of_records,
    float32_values,
    lists_of_blocks,
    metadata_objects,
    vector_keys,
)

PAYLOAD_BYTES_MAX = 20_971_520


class MeteredService(ScriptedService):
    """A service that records the length of every body."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.lengths: list[int] = []

    def send(self, operation: str, body: Body) -> bytes:
        if operation != "GetIndex":
            self.lengths.append(len(body.data))
        return super().send(operation, body)


@dataclass
class BodyCounter:
    """A sender that counts the vectors and bytes of each body. It does not parse bodies: they are large."""

    dimension: int
    bodies: list[tuple[int, int]] = field(default_factory=list)

    def send(self, operation: str, body: Body) -> bytes:
        if operation == "GetIndex":
            return b'{"index":{"dimension":%d,"distanceMetric":"euclidean"}}' % self.dimension
        self.bodies.append((bytes(body.data).count(b'"key"'), len(body.data)))
        return b"{}"

    def close(self) -> None: ...


@given(blocks=lists_of_blocks(keys=vector_keys()), size=st.integers(1, 9))
def test_each_record_is_sent_once_and_in_order(blocks: list[Block], size: int) -> None:
    """With one request at a time, each record is sent once, in the order of the input."""
    distinct = list(dict.fromkeys(key for key, _ in records_of(blocks)))
    with disturbed_run(
        blocks_of(distinct), config=replace(UNLIMITED, batch_vectors=size, in_flight=1)
    ) as run:
        run.finish_process()
        sent = [key for _, keys, _ in run.service.received for key in keys]
    assert sent == distinct


@given(blocks=lists_of_blocks(keys=FEW_KEYS | vector_keys()), size=st.integers(1, 9))
def test_no_request_holds_too_many_vectors_or_a_key_twice(blocks: list[Block], size: int) -> None:
    """A request holds 1 to `batch_vectors` vectors, and no key twice."""
    with disturbed_run(blocks, config=replace(UNLIMITED, batch_vectors=size)) as run:
        run.complete()
        check_requests(run.service, vectors_max=size)


def test_requests_are_as_full_as_possible() -> None:
    """Whatever the size of the input's blocks, only the last request is smaller than `batch_vectors`."""
    with disturbed_run(blocks_of([f"k{number}" for number in range(47)], size=7), config=UNLIMITED) as run:
        run.finish_process()
        assert sorted((len(keys) for _, keys, _ in run.service.received), reverse=True) == [10, 10, 10, 10, 7]


@given(block=blocks_of_records(rows_max=12).filter(len), payload_bytes_max=st.integers(60, 900))
def test_no_body_is_too_large(block: Block, payload_bytes_max: int) -> None:
    """No body exceeds the limit. A record that alone exceeds it is rejected; all others are written."""
    service, records = MeteredService(), records_in(block)
    config = replace(UNLIMITED, payload_bytes_max=payload_bytes_max)
    with new_folder() as folder:
        outcome = put_on_threads(records, service, config=config, folder=folder)
    assert all(length <= payload_bytes_max for length in service.lengths)
    assert outcome.acknowledged + outcome.rejected == outcome.read == len(records)
    assert len(service.stored) >= len({record["key"] for record in records}) - outcome.rejected


def test_wide_vectors_stay_below_20_mib(tmp_path: Path) -> None:
    """500 vectors of 4,096 dimensions exceed 20 MiB: requests hold fewer, and all vectors arrive."""
    counter, rows = BodyCounter(4_096), np.random.default_rng(1).random((1_100, 4_096), dtype=np.float32)
    records = ({"key": f"k{number}", "vector": row} for number, row in enumerate(rows))
    outcome = put_on_threads(records, counter, config=replace(UNLIMITED, batch_vectors=500), folder=tmp_path)
    assert outcome.acknowledged == sum(vectors for vectors, _ in counter.bodies) == 1_100
    assert all(vectors <= 500 and length <= PAYLOAD_BYTES_MAX for vectors, length in counter.bodies)


@given(
    keys=st.lists(vector_keys(), min_size=1, max_size=8, unique=True),
    values=st.lists(float32_values(), min_size=2, max_size=2),
    metadata=st.none() | metadata_objects(),
)
@example(["k"], [0.1, -0.0], {"a": ["b"], "": "", "c": True, "d": 1.5})
def test_records_arrive_unchanged(
    keys: list[str], values: list[float], metadata: dict[str, Any] | None
) -> None:
    """Keys, the bits of values, and metadata arrive as they were given."""
    service = ScriptedService()
    records = [{"key": key, "vector": values, "metadata": metadata} for key in keys]
    with new_folder() as folder:
        put_on_threads(records, service, config=UNLIMITED, folder=folder)
    expected = np.array(values, dtype=np.float32).tobytes()
    assert service.stored.keys() == set(keys)
    for stored_values, stored_metadata in service.stored.values():
        assert np.array(stored_values, dtype=np.float32).tobytes() == expected
        assert stored_metadata == metadata or not (stored_metadata or metadata)


def records_in(block: Block) -> list[dict[str, Any]]:
    """Return the records of *block* as a user's iterable would give them."""
    columns = zip(block.keys, block.vectors, block.metadata, strict=True)
    return [{"key": key, "vector": vector, "metadata": metadata} for key, vector, metadata in columns]
