"""Writes 200,000 vectors of 384 dimensions by eight Ray tasks to one index with the documented quotas,
and then the same without the shared budget. Reads every vector back.

    python -m loadtests.distributed [--rows N] [--writers N] [-o FILE]

Needs the extra `vecgate[ray]`. The last result is in `results/ray-rate.json`.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import time
import warnings
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
from loadtests.distributed.sampled_endpoint import SampledEndpoint

from vecgate.bulk.reader import BulkReader

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ray

    from vecgate.distributed.ray import S3VectorsDatasink, record_batches
from vecgate.distributed.write_outcome import WriteOutcome
from vecgate.distributed.write_task import SingleTask, write_batches

DIMENSION, BUCKET, INDEX = 384, "measured", "vectors"
#: The steady minute begins this long after the first vector.
WARM_UP_S, STEADY_S = 8.0, 60.0
STORE_BYTES = 500_000_000
RESULT = Path(__file__).parent / "results" / "ray-rate.json"


class UnsharedDatasink(S3VectorsDatasink):
    """Writes with the full rate in each task, as a connector without a shared budget does."""

    def write(self, blocks: Iterable[Any], ctx: Any) -> WriteOutcome:
        """Write the blocks of one task."""
        control = SingleTask(self.settings.rates)
        return write_batches(record_batches(blocks), self.settings, control, task=str(ctx.task_idx)).outcome


def measure(kind: type[S3VectorsDatasink], *, rows: int, writers: int) -> dict[str, Any]:
    """Write *rows* vectors by *writers* tasks at a time, read them back, and return the figures."""
    matrix = np.random.default_rng(1).standard_normal((rows, DIMENSION), dtype=np.float32)
    keys = [f"k{number}" for number in range(rows)]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), DIMENSION)
    table = pa.table({"id": keys, "vector": vectors})
    # As many tasks as writers, so that all of them write from the beginning to the end.
    part = -(-rows // writers)
    dataset = ray.data.from_arrow([table.slice(at, part).combine_chunks() for at in range(0, rows, part)])
    with SampledEndpoint("--quotas", "documented") as endpoint:
        sink = kind(
            bucket=BUCKET,
            index=INDEX,
            key_column="id",
            target=endpoint.url,
            create={"dimension": DIMENSION},
        )
        begun_s = time.monotonic()
        dataset.write_datasink(sink, concurrency=writers)
        elapsed_s = time.monotonic() - begun_s
        endpoint.samples.append(last := endpoint.take())
        steady_s = min(STEADY_S, rows / 2_500 - WARM_UP_S)
        first, end = endpoint.steady(after_s=WARM_UP_S, seconds=steady_s)
        outcome = sink.outcome
        assert outcome is not None
        is_exact = read_back(endpoint.url, matrix, keys)
    throttled = last.requests.get("TooManyRequestsException", 0)
    return {
        "rows": rows,
        "writers": writers,
        "elapsed_s": round(elapsed_s, 1),
        "steady_s": round(end.at_s - first.at_s, 2),
        "steady_vectors_per_s": round((end.vectors - first.vectors) / (end.at_s - first.at_s), 1),
        "requests": sum(last.requests.values()),
        "throttled": throttled,
        "throttled_percent": round(100 * throttled / sum(last.requests.values()), 2),
        "acknowledged": outcome.totals.acknowledged,
        "retries": outcome.totals.retries,
        "is_bit_exact": is_exact,
    }


def read_back(url: str, matrix: Any, keys: list[str]) -> bool:
    """Return True if the index has every vector, and no other, bit by bit."""
    client = boto3.client(
        "s3vectors",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    rows = {key: number for number, key in enumerate(keys)}
    found = np.zeros(len(keys), dtype=np.int64)
    for page in BulkReader(client, bucket=BUCKET, index=INDEX).scan(4, metadata=False):
        numbers = [rows[key] for key in page.keys]
        if page.vectors is None or not np.array_equal(
            page.vectors.view(np.uint32), matrix[numbers].view(np.uint32)
        ):
            return False
        found[numbers] += 1
    return bool((found == 1).all())


def main() -> int:
    """Measure both, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    choice = parser.parse_args()
    ray.init(
        num_cpus=choice.writers,
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        logging_level="error",
        log_to_driver=False,
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    # Starts the processes of the writers: their start is no part of the measurement.
    ray.data.range(choice.writers * 4, override_num_blocks=choice.writers * 4).materialize()
    result: dict[str, Any] = {
        "measured": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} processors, {platform.machine()}, endpoint on the same machine",
        "python": platform.python_version(),
        "ray": version("ray"),
        "vecgate": version("vecgate"),
        "cases": {},
    }
    for name, kind in {"shared budget": S3VectorsDatasink, "each writer by itself": UnsharedDatasink}.items():
        result["cases"][name] = measure(kind, rows=choice.rows, writers=choice.writers)
        choice.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
