from __future__ import annotations

import msgspec
import pytest
from sample_streams import capacity_stream, foot, head

from vecgate.errors import SourceError
from vecgate.gate.compare.comparison import compare, comparison_line
from vecgate.gate.compare.regression_limits import Limit
from vecgate.results.load.load_records import Capacity, Trial
from vecgate.results.records import Stream

FOUND = capacity_stream()


def grades(base: Stream, head_: Stream) -> dict[str, str]:
    return {each.name: each.grade for each in compare(base, head_).all_changes}


def searched(*trials: tuple[float, bool], **last: object) -> Stream:
    """Return a search that found no rate, with its trials and whether they held."""
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
        (2_380, 2_590, "unchanged"),
        (2_200, 2_400, "unclear"),
        (1_800, 2_000, "regressed"),
        (3_000, 3_200, "improved"),
        (3_000, None, "improved"),
    ],
)
def test_a_capacity_is_between_the_rate_that_held_and_the_one_that_did_not(
    rate: float, failed: float | None, grade: str
) -> None:
    """Two that overlap may be equal."""
    assert grades(capacity(2_380, 2_590), capacity(rate, failed)) == {"capacity": grade}


@pytest.mark.parametrize("limits", [(), (Limit("", 0.5),), (Limit("capacity", 0.5),)])
@pytest.mark.parametrize("tried", [((500, False),), ((500, True), (500, False))], ids=["at-once", "refuted"])
def test_if_no_rate_held_the_capacity_is_missing(
    tried: tuple[tuple[float, bool], ...], limits: tuple[Limit, ...]
) -> None:
    """Nothing is worse than that, and no limit allows it."""
    found = compare(FOUND, searched(*tried), limits)
    assert [(each.grade, each.reason) for each in found.changes] == [("missing", "no rate held")]
    assert found.verdict.grade == "failed"
    assert comparison_line(found).endswith("capacity is missing: no rate held")


@pytest.mark.parametrize(
    ("head_", "reason"),
    [
        (
            searched((500, False), is_inconclusive=True, reason="the generator was at its limit"),
            "the search in the head found no rate: the generator was at its limit",
        ),
        (
            searched((500, True), (1_000, False)),
            "the search in the head found no rate: it had too few trials",
        ),
        (Stream(head("capacity"), (), None), "the run in the head did not end"),
    ],
    ids=["generator", "exhausted", "cut-off"],
)
def test_a_search_without_a_result_is_inconclusive(head_: Stream, reason: str) -> None:
    """It does not prove that no rate held."""
    found = compare(FOUND, head_)
    assert found.verdict.grade == "inconclusive"
    assert comparison_line(found) == f"INCONCLUSIVE  {reason}"


def test_a_base_without_a_result_is_an_error() -> None:
    """There is nothing to compare with."""
    with pytest.raises(SourceError, match="search in the base found no rate"):
        compare(searched((500, False)), FOUND)
