from __future__ import annotations

import msgspec
import pytest
from load_streams import capacity_stream, foot, head

from vecgate.errors import SourceError
from vecgate.gate.compare import compare, line_of_comparison
from vecgate.gate.limits import Limit
from vecgate.results.load import Capacity, Trial
from vecgate.results.records import Stream

FOUND = capacity_stream()


def grades(base: Stream, head_: Stream) -> dict[str, str]:
    return {each.name: each.grade for each in compare(base, head_).found}


def searched(*trials: tuple[float, bool], **last: object) -> Stream:
    """A search that found no rate: what it tried, and whether that held."""
    made = [
        Trial(number=number, phase="bracket", rate_per_s=rate, held=held)
        for number, (rate, held) in enumerate(trials, start=1)
    ]
    if last:
        made[-1] = msgspec.structs.replace(made[-1], **last)
    return Stream(head("capacity"), tuple(made), foot(60.0))


def capacity(rate: float, failed: float | None) -> Stream:
    return Stream(head("capacity"), (Capacity(rate_per_s=rate, failed_per_s=failed),), foot(60.0))


@pytest.mark.parametrize(
    ("rate", "failed", "grade"),
    [
        (2_380, 2_590, "same"),
        (2_200, 2_400, "doubt"),
        (1_800, 2_000, "worse"),
        (3_000, 3_200, "better"),
        (3_000, None, "better"),
    ],
)
def test_a_capacity_lies_between_what_held_and_what_did_not(
    rate: float, failed: float | None, grade: str
) -> None:
    """Two that overlap may be the same."""
    assert grades(capacity(2_380, 2_590), capacity(rate, failed)) == {"capacity": grade}


@pytest.mark.parametrize("limits", [(), (Limit("", 0.5),), (Limit("capacity", 0.5),)])
@pytest.mark.parametrize("tried", [((500, False),), ((500, True), (500, False))], ids=["at-once", "refuted"])
def test_where_no_rate_held_any_more_the_capacity_is_gone(
    tried: tuple[tuple[float, bool], ...], limits: tuple[Limit, ...]
) -> None:
    """No regression is worse, and no limit allows it."""
    found = compare(FOUND, searched(*tried), limits)
    assert [(each.grade, each.reason) for each in found.changes] == [("gone", "no rate held")]
    assert found.verdict.grade == "failed"
    assert line_of_comparison(found).endswith("capacity is gone: no rate held")


@pytest.mark.parametrize(
    ("head_", "reason"),
    [
        (
            searched((500, False), is_invalid=True, reason="the generator was at its limit"),
            "the search in the head found no rate: the generator was at its limit",
        ),
        (
            searched((500, True), (1_000, False)),
            "the search in the head found no rate: its trials were not enough",
        ),
        (Stream(head("capacity"), (), None), "the run in the head did not end"),
    ],
    ids=["generator", "exhausted", "cut-off"],
)
def test_where_a_search_came_to_nothing_the_target_is_not_judged(head_: Stream, reason: str) -> None:
    """That no rate was found is not that none held."""
    found = compare(FOUND, head_)
    assert found.verdict.grade == "unjudged"
    assert line_of_comparison(found) == f"NOT JUDGED  {reason}"


def test_a_base_that_found_nothing_is_refused() -> None:
    """There is nothing to hold the other against."""
    with pytest.raises(SourceError, match="search in the base found no rate"):
        compare(searched((500, False)), FOUND)
