"""The CPU time that a process needs to start, beside `import boto3`."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


def children_s() -> float:
    """Return the CPU time in seconds of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


#: The plugin cannot calibrate this timer, which stands still while no child runs, so the rounds are fixed.
ROUNDS = 12
STARTS = {
    "import boto3": ("-c", "import boto3"),
    "pass": ("-c", "pass"),
    "import vecgate": ("-c", "import vecgate"),
    "BulkWriter": ("-c", "from vecgate import BulkWriter"),
    "aws_lambda": ("-c", "import vecgate.aws_lambda"),
    "vecgate --help": ("-m", "vecgate", "--help"),
    "put --help": ("-m", "vecgate", "put", "--help"),
    "ramp --help": ("-m", "vecgate", "ramp", "--help"),
}


@pytest.mark.benchmark(group="start a process", timer=children_s)
@pytest.mark.parametrize("name", STARTS)
def test_start(benchmark: BenchmarkFixture, name: str) -> None:
    """With compiled modules, as after the first start."""
    if name == "import boto3":
        benchmark.extra_info["baseline"] = True
    benchmark.pedantic(
        subprocess.run,
        args=([sys.executable, *STARTS[name]],),
        kwargs={"check": True, "stdout": subprocess.DEVNULL, "timeout": 60},
        rounds=ROUNDS,
        warmup_rounds=1,
    )
