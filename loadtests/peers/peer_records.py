"""Turns measurements into records, and records into a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from loadtests.peers.peer_clients import BASELINE, PeerClient, Workload

from vecgate.results.benchmark_records import PeerRun
from vecgate.results.records import Header, Stream

BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
TABLE_HEAD = (
    "| client | version | vectors | vectors/s | CPU s / 1,000 | × less CPU | bytes / vector | peak MB |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|"
)
METRIC = re.compile(r"^(\w+)(?:{([^}]*)})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class EndpointCounts:
    """Counters of the endpoint: vectors put, and bytes of request bodies."""

    vectors: int
    body_bytes: int

    def since(self, earlier: EndpointCounts) -> EndpointCounts:
        """Return the difference to *earlier* counts."""
        return EndpointCounts(self.vectors - earlier.vectors, self.body_bytes - earlier.body_bytes)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one client.

    version         of the client
    wall_s, cpu_s   duration of the work, and CPU time of all threads
    peak_memory_mb  of the process, in units of 10^6 bytes
    """

    version: str
    wall_s: float
    cpu_s: float
    peak_memory_mb: float


def parse_metrics(metrics: str) -> EndpointCounts:
    """Read the counts from the endpoint's *metrics*."""
    values = {(name, labels): value for name, labels, value in METRIC.findall(metrics)}
    vectors = values.get(("vecgate_written_vectors_total", 'operation="PutVectors"'), "0")
    return EndpointCounts(int(vectors), int(values["vecgate_request_body_bytes_total", ""]))


def build_record(
    client: PeerClient,
    workload: Workload,
    measurements: Sequence[Measurement],
    counts: Sequence[EndpointCounts],
) -> PeerRun:
    """Return the medians of the rounds, or a record with a problem if vectors were lost."""
    sent = workload.rows * client.passes
    wrong = [each.vectors for each in counts if each.vectors != sent]
    if wrong:
        return build_failed_record(client, workload, f"{wrong[0]:,} vectors arrived, {sent:,} were sent")
    return PeerRun(
        client=client.name,
        version=measurements[0].version,
        work=workload.name,
        vectors=sent,
        dimension=workload.dimension,
        vectors_per_s=round(sent / median(each.wall_s for each in measurements), 1),
        cpu_s_per_1000=round(median(each.cpu_s for each in measurements) / sent * 1000, 5),
        bytes_per_vector=round(median(each.body_bytes for each in counts) / sent, 1),
        peak_memory_mb=round(median(each.peak_memory_mb for each in measurements), 1),
    )


def build_failed_record(client: PeerClient, workload: Workload, problem: str) -> PeerRun:
    """Return the record of a client without numbers."""
    return PeerRun(client=client.name, work=workload.name, dimension=workload.dimension, problem=problem)


def format_table(stream: Stream) -> str:
    """Return the peers in Markdown: the machine, then a table per workload with the baseline first."""
    lines = [_format_machine(stream.header)]
    runs = stream.of(PeerRun)
    workloads = list(dict.fromkeys(run.work for run in runs))
    ordered = sorted(runs, key=lambda run: workloads.index(run.work))
    for workload, group in groupby(ordered, key=lambda run: run.work):
        lines += ["", f"**{workload}**", "", TABLE_HEAD, *_format_rows(list(group))]
    return "\n".join(lines) + "\n"


def replace_table(page: str, table: str) -> str:
    """Return *page* with *table* between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table}{END}{after}"


def _format_machine(header: Header) -> str:
    environment, versions = header.environment, header.versions
    return (
        f"{header.started_at[:10]}, {environment['cores']} cores of {environment['processor']}, Python "
        f"{versions['python']}; medians of {header.options['rounds']} rounds."
    )


def _format_rows(runs: Iterable[PeerRun]) -> list[str]:
    ordered = sorted(runs, key=lambda run: (run.client != BASELINE, bool(run.problem), -run.cpu_s_per_1000))
    baseline = next((run for run in ordered if run.client == BASELINE and not run.problem), None)
    return [_format_row(run, baseline) for run in ordered]


def _format_row(run: PeerRun, baseline: PeerRun | None) -> str:
    if run.problem:
        return f"| {run.client} | | | | | | | {run.problem} |"
    less = f"{baseline.cpu_s_per_1000 / run.cpu_s_per_1000:.1f}" if baseline and run.cpu_s_per_1000 else ""
    return (
        f"| {run.client} | {run.version} | {run.vectors:,} | {run.vectors_per_s:,.0f} "
        f"| {run.cpu_s_per_1000:.3f} | {less} | {run.bytes_per_vector:,.0f} | {run.peak_memory_mb:,.0f} |"
    )
