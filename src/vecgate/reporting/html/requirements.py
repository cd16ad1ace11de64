"""The requirements of a run in the lines of a page: cases that came out alike are one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vecgate.reporting.html.detail import Detail, details_of
from vecgate.results.records import Outcome, Result

#: Outcome to what a reader calls it, the worst first.
STATES: Mapping[Outcome, str] = {
    "failed": "failed",
    "outgrown": "outgrown",
    "deviation": "known deviation",
    "unsupported": "not offered",
    "skipped": "not tested",
    "passed": "passed",
}
#: Where there are more, those of one test are one whatever their reasons.
ROWS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement and those of its cases that came out alike.

    first   of them, whose words stand for all; *cases*, their names, empty where it has none
    source  number of its source, from 1
    detail  its evidence, None where there is none or no room for it
    """

    first: Result
    id: str
    cases: tuple[str, ...]
    source: int
    detail: Detail | None

    @property
    def count(self) -> int:
        """How many requirements it stands for."""
        return max(len(self.cases), 1)


def requirements_of(results: Sequence[Result]) -> list[Requirement]:
    """*results* with cases of one test that came out alike as one, the worst first."""
    alike = _alike(results, lambda result: result.reason)
    if len(alike) > ROWS_MAX:
        alike = _alike(results, lambda _: "")
    worst = {state: order for order, state in enumerate(STATES)}
    found = sorted(alike.values(), key=lambda alike: worst[alike[0].outcome])
    details = details_of([alike[0] for alike in found])
    numbers = {source: number for number, source in enumerate(sources_of(results), start=1)}
    return [_requirement(alike, numbers[alike[0].source], details) for alike in found]


def sources_of(results: Sequence[Result]) -> tuple[str, ...]:
    """Where the requirements stand, each place once."""
    return tuple(dict.fromkeys(result.source for result in results))


def _alike(results: Sequence[Result], reason: Callable[[Result], str]) -> dict[tuple[str, ...], list[Result]]:
    alike: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        key = (result.id.partition("[")[0], result.level, result.outcome, reason(result))
        alike.setdefault(key, []).append(result)
    return alike


def _requirement(alike: Sequence[Result], source: int, details: Mapping[str, Detail]) -> Requirement:
    first = alike[0]
    base, _, case = first.id.partition("[")
    cases = tuple(each.id[len(base) + 1 :].removesuffix("]") for each in alike) if case else ()
    return Requirement(first, base, cases, source, details.get(first.id))
