from __future__ import annotations

import pytest
from result_builders import result

from vecgate.errors import UsageError
from vecgate.gate.requirement_rules import Rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("must", Rule("must")),
        ("should>=95%", Rule("should", 0.95)),
        (" may >= 0.5 % ", Rule("may", 0.005)),
        ("must>=100%", Rule("must", 1.0)),
    ],
)
def test_a_rule_is_parsed(text: str, rule: Rule) -> None:
    """Spaces do not matter, and a percentage may have decimals."""
    assert Rule.parse(text) == rule
    assert Rule.parse(str(rule)) == rule


@pytest.mark.parametrize(
    "text", ["", "Must", "should>95%", "should>=95", "should>=101%", "should>=-1%", "shall", "must should"]
)
def test_an_invalid_rule_is_an_error(text: str) -> None:
    """The hint shows the syntax."""
    with pytest.raises(UsageError, match="is not a rule") as caught:
        Rule.parse(text)
    assert "should>=95%" in caught.value.hint


@pytest.mark.parametrize(
    ("rule", "outcomes", "is_met"),
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
def test_a_rule_is_met_or_not(rule: str, outcomes: list[str], *, is_met: bool) -> None:
    """A known deviation neither fails nor passes; untested requirements do not count."""
    results = [result(f"a.b{n}", outcome) for n, outcome in enumerate(outcomes)]
    assert Rule.parse(rule).is_met(results) is is_met


def test_what_another_failure_blocks_has_not_passed() -> None:
    """It is one cause with that failure, but it does not raise a share."""
    results = [result(f"a.b{n}") for n in range(19)]
    results += [result("a.c", "failed")]
    assert Rule("must", 0.95).is_met(results)
    blocked = [result(f"a.d{n}", "skipped", reason="blocked by a.c: no") for n in range(20)]
    assert not Rule("must", 0.95).is_met([*results, *blocked])
    assert Rule("must").is_met(results[:19] + blocked)


def test_a_rule_judges_its_own_level() -> None:
    """A failure of level may does not violate `must`."""
    results = [result("a.b"), result("a.c", "failed", level="may")]
    assert Rule("must").is_met(results)
    assert not Rule("may").is_met(results)
