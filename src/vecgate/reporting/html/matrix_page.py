"""The compatibility page: conformance runs of several targets side by side, and their differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.formatting import format_timestamp
from vecgate.gate.requirement_rules import LEVELS
from vecgate.reporting.html.headline import Headline, build_headline
from vecgate.reporting.html.matrix_rows import MARKS, MatrixCell, build_matrix_rows
from vecgate.reporting.html.matrix_sections import MatrixCause, capability_rows, speed_rows, top_causes
from vecgate.reporting.html.requirement_rows import OUTCOME_LABELS
from vecgate.reporting.html.run_facts import format_versions
from vecgate.reporting.html.templating import render_template
from vecgate.reporting.html.views.conformance_view import KNOWN_DEVIATIONS_NOTE, REASONS_MAX
from vecgate.reporting.operation_matrix import OperationRow, build_row, deviation_reasons
from vecgate.results.records import Outcome, Stream

OUTCOME_MARKS: Mapping[Outcome, str] = {
    "passed": "✓",
    "failed": "✗",
    "unexpected-pass": "✗",
    "deviation": "≠",
    "unsupported": "–",
    "skipped": "–",
}


@dataclass(frozen=True, slots=True)
class MatrixTarget:
    """A column of the matrix.

    page        its report with the evidence, or empty
    causes      the most common ones of what does not pass
    deviations  reasons of known deviations with the number of requirements
    """

    name: str
    stream: Stream
    page: str
    headline: Headline
    total: OperationRow
    causes: tuple[MatrixCause, ...]
    deviations: tuple[tuple[str, int], ...]

    @property
    def measured_at(self) -> str:
        """Time of the run."""
        return format_timestamp(self.stream.header.started_at)

    @property
    def versions(self) -> str:
        """Versions of the target, if known, and of vecgate."""
        return format_versions(self.stream.header) or "unknown version of vecgate"


def render_matrix(
    streams: Sequence[Stream], unreadable: Sequence[str] = (), pages: Sequence[str] = ()
) -> str:
    """Return the page of the conformance runs in *streams*, with the speed in the benchmarks among them.

    unreadable  messages about files that could not be read
    pages       the report of each stream, empty if it has none

    Raises UsageError without any stream, or for a stream of another kind.
    """
    pages = pages or [""] * len(streams)
    measured = [stream for stream in streams if stream.header.kind == "benchmarks"]
    given = [each for each in zip(streams, pages, strict=True) if each[0].header.kind != "benchmarks"]
    streams, pages = [stream for stream, _ in given], [page for _, page in given]
    others = sorted({stream.header.kind for stream in streams if stream.header.kind != "conformance"})
    if others or not streams:
        problem = f"a {others[0]} run cannot be part of it" if others else "there is no run"
        raise UsageError(f"the compatibility matrix needs conformance runs: {problem}")
    targets = [_target(*each) for each in zip(streams, _names(streams), pages, strict=True)]
    return render_template(
        "matrix.html.j2",
        title="Compatibility",
        targets=targets,
        rows=build_matrix_rows(streams, pages),
        on_pass=KNOWN_DEVIATIONS_NOTE if any(target.deviations for target in targets) else "",
        levels=[(level, [_level_cell(target.total, level) for target in targets]) for level in LEVELS],
        capabilities=capability_rows(streams),
        speed=speed_rows([stream.header.target for stream in streams], measured),
        speed_note="; ".join(map(_conditions, measured)),
        cell_marks=MARKS,
        outcome_marks=OUTCOME_MARKS,
        outcome_labels=OUTCOME_LABELS,
        unreadable=unreadable,
    )


def _names(streams: Sequence[Stream]) -> Iterator[str]:
    """Return the names of the targets; with the id of the run if several targets have the same name."""
    names = [stream.header.target for stream in streams]
    for stream, name in zip(streams, names, strict=True):
        yield name if names.count(name) == 1 else f"{name} ({stream.header.run})"


def _target(stream: Stream, name: str, page: str) -> MatrixTarget:
    results = stream.run.results
    reasons = tuple(deviation_reasons(results)[:REASONS_MAX])
    causes = tuple(top_causes(results))
    return MatrixTarget(
        name, stream, page, build_headline(stream), build_row("total", results), causes, reasons
    )


def _conditions(stream: Stream) -> str:
    """Return when and how the speed in *stream* was measured."""
    header = stream.header
    facts = [
        format_timestamp(header.started_at),
        header.options.get("client", ""),
        header.environment.get("processor", ""),
        f"{header.environment.get('cores', '')} cores",
        f"load {load} at the start" if (load := header.environment.get("load")) else "",
        format_versions(header),
    ]
    return ", ".join(filter(None, facts))


def _level_cell(total: OperationRow, level: str) -> MatrixCell:
    judged, passed = total.judged[level], total.passed[level]
    kind = "none" if not judged else "all" if passed == judged else "some"
    note = f"{100 * passed / judged:.1f} %" if judged else ""
    return MatrixCell(kind, total.format_ratio(level) or "–", note)
