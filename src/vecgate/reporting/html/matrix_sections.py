"""Sections of the compatibility page: capabilities, most common causes, and speed of each target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from botocore import xform_name

from vecgate.formatting import format_number, format_seconds
from vecgate.gate.requirement_outcomes import merge_cases
from vecgate.gate.requirement_rules import LEVELS
from vecgate.reporting.failure_causes import find_causes
from vecgate.reporting.html.matrix_rows import MatrixCell
from vecgate.reporting.operation_matrix import FAILURES, build_row, deviation_reasons
from vecgate.results.benchmark_records import Benchmark
from vecgate.results.records import Result, Stream
from vecgate.targets.capabilities import CAPABILITIES

CAUSES_MAX = 5
#: Starts of the ids of requirements about a capability, beside those of its operations.
REQUIREMENTS_OF: Mapping[str, tuple[str, ...]] = {
    "auth": (
        *("wire.unsigned", "wire.bad-signature", "wire.garbled-signature"),
        *("wire.altered-", "wire.wrong-region", "wire.wrong-service"),
    ),
    "tags": ("tags.",),
    "text": ("text.",),
    "segments": ("list-vectors.segment",),
    "kms": ("encryption.",),
}
#: Groups of benchmarks that `loadtests.servers` measures begin with these words.
START, PUT, QUERY = "start", "put into ", "query "


@dataclass(frozen=True, slots=True)
class MatrixCause:
    """A likely cause of failures, or the reason of a known deviation, which may end with a link.

    count   number of requirements
    source  the page that states the first of these requirements; empty for a known deviation
    """

    title: str
    level: str
    count: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class SectionRow:
    """A row with a cell for each target."""

    name: str
    cells: tuple[MatrixCell, ...]


def top_causes(results: Sequence[Result]) -> list[MatrixCause]:
    """Return the causes with the most requirements, those of level must first."""
    failures = [each for each in results if each.outcome in FAILURES]
    causes = [
        MatrixCause(each.title, each.level, len(each.requirements), each.results[0].source)
        for each in find_causes(failures)
    ]
    deviations = [each for each in merge_cases(results) if each.outcome == "deviation"]
    for reason, count in deviation_reasons(deviations):
        levels = {each.level for each in deviations if each.reason == reason}
        causes.append(MatrixCause(reason, min(levels, key=LEVELS.index), count))
    return sorted(causes, key=lambda each: (each.level != "must", -each.count, each.title))[:CAUSES_MAX]


def capability_rows(streams: Sequence[Stream]) -> list[SectionRow]:
    """Return a row for each capability that one of the targets does not support.

    A target that does not say that it lacks a capability need not have it: its cell shows what passed.
    """
    names = sorted({name for stream in streams for name in stream.header.unsupported})
    return [SectionRow(name, tuple(_capability_cell(name, stream) for stream in streams)) for name in names]


def _capability_cell(name: str, stream: Stream) -> MatrixCell:
    if name in stream.header.unsupported:
        return MatrixCell("none", "–", "not supported")
    prefixes = (
        *(f"{xform_name(operation).replace('_', '-')}." for operation in CAPABILITIES.get(name, ())),
        *REQUIREMENTS_OF.get(name, ()),
    )
    row = build_row(name, [each for each in stream.run.results if each.id.startswith(prefixes)])
    passed, judged = row.passed.total(), row.judged.total()
    if not judged:
        return MatrixCell("none", "–", "not tested")
    kind = "all" if passed == judged else "some" if passed else "failed"
    return MatrixCell(kind, f"{passed:,}/{judged:,}", "passed")


def speed_rows(targets: Sequence[str], measured: Iterable[Stream]) -> list[SectionRow]:
    """Return the speed of *targets* in the benchmarks *measured*; empty if none of them was measured.

    The note of a cell is its value relative to the baseline of the benchmark, which is another target.
    """
    groups: dict[str, dict[str, Benchmark]] = {}
    for stream in measured:
        for each in stream.of(Benchmark):
            if each.name in targets:
                groups.setdefault(each.group, {})[each.name] = each
    rows: list[SectionRow] = []
    for group, found in sorted(groups.items(), key=lambda item: _order(item[0])):
        if group == START:
            rows.append(_row("start until the first answer", targets, found, _median_s, format_seconds))
        elif group.startswith(PUT):
            what = group.removeprefix(PUT)
            rows.append(_row(f"put, up to {what}", targets, found, _vectors_per_s, _format_rate))
            rows.append(_row(f"memory with {what}", targets, found, lambda it: it.memory_mb, _format_mb))
        elif group.startswith(QUERY):
            what = group.removeprefix(QUERY)
            rows.append(_row(f"query p50, {what}", targets, found, _median_s, format_seconds))
            rows.append(_row(f"query p99, {what}", targets, found, _p99_s, format_seconds))
    return rows


def _order(group: str) -> tuple[int, int, str]:
    """Return the sort key of a group: start, put, query; each by the number of vectors."""
    kind = next((number for number, word in enumerate((START, PUT, QUERY)) if group.startswith(word)), 3)
    digits = "".join(letter for letter in group.partition("×")[0] if letter.isdigit())
    return kind, int(digits or 0), group


def _row(
    name: str,
    targets: Sequence[str],
    found: dict[str, Benchmark],
    measure: Callable[[Benchmark], float],
    format_value: Callable[[float], str],
) -> SectionRow:
    baseline = next((each for each in found.values() if each.is_baseline), None)
    cells: list[MatrixCell] = []
    for target in targets:
        record = found.get(target)
        if record is None or not measure(record):
            cells.append(MatrixCell("none", "–", "not measured"))
            continue
        note = ""
        if baseline is not None and record is not baseline and measure(baseline):
            note = f"{format_number(measure(record) / measure(baseline))} × {baseline.name}"
        cells.append(MatrixCell("plain", format_value(measure(record)), note))
    return SectionRow(name, tuple(cells))


def _median_s(record: Benchmark) -> float:
    return median(record.times_s) if record.times_s else record.median_s


def _p99_s(record: Benchmark) -> float:
    if len(record.times_s) < 2:  # noqa: PLR2004 - no quantile of one value
        return 0.0
    return quantiles(record.times_s, n=100, method="inclusive")[98]


def _vectors_per_s(record: Benchmark) -> float:
    total_s = sum(record.times_s)
    return record.vectors * len(record.times_s) / total_s if total_s else 0.0


def _format_rate(value: float) -> str:
    return f"{format_number(value)} vectors/s"


def _format_mb(value: float) -> str:
    return f"{format_number(value)} MB"
