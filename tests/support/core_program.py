"""A program that uses the core of vecgate alone, and fails if it needs a package of an extra.

python core_program.py URL: with a server at URL that checks no signatures. Prints what it did as JSON.
"""

# ruff: noqa: PLC0415, T201 - a program, which imports once the finder is in place

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import SimpleNamespace
from typing import Any

#: Top-level packages that only extras install.
OF_EXTRAS = frozenset({
    "click", "fsspec", "gevent", "h5py", "hdrh", "httptools", "huggingface_hub", "hypothesis", "jinja2", "lance",
    "locust", "moto", "psutil", "pyarrow", "pytest", "rich", "simdjson", "tantivy", "uvicorn", "uvloop",
})  # fmt: skip
ROWS, DIMENSION = 300, 8


class Forbidden(MetaPathFinder):
    """Makes the packages of extras appear not installed."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> None:
        """Raise ModuleNotFoundError for a package of an extra."""
        del path, target
        if name.partition(".")[0] in OF_EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main(url: str) -> dict[str, object]:
    """Write, read and search with each part of the core; return what happened."""
    sys.meta_path.insert(0, Forbidden())
    os.environ |= {
        "AWS_ENDPOINT_URL_S3VECTORS": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    os.environ |= {"AWS_ACCESS_KEY_ID": "core", "AWS_SECRET_ACCESS_KEY": "core-of-vecgate"}
    import boto3
    import numpy as np

    from vecgate import BulkReader, BulkWriter, VecgateError, accelerate, create_index

    names: dict[str, Any] = {"bucket": "core-bucket", "index": "core"}
    rows = np.random.default_rng(1).random((ROWS, DIMENSION), dtype=np.float32)
    keys = [f"k{number}" for number in range(ROWS)]
    client = boto3.client("s3vectors")
    create_index(client, **names, dimension=DIMENSION, metric="cosine")
    writer = BulkWriter(client, **names)
    from_arrays = writer.put(rows, keys=keys)
    records = (
        {"key": f"r{key}", "vector": row.tolist(), "metadata": {"n": 1}}
        for key, row in zip(keys, rows, strict=True)
    )
    from_records = writer.put(records)
    fast = accelerate(client)
    fast.put_vectors(
        vectorBucketName=names["bucket"],
        indexName=names["index"],
        vectors=[{"key": "one", "data": {"float32": rows[0]}}],
    )
    reader = BulkReader(client, **names)
    found = reader.get(["k7"])
    nearest = reader.query(rows[3], 1)
    counted = sum(len(page) for page in reader.scan())
    problems = []
    refusals: list[Callable[[], object]] = [
        lambda: writer.put("a.parquet"),
        lambda: BulkWriter(client, **names, progress=True).put(rows, keys=keys),
    ]
    Path("a.parquet").write_bytes(b"PAR1 and more")
    for refused in refusals:
        try:
            refused()
        except VecgateError as error:
            problems.append(f"{error}: {error.hint}")
    from vecgate.aws_lambda import handler

    context = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 30_000)
    common = {**names, "dimension": DIMENSION}
    events = [
        {"action": "test-access", **common},
        {"action": "test-batch-processing", "dimension": DIMENSION, "vectors": 200, "delay_ms": 0, "create": True},
        {"action": "test-optimized-batch", "dimension": DIMENSION, "vectors": 100, "batches": [50], "seconds": 0.1, "create": True},
        {"action": "test-throughput-scaling", "dimension": DIMENSION, "batches": [50], "in_flight": [1], "seconds": 0.1, "create": True},
        {"action": "search", **common, "key": "k3", "top_k": 2},
    ]  # fmt: skip
    return {
        "written": [from_arrays.acknowledged, from_records.acknowledged],
        "read": [
            found.vectors is not None and bool((found.vectors[0] == rows[7]).all()),
            nearest.keys[0] in {"k3", "rk3"},
        ],
        "counted": counted,
        "problems": problems,
        "lambda": [handler(event, context)["statusCode"] for event in events],
        "extras": sorted(OF_EXTRAS & set(sys.modules)),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
