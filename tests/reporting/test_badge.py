from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from goldens import is_golden
from load_streams import load_stream
from runs import header

from vecgate.gate.load import judge_load
from vecgate.gate.verdict import Check, Grade, Verdict, judge
from vecgate.reporting.badge import COLOURS, badge_of, badge_svg
from vecgate.results.records import Run, Stream

SVG = "{http://www.w3.org/2000/svg}"


def title_of(svg: str) -> str:
    return ET.fromstring(svg).findtext(f"{SVG}title") or ""  # noqa: S314 - our own


def test_a_badge_names_what_was_run_and_how_it_came_out(mixed: Run) -> None:
    """In its title too, which is read aloud."""
    failed = badge_of(Stream(mixed.header, mixed.results, mixed.footer), judge(mixed))
    assert title_of(failed) == "S3 Vectors conformance: fail 1/4"
    calm = load_stream(60)
    assert title_of(badge_of(calm, judge_load(calm))) == "ramp-1000: pass"


@pytest.mark.parametrize("grade", ["passed", "failed", "unjudged"])
def test_each_verdict_has_its_colour(grade: Grade) -> None:
    """And its word: a colour alone tells nothing to some."""
    svg = badge_of(Stream(header(), (), None), Verdict((Check("a", "b", grade),)))
    words = {"passed": "pass", "failed": "fail", "unjudged": "not judged"}
    assert COLOURS[grade] in svg
    assert title_of(svg).endswith(words[grade])


def test_the_same_badge_is_the_same_bytes() -> None:
    """It can be committed."""
    assert is_golden("badge.svg", badge_svg("S3 Vectors conformance", "pass 2,271/2,271", COLOURS["passed"]))


def test_text_in_a_badge_is_text() -> None:
    """Whatever a scenario is called."""
    root = ET.fromstring(badge_svg('<script>"&', "x", "#000"))  # noqa: S314 - our own
    assert [each.text for each in root.iter(f"{SVG}text")] == ['<script>"&', "x"]


@pytest.mark.parametrize("colour", COLOURS.values())
def test_white_letters_can_be_read_on_it(colour: str) -> None:
    """Contrast of 4.5 or more, as WCAG has it."""
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    )
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5
