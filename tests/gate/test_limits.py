from __future__ import annotations

import pytest

from vecgate.errors import UsageError
from vecgate.gate.changes import Change, Interval
from vecgate.gate.limits import Limit, check_limits, figures, limit_checks, told

SURE, WIDE = Interval(0.01, 0.9), Interval(-0.1, 0.9)


def change(name: str, worse_by: float, between: Interval | None = SURE, **more: object) -> Change:
    unit = str(more.pop("unit", "ms"))
    return Change(name, unit, 1.0, 1.0 + worse_by, worse_by, between, **more)  # type: ignore[arg-type]  # any, for short tables


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("10%", Limit("", 0.1)),
        (" 2.5 % ", Limit("", 0.025)),
        ("p99=10%", Limit("p99", 0.1)),
        ("p99(PutVectors) = 0%", Limit("p99(PutVectors)", 0.0)),
        ("put 500 x 1024/direct sender=5%", Limit("put 500 x 1024/direct sender", 0.05)),
        ("a=b=5%", Limit("a=b", 0.05)),
    ],
)
def test_a_limit_is_read(text: str, limit: Limit) -> None:
    """A part of a name, and how much; without a name, all."""
    assert Limit.parse(text) == limit


@pytest.mark.parametrize(
    "text", ["", "10", "p99", "p99=", "p99=10", "p99>10%", "=10%", "p99=-1%", "p99=ten%"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    """With one that is."""
    with pytest.raises(UsageError, match="is no limit") as caught:
        Limit.parse(text)
    assert "p99=10%" in caught.value.hint


@pytest.mark.parametrize(
    ("found", "grade", "blamed"),
    [
        (change("p99(A)", 0.10), "passed", ()),
        (change("p99(A)", 0.11), "failed", ("p99(A) is 11 % worse",)),
        (change("p99(A)", -0.5, Interval(-0.6, -0.4)), "passed", ()),
        (
            change("p99(A)", 0.5, Interval(-0.1, 0.9)),
            "unjudged",
            ("p99(A) is 50 % worse (which may be chance)",),
        ),
        (
            change("p99(A)", 0.5, None, reason="4 are too few"),
            "unjudged",
            ("p99(A): 4 are too few",),
        ),
        (change("p99(A)", 0.01, None, reason="4 are too few"), "unjudged", ("p99(A): 4 are too few",)),
        (change("p99(A)", 0.0, None, grade="gone"), "failed", ("p99(A) is gone",)),
    ],
    ids=["at-it", "over", "better", "doubt", "unknown", "unknown-but-near", "gone"],
)
def test_a_limit_is_held(found: Change, grade: str, blamed: tuple[str, ...]) -> None:
    """Worse than allowed beyond noise fails; where it may be chance, or cannot be told, that is no pass."""
    (check,) = limit_checks([Limit("p99", 0.1)], [found, change("p50(A)", 5.0)])
    assert (check.grade, check.ids) == (grade, blamed)


def test_a_limit_for_all_is_for_those_that_no_other_names() -> None:
    """The more special one counts."""
    found = [change("p99(A)", 0.3), change("p50(A)", 0.2)]
    every, one = limit_checks([Limit("", 0.1), Limit("p99", 0.5)], found)
    assert (every.ids, one.grade) == (("p50(A) is 20 % worse",), "passed")


def test_shares_that_no_limit_names_must_not_be_worse() -> None:
    """Neither a tenth for all nor a limit for a latency says that more requests may fail, or be gone."""
    worse = change("errors(A)", 0.02, unit="%", grade="worse")
    doubt = change("errors(B)", 0.02, Interval(-0.1, 0.1), unit="%", grade="doubt")
    gone = change("achieved", 0.0, None, unit="%", grade="gone")
    for limit in (Limit("", 0.1), Limit("p99", 0.1)):
        ruled, others = limit_checks([limit], [change("p99(A)", 0.05), worse, doubt, gone])
        assert (ruled.grade, others.name, others.grade) == ("passed", "other shares", "failed")
        assert others.ids == ("errors(A) is 2 points worse", "achieved is gone")
    (named,) = limit_checks([Limit("errors", 0.05)], [worse])
    assert named.grade == "passed"


def test_shares_of_a_run_that_does_not_tell_are_not_judged() -> None:
    """As without a limit."""
    short = change("errors(A)", 0.5, None, unit="%", grade="doubt", reason="too short")
    ruled, others = limit_checks([Limit("p99", 0.1)], [change("p99(A)", 0.0), short])
    assert (ruled.grade, others.grade, others.measured) == (
        "passed",
        "unjudged",
        "nothing can be told: too short",
    )


def test_a_limit_for_all_is_for_those_that_can_be_told() -> None:
    """That one operation has few requests takes nothing from the others; that all have does."""
    known, few = change("p99(A)", 0.05), change("p99(B)", 0.05, None, reason="4 are too few")
    assert [check.grade for check in limit_checks([Limit("", 0.1)], [known, few])] == ["passed"]
    assert [check.grade for check in limit_checks([Limit("", 0.1)], [few])] == ["unjudged"]
    far = change("p99(B)", 0.5, None, reason="4 are too few")
    (check,) = limit_checks([Limit("", 0.1)], [known, far])
    assert (check.grade, check.ids) == ("unjudged", ("p99(B) is 50 % worse (4 are too few)",))


@pytest.mark.parametrize("order", [1, -1])
def test_the_limit_with_the_longest_name_is_for_a_figure(order: int) -> None:
    """Whether it allows more or less than the others; of equal ones the stricter is."""
    found = [change("p99(A)", 0.3), change("p99(B)", 0.3), change("p50(A)", 0.3)]
    limits = [Limit("p99", 0.1), Limit("p99(A)", 0.5), Limit("", 0.9), Limit("p99", 0.2)]
    checks = {str(check.name): check for check in limit_checks(limits[::order], found)}
    assert {name: (check.grade, check.ids) for name, check in checks.items()} == {
        "p99 at most 10 % worse": ("failed", ("p99(B) is 30 % worse",)),
        "p99(A) at most 50 % worse": ("passed", ()),
        "all at most 90 % worse": ("passed", ()),
        "p99 at most 20 % worse": ("passed", ()),
    }


def test_a_limit_for_nothing_is_refused() -> None:
    """It would hold for ever; what there is, is named."""
    with pytest.raises(UsageError, match="no figure has 'p98' in its name") as caught:
        limit_checks([Limit("p98", 0.1)], [change(f"p99({number})", 0) for number in range(14)])
    assert caught.value.hint.startswith("There are p99(0), p99(1)")
    assert caught.value.hint.endswith("p99(11) and 2 more.")


def test_a_limit_for_all_needs_no_name() -> None:
    """Also where there is nothing; one for a part does."""
    check_limits([Limit("", 0.1)], [])
    with pytest.raises(UsageError, match="'p99'") as caught:
        check_limits([Limit("p99", 0.1)], [])
    assert caught.value.hint == "There are none."


def test_changes_are_told_in_few_words() -> None:
    """With as many digits as anybody reads."""
    assert told(change("p99(A)", 0.14567)) == "p99(A) is 14.6 % worse"
    assert told(change("p99(A)", 97.98)) == "p99(A) is 9,798 % worse"
    assert told(change("achieved", 0.0363, unit="%")) == "achieved is 3.63 points worse"
    assert [figures(1), figures(1_200)] == ["1 figure", "1,200 figures"]
