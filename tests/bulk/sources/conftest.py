"""Reads a source to its end, and checks the properties that all sources share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from vecgate.bulk.core.record_blocks import RejectedRecord
from vecgate.bulk.sources import Source


@dataclass(frozen=True)
class Gathered:
    """Everything that a source yielded, in order."""

    keys: list[str]
    vectors: list[list[float]]
    metadata: list[Any]
    positions: list[int]
    rejects: list[RejectedRecord]

    @property
    def problems(self) -> list[tuple[int, str, str]]:
        return [(reject.position, reject.key, reject.problem) for reject in self.rejects]


def _gather(source: Source, **options: Any) -> Gathered:
    first = options.get("first", 0)
    rows = options.get("rows", 4096)
    found = Gathered([], [], [], [], [])
    following = first
    for block in source.blocks(**options):
        here = sorted([*block.positions.tolist(), *(reject.position for reject in block.rejects)])
        assert here == list(range(following, following + len(here))), "each position once, in order"
        assert 1 <= len(here) <= rows
        assert len(block.keys) == len(block.vectors) == len(block.metadata) == len(block.positions)
        assert block.vectors.dtype == np.float32
        assert block.vectors.flags.c_contiguous
        following += len(here)
        found.keys.extend(block.keys)
        found.vectors.extend(block.vectors.tolist())
        found.metadata.extend(block.metadata)
        found.positions.extend(block.positions.tolist())
        found.rejects.extend(block.rejects)
    if source.total is not None:
        assert source.total == following - first
    return found


@pytest.fixture(scope="session")
def gather() -> Callable[..., Gathered]:
    """Return a function that reads a source and checks that every position comes exactly once, in order."""
    return _gather
