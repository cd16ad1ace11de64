"""Checks that `vecgate put` sustains two rates for a minute against `vecgate serve`, which checks signatures.

    python -m loadtests.soak.hold [SECONDS]

The first rate is 1,000 requests per second of one vector with 1,024 dimensions, the second 2,500 vectors per
second in full batches. Client and endpoint share one machine, and no request may fail. The last result is in
`last-hold.txt`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from vecgate.endpoint.local import LocalEndpoint

DIMENSION = 1_024
#: Rates are measured between responses, which jitter relative to departures.
TOLERANCE = 0.005


@dataclass(frozen=True, slots=True)
class Case:
    """The *rate* to sustain, in vectors per second, and the options of `vecgate put`."""

    name: str
    rate: int
    options: tuple[str, ...]


CASES = (
    # The client does not compensate for waits that take too long, so single requests are paced above the
    # rate.
    Case("single-vectors", 1_000, ("--preset", "stream", "--in-flight", "3", "--rate", "1250")),
    Case("full-batches", 2_500, ("--rate", "2500")),
)


def put(case: Case, endpoint: LocalEndpoint, folder: Path, seconds: int) -> dict[str, Any]:
    """Put the vectors of *seconds*, and return the result that `vecgate put --json` prints."""
    rows = np.random.default_rng(1).standard_normal((case.rate * seconds, DIMENSION), np.float32)
    np.save(folder / "rows.npy", rows)
    command = [
        sys.executable,
        "-m",
        "vecgate",
        "put",
        "rows.npy",
        "--target",
        endpoint.url,
        "--bucket",
        "hold",
    ]
    keys = {"AWS_ACCESS_KEY_ID": endpoint.access_key, "AWS_SECRET_ACCESS_KEY": endpoint.secret_key}
    rates = ["--requests-per-s", case.options[-1]]
    done = subprocess.run(
        [*command, "--index", case.name, "--create", "--restart", "--json", "--quiet", *case.options, *rates],
        cwd=folder,
        env={**os.environ, **keys, "AWS_REGION": "us-east-1"},
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def report(case: Case, outcome: dict[str, Any]) -> bool:
    """Print the result. Return True if the rate was sustained and no request failed."""
    failed = sum(outcome["failed_attempts"].values())
    is_fast = bool(outcome["vectors_per_s"] >= case.rate * (1 - TOLERANCE))
    is_sustained = is_fast and not failed and outcome["exit_code"] == 0
    counts = f"{outcome['acknowledged']:,} x {DIMENSION} in {outcome['requests']:,} requests, {failed} failed"
    pace = f"{outcome['elapsed_s']:.1f} s, {outcome['vectors_per_s']:,.0f} vectors/s"
    p50, p99 = (outcome["latency_ms"][name] for name in ("p50", "p99"))
    verdict = "PASS" if is_sustained else "FAIL"
    print(f"{verdict}  {case.name}: {counts}; {pace}; p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return is_sustained


def main() -> int:
    """Check both rates, and return the exit code."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with LocalEndpoint(auth=True) as endpoint, TemporaryDirectory() as folder:
        results = [report(case, put(case, endpoint, Path(folder), seconds)) for case in CASES]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
