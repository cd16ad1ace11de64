from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from result_builders import footer, header, result
from sample_streams import load_stream

from vecgate.gate.conformance_verdict import judge_conformance
from vecgate.gate.load_verdict import judge_load
from vecgate.gate.verdict import Check, Grade, Verdict
from vecgate.reporting.ci.badge import COLOURS, badge_svg, compatibility_badge, run_badge
from vecgate.results.records import Stream

SVG = "{http://www.w3.org/2000/svg}"


def title_of(svg: str) -> str:
    return ET.fromstring(svg).findtext(f"{SVG}title") or ""  # noqa: S314 - made by the code under test


def test_a_badge_shows_the_name_of_the_run_and_its_verdict(mixed_stream: Stream) -> None:
    """Screen readers read its title."""
    failed = run_badge(mixed_stream, judge_conformance(mixed_stream.run))
    assert title_of(failed) == "S3 Vectors conformance: fail 1/4"
    passed = load_stream(60)
    assert title_of(run_badge(passed, judge_load(passed))) == "ramp-1000: pass"


@pytest.mark.parametrize("grade", ["passed", "failed", "inconclusive"])
def test_each_verdict_has_a_colour_and_a_word(grade: Grade) -> None:
    """A colour alone is not accessible."""
    svg = run_badge(Stream(header(), (), None), Verdict((Check("a", "b", grade),)))
    words = {"passed": "pass", "failed": "fail", "inconclusive": "inconclusive"}
    assert COLOURS[grade] in svg
    assert title_of(svg).endswith(words[grade])


def test_a_badge_is_a_small_picture_with_both_texts() -> None:
    """A README can show it, and the same texts always give the same bytes."""
    svg = badge_svg("S3 Vectors conformance", "pass 2,271/2,271", COLOURS["passed"])
    assert svg == badge_svg("S3 Vectors conformance", "pass 2,271/2,271", COLOURS["passed"])
    root = ET.fromstring(svg)  # noqa: S314 - made by the code under test
    texts = [
        (each.text, float(each.attrib["x"]), float(each.attrib["textLength"]))
        for each in root.iter(f"{SVG}text")
    ]
    assert [text for text, _, _ in texts] == ["S3 Vectors conformance", "pass 2,271/2,271"]
    (_, left, left_length), (_, right, right_length) = texts
    assert left + left_length < right
    assert right + right_length < float(root.attrib["width"])
    assert float(root.attrib["height"]) == 20


def test_text_in_a_badge_is_escaped() -> None:
    """A scenario may have any name."""
    root = ET.fromstring(badge_svg('<script>"&', "x", "#000"))  # noqa: S314 - made by the code under test
    assert [each.text for each in root.iter(f"{SVG}text")] == ['<script>"&', "x"]


@pytest.mark.parametrize("colour", COLOURS.values())
def test_white_text_is_readable_on_each_colour(colour: str) -> None:
    """WCAG requires a contrast of at least 4.5."""
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    )
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("outcomes", "title", "is_green"),
    [
        (("passed", "passed"), "S3 Vectors on mine: must 2/2", True),
        (("passed", "deviation"), "S3 Vectors on mine: must 1/2", False),
        (("passed", "failed"), "S3 Vectors on mine: must 1/2", False),
        (("unsupported", "skipped"), "S3 Vectors on mine: must 0/0", False),
    ],
)
def test_the_badge_of_a_server_is_green_only_if_every_must_passed(
    outcomes: tuple[str, str], title: str, *, is_green: bool
) -> None:
    """A known deviation has not passed, and neither has what was not tested."""
    results = tuple(result(f"a.{number}", outcome) for number, outcome in enumerate(outcomes))
    svg = compatibility_badge(Stream(header(target="mine"), results, footer()))
    assert title_of(svg) == title
    assert (COLOURS["passed"] in svg) is is_green


def test_the_badge_of_a_part_of_the_suite_is_not_green() -> None:
    """What was deselected is not known."""
    part = Stream(header(target="mine"), (result("a.b"),), footer(deselected=("a.c",)))
    assert COLOURS["passed"] not in compatibility_badge(part)


def test_the_badge_of_an_incomplete_run_is_not_green() -> None:
    """Whatever passed before it was cut off."""
    svg = compatibility_badge(Stream(header(target="mine"), (result("a.b"),), None))
    assert COLOURS["passed"] not in svg
