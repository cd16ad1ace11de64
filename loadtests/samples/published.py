"""What is published: each sample, and the words that make it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPORTS, RUNS = Path("reports"), Path("docs") / "runs"
LOCAL = ("--target", "local")
#: The endpoint holds the documented limits, as an index of Amazon's does.
QUOTAS = ("--set", "local.quotas=documented")
SMALL = ("--set", "vectors.dimension=16")
SHORT, SLOW = ("--set", "stages.duration=0.04", *SMALL), ("--set", "stages.rate=0.1")
FEW_CELLS = ("--batches", "1,10", "--in-flight", "1", "--seconds", "0.1", "--dimension", "16")
ONE_RATE = ("--from", "20", "--to", "20", "--trial", "1s", "--confirm", "1")
QUICKEST = ("--seconds", "0.01", "--visits", "1")


@dataclass(frozen=True, slots=True)
class Sample:
    """A run whose result is kept.

    name       to choose it by
    program    the module that makes it, and its words
    file       where the result is kept
    option     that names that file to the program
    copy       where it is published too
    tiny       words that make it a matter of seconds; None where none do
    is_judged  it is no sample where it comes out as not judged
    """

    name: str
    program: tuple[str, ...]
    file: Path
    option: tuple[str, ...] = ("--results",)
    copy: Path | None = None
    tiny: tuple[str, ...] | None = None
    is_judged: bool = True

    def command(self, result: Path, *, is_tiny: bool) -> list[str]:
        """What makes it, into *result*."""
        less = (self.tiny or ()) if is_tiny else ()
        return [sys.executable, "-m", *self.program, *less, *self.option, str(result)]


def samples() -> Iterator[Sample]:
    """All of them, in the order in which they are made."""
    yield _report("conformance-local", "conform", *LOCAL, "-n", "2", tiny=("-k", "get-index"))
    yield _report("conformance-moto", "conform", "--target", "moto", "-n", "2", tiny=("-k", "get-index"))
    yield _report("ramp-1000", "ramp", "ramp-1000", *LOCAL, *QUOTAS, tiny=SHORT)
    yield _report("stream-1000", "ramp", "stream-1000", *LOCAL, *QUOTAS, tiny=(*SHORT, *SLOW))
    yield _report("quota-2500", "ramp", "quota-2500", *LOCAL, tiny=SHORT)
    yield _report("scale", "scale", *LOCAL, tiny=FEW_CELLS)
    rates = ("--from", "400", "--to", "8000", "--trial", "6s")
    yield _report("capacity", "capacity", "stream-1000", *LOCAL, *rates, tiny=(*ONE_RATE, *SMALL))
    yield _bench("micro", "vecgate", "bench", "--seconds", "0.3", tiny=("-k", "sign", *QUICKEST))
    yield _bench("peers", "loadtests.peers.peers")
    for name in ("put", "doctor", "demo"):
        yield _transcript(name, ".txt")
    yield _transcript("lambda", ".json")
    for name in ("writes", "abort", "max-cost"):
        yield _transcript(name, ".jsonl")


def _report(name: str, *words: str, tiny: tuple[str, ...]) -> Sample:
    return Sample(name, ("vecgate", *words), REPORTS / f"{name}.jsonl", tiny=tiny)


def _bench(name: str, *program: str, tiny: tuple[str, ...] | None = None) -> Sample:
    kept = Path("loadtests") / name / "results" / f"{name}.jsonl"
    return Sample(name, program, kept, copy=REPORTS / f"{name}.jsonl", tiny=tiny)


def _transcript(name: str, suffix: str) -> Sample:
    program = ("loadtests.samples.transcripts", name)
    # What `--max-cost` ends is not judged: that is what it shows.
    return Sample(name, program, RUNS / f"{name}{suffix}", option=(), is_judged=name != "max-cost")
