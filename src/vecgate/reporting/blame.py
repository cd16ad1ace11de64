"""Which cases of a run fail for CI: those that keep the verdict from a pass, no more and no fewer.

A gate passes where no case fails, whatever the rules and the baseline; one that does not pass has a case that
says why.
"""

from __future__ import annotations

from collections.abc import Sequence

from vecgate.gate.verdict import Check, Verdict
from vecgate.results.records import Result

FAILING = frozenset({"failed", "outgrown"})


def excused_in(results: Sequence[Result], verdict: Verdict) -> frozenset[str]:
    """The ids of the requirements that failed and that *verdict* does not hold against the run."""
    blamed = {name for check in _unmet(verdict) for blame in check.ids for name in _names(blame)}
    return _failing(results) - blamed


def unexplained_in(results: Sequence[Result], verdict: Verdict) -> list[Check]:
    """The checks that rest on more than requirements that failed: each is a case of its own."""
    failing = _failing(results)
    return [
        check
        for check in _unmet(verdict)
        if not check.ids or any(map(failing.isdisjoint, map(_names, check.ids)))
    ]


def _unmet(verdict: Verdict) -> list[Check]:
    return [check for check in verdict.checks if check.grade != "passed"]


def _failing(results: Sequence[Result]) -> frozenset[str]:
    return frozenset(result.id for result in results if result.outcome in FAILING)


def _names(blame: str) -> tuple[str, str]:
    """What the requirement may be that *blame* begins with: it may go on with a colon and what is wrong."""
    return blame, blame.partition(": ")[0]
