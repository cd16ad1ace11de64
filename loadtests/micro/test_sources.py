"""Files of 10,000 × 128: CPU time to read them from the first byte to the last record.

The floor is pyarrow alone: a table of floats from Parquet, or texts from CSV that nobody has parsed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from vecgate.bulk.sources import open_source

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROWS, DIMENSION = 10_000, 128
pytestmark = pytest.mark.benchmark(
    group="read 10,000 x 128", timer=time.process_time, min_rounds=3, warmup=True, warmup_iterations=1
)


def _matrix() -> Any:
    return np.random.default_rng(0).standard_normal((ROWS, DIMENSION), dtype=np.float32)


def _keys() -> list[str]:
    return [f"k{row:05d}" for row in range(ROWS)]


def _texts() -> list[str]:
    return [f"[{','.join(f'{value:.9g}' for value in row)}]" for row in _matrix().tolist()]


def _parquet(path: Path) -> Path:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(_matrix().ravel()), DIMENSION)
    pq.write_table(pa.table({"id": _keys(), "vector": vectors}), path)
    return path


def _csv_of_texts(path: Path) -> Path:
    pacsv.write_csv(pa.table({"id": _keys(), "vector": _texts()}), path)
    return path


def _csv_of_columns(path: Path) -> Path:
    columns = {f"dim_{n}": column for n, column in enumerate(_matrix().T)}
    pacsv.write_csv(pa.table({"id": _keys(), **columns}), path)
    return path


def _json_lines(path: Path) -> Path:
    records = zip(_keys(), _matrix().tolist(), strict=True)
    path.write_bytes(b"".join(orjson.dumps({"id": key, "vector": row}) + b"\n" for key, row in records))
    return path


def _json_list(path: Path) -> Path:
    records = zip(_keys(), _matrix().tolist(), strict=True)
    path.write_bytes(orjson.dumps([{"id": key, "vector": row} for key, row in records]))
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("f.parquet", _parquet),
        ("texts.csv", _csv_of_texts),
        ("columns.csv", _csv_of_columns),
        ("f.jsonl", _json_lines),
        ("f.json", _json_list),
    ],
    ids=["parquet", "csv of texts", "csv of columns", "json lines", "json list"],
)
def test_read(benchmark: BenchmarkFixture, tmp_path: Path, name: str, write: Callable[[Path], Path]) -> None:
    """Open the file, and read every record into a block."""
    path = write(tmp_path / name)

    def read() -> int:
        source = open_source(path)
        return sum(len(block) for block in source.blocks())

    benchmark.extra_info["vectors"] = ROWS
    assert benchmark(read) == ROWS


def test_floor(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Read Parquet into a table, as pyarrow does."""
    path = _parquet(tmp_path / "f.parquet")
    benchmark.extra_info.update(baseline=True, vectors=ROWS)
    assert benchmark(lambda: pq.read_table(path, use_threads=False).num_rows) == ROWS
