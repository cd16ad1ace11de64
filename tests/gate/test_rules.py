from __future__ import annotations

import pytest
from runs import result

from vecgate.errors import UsageError
from vecgate.gate.rules import Rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("must", Rule("must")),
        ("should>=95%", Rule("should", 0.95)),
        (" may >= 0.5 % ", Rule("may", 0.005)),
        ("must>=100%", Rule("must", 1.0)),
    ],
)
def test_a_rule_is_read_as_people_write_it(text: str, rule: Rule) -> None:
    """Spaces do not matter, per cent may be broken."""
    assert Rule.parse(text) == rule
    assert Rule.parse(str(rule)) == rule


@pytest.mark.parametrize(
    "text", ["", "Must", "should>95%", "should>=95", "should>=101%", "should>=-1%", "shall", "must should"]
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    """With the form that a rule has."""
    with pytest.raises(UsageError, match="is no rule") as caught:
        Rule.parse(text)
    assert "should>=95%" in caught.value.hint


@pytest.mark.parametrize(
    ("rule", "outcomes", "holds"),
    [
        ("must", ["passed"], True),
        ("must", ["passed", "failed"], False),
        ("must", ["passed", "deviation"], True),
        ("must", ["unsupported", "skipped"], True),
        ("must", [], True),
        ("must>=100%", ["passed", "deviation"], False),
        ("must>=100%", ["passed", "unsupported"], True),
        ("must>=100%", [], False),
        ("must>=100%", ["unsupported"], False),
        ("must>=50%", ["passed", "failed"], True),
        ("must>=51%", ["passed", "failed"], False),
        ("must>=0%", ["failed"], True),
    ],
)
def test_rules_hold_or_not(rule: str, outcomes: list[str], *, holds: bool) -> None:
    """A known deviation is no failure, and has not passed either; what was not judged counts nowhere."""
    results = [result(f"a.b{n}", outcome) for n, outcome in enumerate(outcomes)]
    assert Rule.parse(rule).holds(results) is holds


def test_a_rule_looks_at_its_own_level() -> None:
    """A `may` that fails breaks no `must`."""
    results = [result("a.b"), result("a.c", "failed", level="may")]
    assert Rule("must").holds(results)
    assert not Rule("may").holds(results)
