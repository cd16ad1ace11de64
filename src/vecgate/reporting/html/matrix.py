"""The compatibility page: what each of several targets keeps, side by side, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.gate.rules import LEVELS
from vecgate.reporting.html.conditions import versions_in
from vecgate.reporting.html.conformance import KNOWN_ONLY, known_in
from vecgate.reporting.html.headline import Headline, headline_of
from vecgate.reporting.html.matrix_rows import MatrixCell, rows_of
from vecgate.reporting.html.requirements import STATES
from vecgate.reporting.html.templating import page
from vecgate.reporting.matrix import Row, row_of
from vecgate.reporting.wording import moment
from vecgate.results.records import Outcome, Stream

OUTCOME_MARKS: Mapping[Outcome, str] = {
    "passed": "✓",
    "failed": "✗",
    "outgrown": "✗",
    "deviation": "≠",
    "unsupported": "–",
    "skipped": "–",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A column: the target, when and how it was measured, and why it is known to differ.

    page  with its evidence, empty where there is none
    """

    name: str
    stream: Stream
    page: str
    headline: Headline
    total: Row
    reasons: tuple[tuple[str, int], ...]

    @property
    def measured(self) -> str:
        """When it was measured."""
        return moment(self.stream.header.started_at)

    @property
    def versions(self) -> str:
        """What it was, where that is known, and what measured it."""
        return versions_in(self.stream.header) or "with no known version of vecgate"


def render_matrix(
    streams: Sequence[Stream], unreadable: Sequence[str] = (), pages: Sequence[str] = ()
) -> str:
    """The page of the conformance runs *streams*; *pages* are their own, empty where one has none.

    Raises UsageError where a stream is of another kind, or there is none.
    """
    others = sorted({stream.header.kind for stream in streams if stream.header.kind != "conformance"})
    if others or not streams:
        told = f"a {others[0]} run is none" if others else "there is none"
        raise UsageError(f"the compatibility matrix is made of conformance runs: {told}")
    pages = pages or [""] * len(streams)
    names = _names(streams)
    targets = [_target(*each) for each in zip(streams, names, pages, strict=True)]
    return page(
        "matrix.html.j2",
        title="Compatibility",
        targets=targets,
        rows=rows_of(streams, pages),
        on_pass=KNOWN_ONLY if any(target.reasons for target in targets) else "",
        levels=[(level, [_level(target.total, level) for target in targets]) for level in LEVELS],
        marks=OUTCOME_MARKS,
        states=STATES,
        unreadable=unreadable,
    )


def _names(streams: Sequence[Stream]) -> Iterator[str]:
    """The targets' names, told apart by the run where two are the same."""
    names = [stream.header.target for stream in streams]
    for stream, name in zip(streams, names, strict=True):
        yield name if names.count(name) == 1 else f"{name} ({stream.header.run})"


def _target(stream: Stream, name: str, href: str) -> Target:
    results = stream.run.results
    return Target(
        name, stream, href, headline_of(stream), row_of("in all", results), tuple(known_in(results))
    )


def _level(total: Row, level: str) -> MatrixCell:
    judged, passed = total.judged[level], total.passed[level]
    kind = "none" if not judged else "all" if passed == judged else "some"
    return MatrixCell(kind, total.share(level) or "–", f"{100 * passed / judged:.1f} %" if judged else "")
