"""The line that a page opens with, where a run has left something behind."""

from __future__ import annotations

import pytest
from load_streams import capacity_stream, load_stream
from msgspec.structs import replace
from runs import footer, header, result

from vecgate.reporting.html.headline import headline_of
from vecgate.results.records import Stream

LEAKS = ("bucket vg-1: <it stays>",)
CONFORMANCE = Stream(header(), (result("a.b"),), footer())


@pytest.mark.parametrize(
    ("clean", "tone", "word"),
    [
        (load_stream(10), "passed", "PASS"),
        (capacity_stream(), "found", "RESULT"),
        (CONFORMANCE, "passed", "PASS"),
    ],
)
def test_a_run_that_leaves_something_behind_is_not_clean(clean: Stream, tone: str, word: str) -> None:
    """What it found is told all the same."""
    before = headline_of(clean)
    assert (before.tone, before.word) == (tone, word)
    left = headline_of(replace(clean, footer=footer(leaks=LEAKS)))
    assert (left.tone, left.word) == ("unclean", "NOT CLEAN")
    assert left.line == f"1 resource is left behind, `vecgate clean` finds it; {before.line}"


def test_what_failed_has_failed() -> None:
    """Whatever it left behind."""
    failed = Stream(header(), (result("a.b", "failed"),), footer(leaks=LEAKS))
    assert headline_of(failed).word == "FAIL"
