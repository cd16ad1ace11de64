"""From what was measured to records, and from records to a table. Does nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from loadtests.peers.contenders import BASELINE, Contender, Work

from vecgate.results.benchmarks import PeerRun
from vecgate.results.records import Header, Stream

BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
HEAD = (
    "| client | version | vectors | vectors/s | CPU s / 1,000 | × less CPU | bytes / vector | peak MB |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|"
)
SAMPLE = re.compile(r"^(\w+)(?:{([^}]*)})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the endpoint has counted: vectors put, and bytes of bodies that came in."""

    vectors: int
    bytes_in: int

    def since(self, before: Seen) -> Seen:
        """What came after *before*."""
        return Seen(self.vectors - before.vectors, self.bytes_in - before.bytes_in)


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one client.

    version         of it
    wall_s, cpu_s   that the work took, the processor's in all threads
    peak_memory_mb  of its process, in units of 10^6 bytes
    """

    version: str
    wall_s: float
    cpu_s: float
    peak_memory_mb: float


def seen_in(metrics: str) -> Seen:
    """What the endpoint's *metrics* say."""
    values = {(name, labels): value for name, labels, value in SAMPLE.findall(metrics)}
    vectors = values.get(("vecgate_written_vectors_total", 'operation="PutVectors"'), "0")
    return Seen(int(vectors), int(values["vecgate_request_body_bytes_total", ""]))


def record_of(contender: Contender, work: Work, samples: Sequence[Sample], seen: Sequence[Seen]) -> PeerRun:
    """The medians of the rounds of one client, or why there are none."""
    wanted = work.rows * contender.passes
    wrong = [each.vectors for each in seen if each.vectors != wanted]
    if wrong:
        return problem(contender, work, f"{wrong[0]:,} vectors arrived, {wanted:,} were sent")
    return PeerRun(
        client=contender.name,
        version=samples[0].version,
        work=work.name,
        vectors=wanted,
        dimension=work.dimension,
        vectors_per_s=round(wanted / median(each.wall_s for each in samples), 1),
        cpu_s_per_1000=round(median(each.cpu_s for each in samples) / wanted * 1000, 5),
        bytes_per_vector=round(median(each.bytes_in for each in seen) / wanted, 1),
        peak_memory_mb=round(median(each.peak_memory_mb for each in samples), 1),
    )


def problem(contender: Contender, work: Work, told: str) -> PeerRun:
    """A client without numbers."""
    return PeerRun(client=contender.name, work=work.name, dimension=work.dimension, problem=told)


def table(stream: Stream) -> str:
    """The peers in Markdown: where it was measured, then work by work, the baseline first."""
    lines = [_machine(stream.header)]
    runs = stream.of(PeerRun)
    works = list(dict.fromkeys(run.work for run in runs))
    for work, group in groupby(sorted(runs, key=lambda run: works.index(run.work)), key=lambda run: run.work):
        lines += ["", f"**{work}**", "", HEAD, *_rows(list(group))]
    return "\n".join(lines) + "\n"


def put_into(page: str, made: str) -> str:
    """*page* with *made* between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{made}{END}{after}"


def _machine(header: Header) -> str:
    about, versions = header.environment, header.versions
    return (
        f"{header.started_at[:10]}, {about['cores']} cores of {about['processor']}, Python "
        f"{versions['python']}; medians of {header.options['rounds']} rounds."
    )


def _rows(runs: Iterable[PeerRun]) -> list[str]:
    ordered = sorted(runs, key=lambda run: (run.client != BASELINE, bool(run.problem), -run.cpu_s_per_1000))
    baseline = next((run for run in ordered if run.client == BASELINE and not run.problem), None)
    return [_row(run, baseline) for run in ordered]


def _row(run: PeerRun, baseline: PeerRun | None) -> str:
    if run.problem:
        return f"| {run.client} | | | | | | | {run.problem} |"
    less = f"{baseline.cpu_s_per_1000 / run.cpu_s_per_1000:.1f}" if baseline and run.cpu_s_per_1000 else ""
    return (
        f"| {run.client} | {run.version} | {run.vectors:,} | {run.vectors_per_s:,.0f} "
        f"| {run.cpu_s_per_1000:.3f} | {less} | {run.bytes_per_vector:,.0f} | {run.peak_memory_mb:,.0f} |"
    )
