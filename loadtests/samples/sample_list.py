"""The published samples, and the command that makes each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

REPORTS, RUNS = Path("reports"), Path("docs") / "runs"
LOCAL = ("--target", "local")
#: Servers that need Java, and Maven on their first start.
JAVA_SERVERS, JAVA_PROGRAMS = ("s3mock", "local-s3"), ("java", "javac", "mvn")
#: The endpoint enforces the documented limits, as an index of AWS does.
QUOTAS = ("--set", "local.quotas=documented")
SMALL = ("--set", "vectors.dimension=16")
SHORT, SLOW = ("--set", "stages.duration=0.04", *SMALL), ("--set", "stages.rate=0.1")
FEW_CELLS = ("--batches", "1,10", "--in-flight", "1", "--seconds", "0.1", "--dimension", "16")
ONE_RATE = ("--from", "20", "--to", "20", "--trial", "1s", "--confirm", "1")
FASTEST = ("--seconds", "0.01", "--runs", "1")


@dataclass(frozen=True, slots=True)
class Sample:
    """A run whose result is committed.

    name             selects it
    program          module to run, and its arguments
    file             where the result is stored
    result_option    option of the program that names the result file; empty if the path is its last argument
    copy             second place where the result is published
    programs         programs that it needs; without them the stored result stays
    tiny             arguments that shorten the run to seconds; None if it cannot be shortened
    must_be_conclusive  whether an inconclusive result is rejected
    """

    name: str
    program: tuple[str, ...]
    file: Path
    result_option: tuple[str, ...] = ("--results",)
    copy: Path | None = None
    programs: tuple[str, ...] = ()
    tiny: tuple[str, ...] | None = None
    must_be_conclusive: bool = True

    def command(self, result: Path, *, is_tiny: bool) -> list[str]:
        """Return the command that writes the result to *result*."""
        shortened = (self.tiny or ()) if is_tiny else ()
        return [sys.executable, "-m", *self.program, *shortened, *self.result_option, str(result)]


def list_samples() -> Iterator[Sample]:
    """Yield all samples in the order in which they are made."""
    yield _report("conformance-local", "conform", *LOCAL, "-n", "2", tiny=("-k", "get-index"))
    yield _report("conformance-moto", "conform", "--target", "moto", "-n", "2", tiny=("-k", "get-index"))
    for server in JAVA_SERVERS:
        sample = _report(
            f"conformance-{server}", "conform", "--target", server, "-n", "2", tiny=("-k", "get-index")
        )
        yield replace(sample, programs=JAVA_PROGRAMS)
    yield _report("ramp-1000", "ramp", "ramp-1000", *LOCAL, *QUOTAS, tiny=SHORT)
    yield _report("stream-1000", "ramp", "stream-1000", *LOCAL, *QUOTAS, tiny=(*SHORT, *SLOW))
    yield _report("quota-2500", "ramp", "quota-2500", *LOCAL, tiny=SHORT)
    yield _report("scale", "scale", *LOCAL, tiny=FEW_CELLS)
    rates = ("--from", "400", "--to", "8000", "--trial", "6s")
    yield _report("capacity", "capacity", "stream-1000", *LOCAL, *rates, tiny=(*ONE_RATE, *SMALL))
    steps = ("--rates", "50,100,200,400,600,800", "--trial", "8s")
    yield _report("sweep", "sweep", "query", *LOCAL, *steps, tiny=("--rates", "20", "--trial", "1s", *SMALL))
    yield _benchmark("micro", "loadtests.bench", "--seconds", "0.3", tiny=("-k", "sign", *FASTEST))
    yield _benchmark("peers", "loadtests.peers")
    one_server = ("local", "--sizes", "500", "--dimension", "8", "--queries", "5", "--starts", "1")
    yield Sample(
        "servers",
        ("loadtests.servers",),
        REPORTS / "servers.jsonl",
        programs=JAVA_PROGRAMS,
        tiny=one_server,
    )
    for name in ("put", "doctor", "demo"):
        yield _transcript(name, ".txt")
    yield _transcript("lambda", ".json")
    for name in ("writes", "abort", "max-cost"):
        yield _transcript(name, ".jsonl")


def _report(name: str, *arguments: str, tiny: tuple[str, ...]) -> Sample:
    return Sample(name, ("vecgate", *arguments), REPORTS / f"{name}.jsonl", tiny=tiny)


def _benchmark(name: str, *program: str, tiny: tuple[str, ...] | None = None) -> Sample:
    file = Path("loadtests") / name / "results" / f"{name}.jsonl"
    return Sample(name, program, file, copy=REPORTS / f"{name}.jsonl", tiny=tiny)


def _transcript(name: str, suffix: str) -> Sample:
    # A run that `--max-cost` ends is inconclusive, which is what that transcript shows.
    return Sample(
        name,
        ("loadtests.samples.transcripts", name),
        RUNS / f"{name}{suffix}",
        result_option=(),
        must_be_conclusive=name != "max-cost",
    )
