"""Measures the peak memory of `vecgate put` over a file of 1,000,000 × 128: `python memory.py [parquet|csv]`.

The file is written to a temporary folder, the requests go to a null server in another process, and the
resident memory of the client is read from /proc ten times per second. Memory by quarter shows growth.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS, DIMENSION, STEP = 1_000_000, 128, 50_000
SAMPLE_INTERVAL_S = 0.1
INDEX = {"index": {"dimension": DIMENSION, "distanceMetric": "cosine"}}


def write_input(path: Path) -> None:
    """Write a parquet file of random vectors, in steps so that this process stays small too."""
    random = np.random.default_rng(0)
    schema = pa.schema({"key": pa.string(), "vector": pa.list_(pa.float32(), DIMENSION), "year": pa.int32()})
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, ROWS, STEP):
            matrix = random.standard_normal(STEP * DIMENSION, dtype=np.float32)
            keys = [f"k{row:07d}" for row in range(first, first + STEP)]
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(matrix), DIMENSION)
            years = pa.array(range(first, first + STEP), pa.int32())
            writer.write_table(pa.table([keys, vectors, years], schema=schema))


def write_csv(path: Path) -> None:
    """Write a CSV file of random vectors as texts."""
    random = np.random.default_rng(0)
    with path.open("w") as file:
        file.write("key,vector,year\n")
        for first in range(0, ROWS, STEP):
            matrix = random.standard_normal((STEP, DIMENSION), dtype=np.float32)
            for row, values in enumerate(matrix.tolist(), first):
                text = ",".join(f"{value:.9g}" for value in values)
                file.write(f'k{row:07d},"[{text}]",{row}\n')


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB, or 0 if the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(sizes[0]) / 1_000 if sizes else 0.0


def measure(folder: Path, form: str) -> None:
    """Put a file of the format *form*, and print time and memory."""
    {"parquet": write_input, "csv": write_csv}[form](folder / f"input.{form}")
    responses = folder / "responses.json"
    responses.write_text(json.dumps({"GetIndex": INDEX}))
    sink = [sys.executable, str(Path(__file__).with_name("sink.py")), str(responses)]
    with subprocess.Popen(sink, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        put = [sys.executable, "-m", "vecgate", "put", f"input.{form}", "--bucket", "bucket"]
        options = [
            "--index",
            "index",
            "--target",
            url,
            "--rate",
            "1000000",
            "--journal",
            "journal",
            "--quiet",
        ]
        started_s = time.monotonic()
        with subprocess.Popen([*put, *options], cwd=folder, stdout=subprocess.PIPE, text=True) as client:
            samples = []
            while client.poll() is None:
                samples.append(resident_mb(client.pid))
                time.sleep(SAMPLE_INTERVAL_S)
            assert client.stdout
            summary = client.stdout.read()
        elapsed_s = time.monotonic() - started_s
        server.terminate()
    quarters = [max(samples[len(samples) * q // 4 : len(samples) * (q + 1) // 4]) for q in range(4)]
    print(summary.strip())
    print(f"{ROWS:,} × {DIMENSION} in {elapsed_s:.1f} s")
    each = ", ".join(f"{quarter:,.0f}" for quarter in quarters)
    print(f"peak resident memory {max(samples):,.0f} MB; by quarter {each} MB")


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        measure(Path(name), sys.argv[1] if len(sys.argv) > 1 else "parquet")
