"""How much worse a figure may get, as people write it: `10%`, `p99=10%`, `direct sender=5%`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.gate.changes import Change
from vecgate.gate.verdict import Check

_LIMIT = re.compile(r"(?:(.*\S)\s*=)?\s*(\d+(?:\.\d+)?)\s*%")
NAMED = 12
#: From so many per cent on nobody reads a decimal.
WHOLE = 100


@dataclass(frozen=True, slots=True)
class Limit:
    """How much worse the figures may be that have *part* in their name; empty, those that no other names.

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

    def is_passed_by(self, change: Change) -> bool:
        """Whether *change* is worse than this allows, chance not considered.

        A limit for all is a part of times and prices. Errors are no matter of a tenth of all requests more:
        a share that no limit names must not be worse beyond noise.
        """
        if change.unit == "%" and not self.part:
            return change.grade == "worse"
        return change.worse_by > self.allowed

    def __str__(self) -> str:
        return f"{self.part or 'all'} at most {self.allowed * 100:g} % worse"


def limit_checks(limits: Sequence[Limit], changes: Sequence[Change]) -> list[Check]:
    """A check for each of *limits*. Raises UsageError where one is for nothing."""
    named = [limit.part for limit in limits if limit.part]
    return [_check(limit, _governed(limit, named, changes)) for limit in limits]


def _governed(limit: Limit, named: Sequence[str], changes: Sequence[Change]) -> list[Change]:
    if not limit.part:
        return [change for change in changes if not any(part in change.name for part in named)]
    if found := [change for change in changes if limit.part in change.name]:
        return found
    known = ", ".join(change.name for change in changes[:NAMED])
    more = f" and {len(changes) - NAMED:,} more" if len(changes) > NAMED else ""
    raise UsageError(f"no figure has {limit.part!r} in its name", hint=f"There are {known}{more}.")


def _check(limit: Limit, changes: Sequence[Change]) -> Check:
    over = [change for change in changes if limit.is_passed_by(change)]
    blamed = [
        *(told(change) for change in over if change.is_worse),
        *(f"{change.name} is gone" for change in changes if change.grade == "gone"),
    ]
    doubted = [
        f"{told(change)} ({change.reason or 'which may be chance'})" for change in over if not change.is_worse
    ]
    number = figures(len(changes))
    if blamed:
        return Check(str(limit), f"{len(blamed):,} of {number} worse than allowed", "failed", tuple(blamed))
    if doubted:
        return Check(str(limit), f"{len(doubted):,} of {number} in doubt", "unjudged", tuple(doubted))
    return Check(str(limit), f"none of {number} is worse than allowed", "passed")


def told(change: Change) -> str:
    """A change that counts, in a few words: `p99(PutVectors) is 14.6 % worse`."""
    much = change.worse_by * 100
    number = f"{much:,.0f}" if much >= WHOLE else f"{much:.3g}"
    return f"{change.name} is {number} {'points' if change.unit == '%' else '%'} worse"


def figures(number: int) -> str:
    """Such as `1 figure`, `12 figures`."""
    return f"{number:,} figure" if number == 1 else f"{number:,} figures"
