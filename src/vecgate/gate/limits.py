"""How much worse a figure may get, as people write it: `10%`, `p99=10%`, `direct sender=5%`.

Limits excuse nothing but what they name. A time or a price that none of them names may get worse; a share of
what went wrong (achieved, dropped, errors, throttled) may not, or a run in which half the requests fail would
pass for its p99. Of several limits that name a figure, the one with the longest name is for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.gate.changes import Change
from vecgate.gate.verdict import Check

_LIMIT = re.compile(r"(?:(.*\S)\s*=)?\s*(\d+(?:\.\d+)?)\s*%")
NAMED = 12
#: From so many per cent on nobody reads a decimal.
WHOLE = 100
WAY_OUT = "measure longer, or limit another"


@dataclass(frozen=True, slots=True)
class Limit:
    """How much worse the figures may be that have *part* in their name; empty, times and prices of any name.

    allowed  a part of what it was; where the unit is %, of the whole
    """

    part: str
    allowed: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """The limit that *text* says. Raises UsageError."""
        match = _LIMIT.fullmatch(text.strip())
        if match is None:
            raise UsageError(
                f"{text!r} is no limit",
                hint="A limit reads `10%` for all figures, or `p99=10%` for those with p99 in their name.",
            )
        return cls((match[1] or "").strip(), float(match[2]) / 100)

    def names(self, change: Change) -> bool:
        """Whether it is for *change*: what may get `10%` worse is no share of what went wrong."""
        return self.part in change.name if self.part else not change.is_share

    def __str__(self) -> str:
        return f"{self.part or 'all'} at most {self.allowed * 100:g} % worse"


def check_limits(limits: Iterable[Limit], names: Iterable[str]) -> None:
    """Raise UsageError where one of *limits* is for no figure of *names*."""
    known = list(names)
    for limit in limits:
        if limit.part and not any(limit.part in name for name in known):
            more = f" and {len(known) - NAMED:,} more" if len(known) > NAMED else ""
            raise UsageError(
                f"no figure has {limit.part!r} in its name",
                hint=f"There are {', '.join(known[:NAMED]) or 'none'}{more}.",
            )


def limit_checks(limits: Sequence[Limit], changes: Sequence[Change]) -> list[Check]:
    """A check for each of *limits*, and one for the shares that none of them names.

    Raises UsageError where a limit is for nothing.
    """
    check_limits(limits, [change.name for change in changes])
    ruled = [(change, _limit_of(change, limits)) for change in changes]
    checks = [
        _check(limit, [change for change, its in ruled if its == limit]) for limit in dict.fromkeys(limits)
    ]
    others = [change for change, its in ruled if its is None and change.is_share]
    return [*checks, *([noise_check(others, "other shares")] if others else [])]


def noise_check(changes: Sequence[Change], name: str = "beyond noise") -> Check:
    """What holds without a limit: nothing is worse beyond noise, and nothing is gone."""
    worse = [told(change) for change in changes if change.grade == "worse"]
    blamed, number = (*worse, *_gone(changes)), figures(len(changes))
    if not blamed and all(change.reason for change in changes):
        return Check(name, f"nothing can be told: {changes[0].reason}", "unjudged")
    if not blamed:
        return Check(name, f"none of {number} is worse beyond noise", "passed")
    return Check(name, f"{len(blamed):,} of {number} worse beyond noise", "failed", blamed)


def _limit_of(change: Change, limits: Sequence[Limit]) -> Limit | None:
    """The most exact of *limits* that names *change*; of two as exact, the stricter."""
    naming = (limit for limit in limits if limit.names(change))
    return max(naming, key=lambda limit: (len(limit.part), -limit.allowed), default=None)


def _check(limit: Limit, changes: Sequence[Change]) -> Check:
    over = [change for change in changes if change.worse_by > limit.allowed]
    blamed = (*(told(change) for change in over if change.is_worse), *_gone(changes))
    untold = tuple(f"{change.name}: {change.reason}" for change in changes if change.is_untold)
    doubted = tuple(
        f"{told(change)} ({change.reason or 'which may be chance'})" for change in over if not change.is_worse
    )
    number = figures(len(changes))
    if blamed:
        return Check(str(limit), f"{len(blamed):,} of {number} worse than allowed", "failed", blamed)
    # What was named was to be looked at. Of all figures, some may be told and others not.
    if untold and (limit.part or len(untold) == len(changes)):
        measured = f"{len(untold):,} of {number} cannot be told ({WAY_OUT})"
        return Check(str(limit), measured, "unjudged", untold)
    if doubted:
        return Check(str(limit), f"{len(doubted):,} of {number} in doubt", "unjudged", doubted)
    return Check(str(limit), f"none of {number} is worse than allowed", "passed")


def _gone(changes: Iterable[Change]) -> list[str]:
    gone = [change for change in changes if change.grade == "gone"]
    return [f"{each.name} is gone" + (f": {each.reason}" if each.reason else "") for each in gone]


def told(change: Change) -> str:
    """A change that counts, in a few words: `p99(PutVectors) is 14.6 % worse`."""
    much = change.worse_by * 100
    number = f"{much:,.0f}" if much >= WHOLE else f"{much:.3g}"
    return f"{change.name} is {number} {'points' if change.is_share else '%'} worse"


def figures(number: int) -> str:
    """Such as `1 figure`, `12 figures`."""
    return f"{number:,} figure" if number == 1 else f"{number:,} figures"
