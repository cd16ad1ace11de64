"""The work of every client, and how it is measured.

Uses the standard library alone, because it runs in the environment of each client.
"""

from __future__ import annotations

import json
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

#: 50 characters, the length of a typical title.
TITLE = "The title of a film, as long as titles commonly be"


@dataclass(frozen=True, slots=True)
class Job:
    """Vectors to put into an existing index.

    rows_file    file of float32 values, row by row: *rows* of *dimension*
    passes       how often the rows are put, each time under new keys
    per_request  vectors in a request
    in_flight    concurrent requests, if the client can set them
    """

    bucket: str
    index: str
    rows_file: str
    rows: int
    dimension: int
    passes: int
    per_request: int
    in_flight: int

    @classmethod
    def from_arguments(cls) -> Job:
        """Parse the first argument of the program."""
        return cls(**json.loads(sys.argv[1]))

    @property
    def address(self) -> dict[str, str]:
        """The members of a request that address the index."""
        return {"vectorBucketName": self.bucket, "indexName": self.index}

    def read_rows(self) -> list[list[float]]:
        """Read the rows as lists of Python floats."""
        flat = array("f", Path(self.rows_file).read_bytes())
        return [
            flat[start : start + self.dimension].tolist() for start in range(0, len(flat), self.dimension)
        ]

    def records(self, rows: list[Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
        """Yield key, row and metadata of each vector."""
        for number in range(self.passes):
            for position, row in enumerate(rows):
                yield f"k{number:03d}-{position:07d}", row, {"i": position, "t": TITLE}

    def batches(self, rows: list[Any]) -> Iterator[list[dict[str, Any]]]:
        """Yield the vectors of each request in the form of PutVectors."""
        records = self.records(rows)
        while batch := list(islice(records, self.per_request)):
            yield [
                {"key": key, "data": {"float32": row}, "metadata": metadata} for key, row, metadata in batch
            ]


@contextmanager
def measure(version: str) -> Iterator[None]:
    """Print wall time, CPU time of all threads, and peak memory of the block."""
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    yield
    measurement = {
        "version": version,
        "wall_s": time.perf_counter() - started_s,
        "cpu_s": time.process_time() - started_cpu_s,
        "peak_memory_mb": peak_memory_mb(),
    }
    print(json.dumps(measurement), flush=True)


def peak_memory_mb() -> float:
    """Return the peak memory of this process in units of 10^6 bytes."""
    # `getrusage` also counts the process before it executed this program.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
