"""Requirements from the results of their cases: a parametrised test has many cases and one requirement.

Scores count requirements, so that a requirement with 140 cases weighs no more than one with a single case.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vecgate.results.records import Result

#: The outcome of a requirement is the first of these that one of its cases has.
WORST_FIRST = ("failed", "unexpected-pass", "deviation", "passed", "skipped", "unsupported")


def requirement_name(id_: str) -> str:
    """Return *id_* without the case: `keys.longest` for `keys.longest[GetVectors]`."""
    return id_.partition("[")[0]


def merge_cases(results: Sequence[Result]) -> list[Result]:
    """Return one result for each requirement and level: that of its worst case, with the id of no case.

    The evidence of a requirement may depend on the operation, so its cases may have several levels.
    """
    worst: dict[tuple[str, str], Result] = {}
    for result in results:
        key = requirement_name(result.id), result.level
        known = worst.get(key)
        if known is None or WORST_FIRST.index(result.outcome) < WORST_FIRST.index(known.outcome):
            worst[key] = result
    return [msgspec.structs.replace(result, id=name) for (name, _), result in worst.items()]
