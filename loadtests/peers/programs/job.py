"""What every client is asked to do, and how it is measured. Nothing but the standard library: it runs in the
environment of each client.
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

#: 50 characters, as a title has them.
TITLE = "The title of a film, as long as titles commonly be"


@dataclass(frozen=True, slots=True)
class Job:
    """So many vectors, into an index that is there.

    rows_file    float32 values, row after row: *rows* of *dimension*
    passes       how often the rows are put, each time under new keys
    per_request  vectors in a request
    in_flight    requests at once, where the client has a say
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
    def given(cls) -> Job:
        """The one that the first argument says."""
        return cls(**json.loads(sys.argv[1]))

    @property
    def address(self) -> dict[str, str]:
        """The members of a request that name the index."""
        return {"vectorBucketName": self.bucket, "indexName": self.index}

    def values(self) -> list[list[float]]:
        """The rows as lists of Python's floats."""
        flat = array("f", Path(self.rows_file).read_bytes())
        return [flat[at : at + self.dimension].tolist() for at in range(0, len(flat), self.dimension)]

    def records(self, rows: list[Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
        """Key, row and metadata of each vector."""
        for number in range(self.passes):
            for at, row in enumerate(rows):
                yield f"k{number:03d}-{at:07d}", row, {"i": at, "t": TITLE}

    def batches(self, rows: list[Any]) -> Iterator[list[dict[str, Any]]]:
        """The vectors of each request, as PutVectors takes them."""
        records = self.records(rows)
        while taken := list(islice(records, self.per_request)):
            yield [{"key": key, "data": {"float32": row}, "metadata": about} for key, row, about in taken]


@contextmanager
def measured(version: str) -> Iterator[None]:
    """Print what the block took: seconds, seconds of the processor in all threads, and the peak of memory."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    yield
    told = {
        "version": version,
        "wall_s": time.perf_counter() - began_s,
        "cpu_s": time.process_time() - began_cpu_s,
        "peak_memory_mb": peak_memory_mb(),
    }
    print(json.dumps(told), flush=True)


def peak_memory_mb() -> float:
    """Of this process, in units of 10^6 bytes."""
    # Not that of `getrusage`: it counts what this process was before it became this program.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
