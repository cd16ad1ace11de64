"""Two rates held for a minute by `vecgate put` against `vecgate serve`, signatures checked, on one machine.

    python -m loadtests.soak.hold [SECONDS]

One vector of 1,024 dimensions a request, at least 1,000 requests a second; and, separately, 2,500 vectors a
second in full batches. Nothing may fail. The last result stands in `last-hold.txt`.
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
#: Rates are counted between answers, which jitter against departures.
TOLERANCE = 0.005


@dataclass(frozen=True, slots=True)
class Case:
    """What is held: *rate* vectors a second, and how `vecgate put` is told."""

    name: str
    rate: int
    words: tuple[str, ...]


CASES = (
    # A wait that overshoots is not made up for, so single requests are paced above the rate to be held.
    Case("single-vectors", 1_000, ("--preset", "stream", "--in-flight", "3", "--rate", "1250")),
    Case("full-batches", 2_500, ("--rate", "2500")),
)


def put(case: Case, endpoint: LocalEndpoint, folder: Path, seconds: int) -> dict[str, Any]:
    """Put *seconds* worth of vectors; the outcome as `vecgate put --json` tells it."""
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
    rates = ["--requests-per-s", case.words[-1]]
    done = subprocess.run(
        [*command, "--index", case.name, "--create", "--restart", "--json", "--quiet", *case.words, *rates],
        cwd=folder,
        env={**os.environ, **keys, "AWS_REGION": "us-east-1"},
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def tell(case: Case, outcome: dict[str, Any]) -> bool:
    """Say what came of it; True where the rate was held and nothing failed."""
    failed = sum(outcome["failed_attempts"].values())
    is_fast = bool(outcome["vectors_per_s"] >= case.rate * (1 - TOLERANCE))
    is_held = is_fast and not failed and outcome["exit_code"] == 0
    counts = f"{outcome['acknowledged']:,} x {DIMENSION} in {outcome['requests']:,} requests, {failed} failed"
    pace = f"{outcome['elapsed_s']:.1f} s, {outcome['vectors_per_s']:,.0f} vectors/s"
    p50, p99 = (outcome["latency_ms"][name] for name in ("p50", "p99"))
    print(
        f"{'PASS' if is_held else 'FAIL'}  {case.name}: {counts}; {pace}; p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    )
    return is_held


def main() -> int:
    """Hold both rates; 0 where both were held."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with LocalEndpoint(auth=True) as endpoint, TemporaryDirectory() as folder:
        held = [tell(case, put(case, endpoint, Path(folder), seconds)) for case in CASES]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
