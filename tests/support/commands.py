"""Helpers for tests of the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True)
class Result:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


Vecgate = Callable[..., Result]


def write_parquet(path: Path, rows: int, *, dimension: int = 4, seed: int = 1) -> Path:
    """Write *rows* random vectors with keys k0, k1, … and a `year`."""
    matrix = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), dimension)
    keys, years = [f"k{row}" for row in range(rows)], [2000 + row % 30 for row in range(rows)]
    pq.write_table(pa.table({"key": keys, "vector": vectors, "year": years}), path)
    return path
