from __future__ import annotations

import pytest

from vecgate.errors import UsageError
from vecgate.gate.compare.changes import Change, Interval
from vecgate.gate.compare.regression_limits import Limit, check_limits, describe_regression, limit_checks

BEYOND_NOISE = Interval(0.01, 0.9)


def change(name: str, regression: float, interval: Interval | None = BEYOND_NOISE, **more: object) -> Change:
    unit = str(more.pop("unit", "ms"))
    return Change(name, unit, 1.0, 1.0 + regression, regression, interval, **more)  # type: ignore[arg-type]  # any, for short tables


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
def test_a_limit_is_parsed(text: str, limit: Limit) -> None:
    """It has a part of a name and a percentage. Without a name it is for all times and prices."""
    assert Limit.parse(text) == limit


@pytest.mark.parametrize(
    "text", ["", "10", "p99", "p99=", "p99=10", "p99>10%", "=10%", "p99=-1%", "p99=ten%"]
)
def test_an_invalid_limit_is_an_error(text: str) -> None:
    """The hint shows a valid one."""
    with pytest.raises(UsageError, match="is not a limit") as caught:
        Limit.parse(text)
    assert "p99=10%" in caught.value.hint


@pytest.mark.parametrize(
    ("found", "grade", "failed"),
    [
        (change("p99(A)", 0.10), "passed", ()),
        (change("p99(A)", 0.11), "failed", ("p99(A) regressed by 11.0 %",)),
        (change("p99(A)", -0.5, Interval(-0.6, -0.4)), "passed", ()),
        (
            change("p99(A)", 0.5, Interval(-0.1, 0.9)),
            "inconclusive",
            ("p99(A) regressed by 50.0 % (which may be noise)",),
        ),
        (
            change("p99(A)", 0.5, None, reason="4 are too few"),
            "inconclusive",
            ("p99(A): 4 are too few",),
        ),
        (change("p99(A)", 0.01, None, reason="4 are too few"), "inconclusive", ("p99(A): 4 are too few",)),
        (change("p99(A)", 0.0, None, grade="missing"), "failed", ("p99(A) is missing",)),
    ],
    ids=["at-it", "over", "improved", "unclear", "unknown", "unknown-but-near", "missing"],
)
def test_a_limit_is_checked(found: Change, grade: str, failed: tuple[str, ...]) -> None:
    """A regression beyond noise fails. If it may be noise, or the noise is unknown, that is inconclusive."""
    (check,) = limit_checks([Limit("p99", 0.1)], [found, change("p50(A)", 5.0)])
    assert (check.grade, check.ids) == (grade, failed)


def test_a_limit_with_a_name_replaces_the_limit_for_all() -> None:
    """For the figures that it names."""
    found = [change("p99(A)", 0.3), change("p50(A)", 0.2)]
    every, one = limit_checks([Limit("", 0.1), Limit("p99", 0.5)], found)
    assert (every.ids, one.grade) == (("p50(A) regressed by 20.0 %",), "passed")


def test_percentages_without_a_limit_must_not_regress() -> None:
    """A limit for times does not allow more requests to fail."""
    regressed = change("errors(A)", 0.02, unit="%", grade="regressed")
    unclear = change("errors(B)", 0.02, Interval(-0.1, 0.1), unit="%", grade="unclear")
    missing = change("achieved", 0.0, None, unit="%", grade="missing")
    for limit in (Limit("", 0.1), Limit("p99", 0.1)):
        limited, others = limit_checks([limit], [change("p99(A)", 0.05), regressed, unclear, missing])
        assert (limited.grade, others.name, others.grade) == ("passed", "other percentages", "failed")
        assert others.ids == ("errors(A) regressed by 2.00 points", "achieved is missing")
    (named,) = limit_checks([Limit("errors", 0.05)], [regressed])
    assert named.grade == "passed"


def test_percentages_of_unknown_noise_are_inconclusive() -> None:
    """As they are without a limit."""
    short = change("errors(A)", 0.5, None, unit="%", grade="unclear", reason="too short")
    limited, others = limit_checks([Limit("p99", 0.1)], [change("p99(A)", 0.0), short])
    assert (limited.grade, others.grade, others.measured) == (
        "passed",
        "inconclusive",
        "the noise of all figures is unknown: too short",
    )


def test_a_limit_for_all_ignores_single_figures_of_unknown_noise() -> None:
    """One operation with few requests does not matter, unless all are like that or it is over the limit."""
    known, few = change("p99(A)", 0.05), change("p99(B)", 0.05, None, reason="4 are too few")
    assert [check.grade for check in limit_checks([Limit("", 0.1)], [known, few])] == ["passed"]
    assert [check.grade for check in limit_checks([Limit("", 0.1)], [few])] == ["inconclusive"]
    far = change("p99(B)", 0.5, None, reason="4 are too few")
    (check,) = limit_checks([Limit("", 0.1)], [known, far])
    assert (check.grade, check.ids) == ("inconclusive", ("p99(B) regressed by 50.0 % (4 are too few)",))


@pytest.mark.parametrize("order", [1, -1])
def test_the_limit_with_the_longest_name_applies(order: int) -> None:
    """Even if it allows less than the others. Of two equal names the stricter applies."""
    found = [change("p99(A)", 0.3), change("p99(B)", 0.3), change("p50(A)", 0.3)]
    limits = [Limit("p99", 0.1), Limit("p99(A)", 0.5), Limit("", 0.9), Limit("p99", 0.2)]
    checks = {str(check.name): check for check in limit_checks(limits[::order], found)}
    assert {name: (check.grade, check.ids) for name, check in checks.items()} == {
        "p99: at most 10 % regression": ("failed", ("p99(B) regressed by 30.0 %",)),
        "p99(A): at most 50 % regression": ("passed", ()),
        "all: at most 90 % regression": ("passed", ()),
        "p99: at most 20 % regression": ("passed", ()),
    }


def test_a_limit_for_no_figure_is_an_error() -> None:
    """It would never fail. The hint names the figures."""
    with pytest.raises(UsageError, match="no figure has 'p98' in its name") as caught:
        limit_checks([Limit("p98", 0.1)], [change(f"p99({number})", 0) for number in range(14)])
    assert caught.value.hint.startswith("The figures are p99(0), p99(1)")
    assert caught.value.hint.endswith("p99(11) and 2 more.")


def test_a_limit_for_all_needs_no_name() -> None:
    """Even without any figure. One with a name needs a figure."""
    check_limits([Limit("", 0.1)], [])
    with pytest.raises(UsageError, match="'p99'") as caught:
        check_limits([Limit("p99", 0.1)], [])
    assert caught.value.hint == "The figures are none."


def test_a_regression_is_described_in_few_words() -> None:
    """With three significant digits."""
    assert describe_regression(change("p99(A)", 0.14567)) == "p99(A) regressed by 14.6 %"
    assert describe_regression(change("p99(A)", 97.98)) == "p99(A) regressed by 9,798 %"
    assert describe_regression(change("achieved", 0.0363, unit="%")) == "achieved regressed by 3.63 points"
