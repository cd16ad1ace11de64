"""The limit of rejected records is a number or a share."""

from __future__ import annotations

import pytest

from vecgate.bulk.core.reject_limit import RejectLimit
from vecgate.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "rejected", "read", "is_exceeded"),
    [
        ("0", 1, 1, True),
        ("0", 0, 10_000, False),
        ("500", 500, 501, False),
        ("500", 501, 501, True),
        ("10%", 999, 999, False),
        ("10%", 100, 1_000, False),
        ("10%", 101, 1_000, True),
        ("2.5 %", 26, 1_000, True),
        ("0%", 1, 1_000, True),
        ("100%", 5_000, 5_000, False),
    ],
)
def test_a_limit_is_exceeded(text: str, rejected: int, read: int, *, is_exceeded: bool) -> None:
    """A share is judged from 1,000 records on, a number at once."""
    assert RejectLimit.parse(text).is_exceeded(rejected, read=read) is is_exceeded


def test_the_default_is_a_tenth() -> None:
    """It is the same whether it is stated or not."""
    assert RejectLimit.parse("10%") == RejectLimit()
    assert str(RejectLimit()) == "10 %"
    assert str(RejectLimit.parse("1500")) == "1,500"


@pytest.mark.parametrize("text", ["", "%", "-1", "-1%", "101%", "many", "1.5", "nan%", "10 percent"])
def test_other_texts_are_refused(text: str) -> None:
    """The error has the allowed forms."""
    with pytest.raises(ConfigError, match="500 or 10%"):
        RejectLimit.parse(text)
