from __future__ import annotations

import pytest
from msgspec.structs import replace
from result_builders import footer, header, result
from sample_streams import capacity_stream, load_stream

from vecgate.reporting.html.headline import build_headline
from vecgate.results.records import Stream

ORPHANED = ("bucket vg-1: <not empty>",)
CONFORMANCE = Stream(header(), (result("a.b"),), footer())


@pytest.mark.parametrize(
    ("clean", "tone", "word"),
    [
        (load_stream(10), "passed", "PASS"),
        (capacity_stream(), "found", "RESULT"),
        (CONFORMANCE, "passed", "PASS"),
    ],
)
def test_orphaned_resources_do_not_change_the_verdict(clean: Stream, tone: str, word: str) -> None:
    """The headline lists them separately."""
    before = build_headline(clean)
    assert (before.tone, before.word, before.orphaned) == (tone, word, ())
    after = build_headline(replace(clean, footer=footer(orphaned=ORPHANED)))
    assert (after.tone, after.word, after.line, after.orphaned) == (tone, word, before.line, ORPHANED)


def test_a_failed_run_may_have_orphaned_resources_too() -> None:
    """Both are shown."""
    failed = build_headline(Stream(header(), (result("a.b", "failed"),), footer(orphaned=ORPHANED)))
    assert (failed.word, failed.orphaned) == ("FAIL", ORPHANED)
