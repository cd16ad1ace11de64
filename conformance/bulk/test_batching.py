"""Records are cut into requests: none is lost, repeated or moved, and no request passes a limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.encoding import Body
from vecgate.bulk.records import Block
from vecgate.testing import sources
from vecgate.testing.requirements import requirement
from vecgate.testing.scripted import ScriptedService
from vecgate.testing.strategies import (
    blocks_of_records,
    float32_values,
    lists_of_blocks,
    metadata_objects,
    vector_keys,
)

from .client import BulkClient
from .laws import FEW_KEYS, FREE, blocks_of, check_requests, new_folder, records_of, world

PAYLOAD_BYTES_MAX = 20_971_520


class Metered(ScriptedService):
    """A service that remembers the length of every body."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.lengths: list[int] = []

    def send(self, operation: str, body: Body) -> bytes:
        """Meet one request."""
        if operation != "GetIndex":
            self.lengths.append(len(body.data))
        return super().send(operation, body)


@dataclass
class Scales:
    """A sender that weighs bodies and reads none: they are large."""

    dimension: int
    bodies: list[tuple[int, int]] = field(default_factory=list)

    def send(self, operation: str, body: Body) -> bytes:
        """Take a body; its vectors are counted by their keys."""
        if operation == "GetIndex":
            return b'{"index":{"dimension":%d,"distanceMetric":"euclidean"}}' % self.dimension
        self.bodies.append((bytes(body.data).count(b'"key"'), len(body.data)))
        return b"{}"

    def close(self) -> None:
        """Nothing to close."""


@given(blocks=lists_of_blocks(keys=vector_keys()), size=st.integers(1, 9))
@requirement("bulk.order", level="must", evidence="inferred", source=sources.PRACTICES)
def test_records_leave_in_order_and_once(bulk_client: BulkClient, blocks: list[Block], size: int) -> None:
    """With one request at a time, each record leaves once, in the order of the input."""
    distinct = list(dict.fromkeys(key for key, _ in records_of(blocks)))
    config = replace(FREE, batch_vectors=size, in_flight=1)
    with world(bulk_client, blocks_of(distinct), config=config) as made:
        made.settle()
        left = [key for _, keys, _ in made.service.met for key in keys]
    assert left == distinct


@given(blocks=lists_of_blocks(keys=FEW_KEYS | vector_keys()), size=st.integers(1, 9))
@requirement("bulk.count", level="must", evidence="documented", source=sources.LIMITS)
def test_no_request_holds_too_many_vectors_or_a_key_twice(
    bulk_client: BulkClient, blocks: list[Block], size: int
) -> None:
    """A request has 1 to as many vectors as were set, and no key twice."""
    with world(bulk_client, blocks, config=replace(FREE, batch_vectors=size)) as made:
        made.end()
        check_requests(made.service, vectors_max=size)


@requirement("bulk.full-batches", level="should", evidence="inferred", source=sources.PRACTICES)
def test_requests_are_as_full_as_they_may_be(bulk_client: BulkClient) -> None:
    """Whatever the blocks of the input, only the last request is smaller than it might be."""
    blocks = blocks_of([f"k{number}" for number in range(47)], size=7)
    with world(bulk_client, blocks, config=FREE) as made:
        made.settle()
        assert sorted((len(keys) for _, keys, _ in made.service.met), reverse=True) == [10, 10, 10, 10, 7]


@given(block=blocks_of_records(rows_max=12).filter(len), payload_bytes_max=st.integers(60, 900))
@requirement("bulk.bytes", level="must", evidence="documented", source=sources.LIMITS)
def test_no_body_is_too_large(bulk_client: BulkClient, block: Block, payload_bytes_max: int) -> None:
    """No body passes the limit; records that by themselves would are set aside, all others are written."""
    service, records = Metered(), records_in(block)
    config = replace(FREE, payload_bytes_max=payload_bytes_max)
    with new_folder() as folder:
        outcome = bulk_client.put(records, service, config=config, folder=folder)
    assert all(length <= payload_bytes_max for length in service.lengths)
    assert outcome.acknowledged + outcome.set_aside == outcome.read == len(records)
    assert len(service.stored) >= len({record["key"] for record in records}) - outcome.set_aside


@requirement("bulk.real-limits", level="must", evidence="documented", source=sources.LIMITS, slow=True)
def test_wide_vectors_stay_below_20_mib(bulk_client: BulkClient, tmp_path: Path) -> None:
    """500 vectors of 4,096 dimensions are more than 20 MiB: requests hold fewer, and all vectors arrive."""
    scales, rows = Scales(4_096), np.random.default_rng(1).random((1_100, 4_096), dtype=np.float32)
    records = ({"key": f"k{number}", "vector": row} for number, row in enumerate(rows))
    outcome = bulk_client.put(records, scales, config=replace(FREE, batch_vectors=500), folder=tmp_path)
    assert outcome.acknowledged == sum(vectors for vectors, _ in scales.bodies) == 1_100
    assert all(vectors <= 500 and length <= PAYLOAD_BYTES_MAX for vectors, length in scales.bodies)


@given(
    keys=st.lists(vector_keys(), min_size=1, max_size=8, unique=True),
    values=st.lists(float32_values(), min_size=2, max_size=2),
    metadata=st.none() | metadata_objects(),
)
@example(["k"], [0.1, -0.0], {"a": ["b"], "": "", "c": True, "d": 1.5})
@requirement("bulk.content", level="must", evidence="documented", source=sources.VECTORS)
def test_records_arrive_as_they_are(
    bulk_client: BulkClient, keys: list[str], values: list[float], metadata: dict[str, Any] | None
) -> None:
    """Keys, the bits of values, and metadata arrive as they were given."""
    service = ScriptedService()
    given_ = [{"key": key, "vector": values, "metadata": metadata} for key in keys]
    with new_folder() as folder:
        bulk_client.put(given_, service, config=FREE, folder=folder)
    wanted = np.array(values, dtype=np.float32).tobytes()
    assert service.stored.keys() == set(keys)
    for stored, told in service.stored.values():
        assert np.array(stored, dtype=np.float32).tobytes() == wanted
        assert told == metadata or not (told or metadata)


def records_in(block: Block) -> list[dict[str, Any]]:
    """The records of *block* as an iterable of the user's would give them."""
    columns: Iterable[tuple[str, Any, Any]] = zip(block.keys, block.vectors, block.metadata, strict=True)
    return [{"key": key, "vector": vector, "metadata": metadata} for key, vector, metadata in columns]
