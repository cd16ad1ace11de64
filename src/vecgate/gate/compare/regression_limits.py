"""Limits for the regression of figures, as users write them: `10%`, `p99=10%`, `direct sender=5%`.

A limit applies to the figures that it names and to no others. Times and prices without a limit may regress.
Percentages without a limit (achieved, dropped, errors, throttled) may not, because a run in which half the
requests fail would otherwise pass for its p99. If several limits name a figure, the one with the longest name
applies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.formatting import format_count, format_number
from vecgate.gate.compare.changes import Change
from vecgate.gate.verdict import Check

_LIMIT = re.compile(r"(?:(.*\S)\s*=)?\s*(\d+(?:\.\d+)?)\s*%")
NAMED_MAX = 12
ADVICE = "measure longer, or limit another figure"


@dataclass(frozen=True, slots=True)
class Limit:
    """The regression allowed for figures whose name contains *part*. An empty part means all times and
    prices.

    allowed  relative to the base; the difference if the unit is %
    """

    part: str
    allowed: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Return the limit that *text* states. Raises UsageError."""
        match = _LIMIT.fullmatch(text.strip())
        if match is None:
            raise UsageError(
                f"{text!r} is not a limit",
                hint="Write `10%` for all times and prices, or `p99=10%` for figures with p99 in their name.",
            )
        return cls((match[1] or "").strip(), float(match[2]) / 100)

    def applies_to(self, change: Change) -> bool:
        """Return whether the limit is for *change*. One without a name is not for percentages."""
        return self.part in change.name if self.part else not change.is_percentage

    def __str__(self) -> str:
        return f"{self.part or 'all'}: at most {self.allowed * 100:g} % regression"


def check_limits(limits: Iterable[Limit], names: Iterable[str]) -> None:
    """Raise UsageError if one of *limits* is for none of the figures *names*."""
    known = list(names)
    for limit in limits:
        if limit.part and not any(limit.part in name for name in known):
            more = f" and {len(known) - NAMED_MAX:,} more" if len(known) > NAMED_MAX else ""
            raise UsageError(
                f"no figure has {limit.part!r} in its name",
                hint=f"The figures are {', '.join(known[:NAMED_MAX]) or 'none'}{more}.",
            )


def limit_checks(limits: Sequence[Limit], changes: Sequence[Change]) -> list[Check]:
    """Return a check for each of *limits*, and one for the percentages without a limit.

    Raises UsageError if a limit is for no figure.
    """
    check_limits(limits, [change.name for change in changes])
    applied = [(change, _limit_for(change, limits)) for change in changes]
    checks = [
        _check(limit, [change for change, own in applied if own == limit]) for limit in dict.fromkeys(limits)
    ]
    others = [change for change, own in applied if own is None and change.is_percentage]
    return [*checks, *([noise_check(others, "other percentages")] if others else [])]


def noise_check(changes: Sequence[Change], name: str = "beyond noise") -> Check:
    """Return the check without limits: no figure regressed beyond noise, and none is missing."""
    regressed = [describe_regression(change) for change in changes if change.grade == "regressed"]
    failed, number = (*regressed, *_missing(changes)), format_count(len(changes), "figure")
    if not failed and all(change.reason for change in changes):
        return Check(name, f"the noise of all figures is unknown: {changes[0].reason}", "inconclusive")
    if not failed:
        return Check(name, f"none of {number} regressed beyond noise", "passed")
    return Check(name, f"{len(failed):,} of {number} regressed beyond noise", "failed", failed)


def describe_regression(change: Change) -> str:
    """Return a regression in a few words: `p99(PutVectors) regressed by 14.6 %`."""
    unit = "points" if change.is_percentage else "%"
    return f"{change.name} regressed by {format_number(change.regression * 100)} {unit}"


def _limit_for(change: Change, limits: Sequence[Limit]) -> Limit | None:
    """Return the limit with the longest name for *change*; of two as long, the stricter."""
    applying = (limit for limit in limits if limit.applies_to(change))
    return max(applying, key=lambda limit: (len(limit.part), -limit.allowed), default=None)


def _check(limit: Limit, changes: Sequence[Change]) -> Check:
    over = [change for change in changes if change.regression > limit.allowed]
    failed = (*(describe_regression(change) for change in over if change.is_beyond_noise), *_missing(changes))
    unknown = tuple(f"{change.name}: {change.reason}" for change in changes if change.is_indeterminate)
    unclear = tuple(
        f"{describe_regression(change)} ({change.reason or 'which may be noise'})"
        for change in over
        if not change.is_beyond_noise
    )
    number = format_count(len(changes), "figure")
    if failed:
        return Check(str(limit), f"{len(failed):,} of {number} regressed more than allowed", "failed", failed)
    # A figure that a limit names must be measurable. Of all figures, some may not be.
    if unknown and (limit.part or len(unknown) == len(changes)):
        measured = f"the noise of {len(unknown):,} of {number} is unknown ({ADVICE})"
        return Check(str(limit), measured, "inconclusive", unknown)
    if unclear:
        return Check(str(limit), f"{len(unclear):,} of {number} unclear", "inconclusive", unclear)
    return Check(str(limit), f"none of {number} regressed more than allowed", "passed")


def _missing(changes: Iterable[Change]) -> list[str]:
    missing = [change for change in changes if change.grade == "missing"]
    return [f"{each.name} is missing" + (f": {each.reason}" if each.reason else "") for each in missing]
