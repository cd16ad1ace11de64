from __future__ import annotations

import pytest
from result_builders import header, result, run

from vecgate.gate.conformance_verdict import conformance_verdict_line, judge_conformance
from vecgate.gate.requirement_outcomes import merge_cases, requirement_name
from vecgate.gate.requirement_rules import Rule


def test_a_requirement_is_its_worst_case() -> None:
    """Cases of another level are another requirement: their evidence differs."""
    merged = merge_cases([
        result("a.b[1]"), result("a.b[2]", "deviation"), result("a.b[3]", "failed", reason="x"),
        result("a.b[4]", level="may"), result("a.c", "skipped"), result("a.d[1]", "unsupported"), result("a.d[2]"),
    ])  # fmt: skip
    assert [(each.id, each.level, each.outcome, each.reason) for each in merged] == [
        ("a.b", "must", "failed", "x"),
        ("a.b", "may", "passed", ""),
        ("a.c", "must", "skipped", ""),
        ("a.d", "must", "passed", ""),
    ]
    assert requirement_name("a.b[x[1]]") == "a.b"


def test_scores_count_requirements_not_cases() -> None:
    """Of two requirements, one with a hundred cases fails in one: that is half, not one per cent."""
    found = run(result("a.a"), *(result(f"a.b[{n}]", "failed" if n == 7 else "passed") for n in range(100)))
    verdict = judge_conformance(found, [Rule.parse("must>=50%")])
    assert verdict
    assert conformance_verdict_line(verdict, found).startswith("PASS  1 of 2 requirements passed")
    assert not judge_conformance(found, [Rule.parse("must>=51%")])
    (check,) = [each for each in judge_conformance(found).checks if each.name == "must"]
    assert (check.grade, check.ids) == ("failed", ("a.b[7]",))


@pytest.mark.parametrize(
    ("blocker", "grade"),
    [
        ("failed", "passed"),
        ("deviation", "passed"),
        ("passed", "failed"),
        ("skipped", "failed"),
        (None, "failed"),
    ],
)
def test_a_skip_hides_nothing(blocker: str | None, grade: str) -> None:
    """Requirements may be skipped because of another one only if that one is known not to pass."""
    skipped = result("a.pages", "skipped", reason="blocked by a.top-k: topK 101 is rejected")
    others = [] if blocker is None else [result("a.top-k", blocker, level="may")]
    verdict = judge_conformance(run(result("a.b"), skipped, *others))
    assert verdict.grade == grade
    if grade == "failed":
        assert ("a.top-k",) in [check.ids for check in verdict.checks]


def test_a_required_capability_that_a_test_did_not_find_is_missing() -> None:
    """Whether a target has a KMS is found out by a test, so the header does not know it."""
    found = run(
        result("a.b"),
        result("encryption.missing-key", "unsupported", reason="kms: the target accepts any key"),
        head=header(required=("kms",)),
    )
    (check,) = [each for each in judge_conformance(found).checks if each.name == "capabilities"]
    assert check.grade == "failed"
    assert "the target accepts any key" in check.measured
