"""A status badge: an SVG with a name and a verdict, generated locally instead of by a web service."""

from __future__ import annotations

from html import escape

from vecgate.gate.conformance_verdict import count_outcomes, recorded_verdict
from vecgate.gate.requirement_outcomes import merge_cases
from vecgate.gate.requirement_rules import JUDGED_OUTCOMES
from vecgate.gate.verdict import Verdict
from vecgate.printable import printable_line
from vecgate.reporting.operation_matrix import build_row
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.records import Stream

#: Background colours with a contrast above 4.5 to white text.
COLOURS = {"passed": "#2a7d3c", "failed": "#c0272d", "inconclusive": "#5f6b7a"}
WORDS = {"passed": "pass", "failed": "fail", "inconclusive": "inconclusive"}
HEIGHT, MARGIN, TEXT_BASE = 20, 6, 14
#: Widths of letters in Verdana at 11 px. With another font, `textLength` stretches the text to fit.
NARROW_LETTERS, WIDE_LETTERS = frozenset("ijl.,:;|!'()[] "), frozenset("mwMW@%")
NARROW_PX, NORMAL_PX, WIDE_PX = 4, 7, 10
FONT = "Verdana,DejaVu Sans,Geneva,sans-serif"


def run_badge(stream: Stream, verdict: Verdict) -> str:
    """Return the badge of a run with its name and its verdict."""
    plan = stream.first(LoadPlan)
    label = plan.scenario if plan else "S3 Vectors conformance"
    message = WORDS[verdict.grade]
    counts = count_outcomes(merge_cases(stream.run.results))
    if judged := sum(counts[outcome] for outcome in JUDGED_OUTCOMES):
        message += f" {counts['passed']:,}/{judged:,}"
    return badge_svg(label, message, COLOURS[verdict.grade])


def compatibility_badge(stream: Stream) -> str:
    """Return the badge of a server with its share of the requirements of level must.

    Green only if all of them passed in a run of the whole suite that passed: a known deviation has not.
    """
    results = stream.run.results
    total = build_row("total", results)
    passed, judged = total.passed["must"], total.judged["must"]
    verdict = recorded_verdict(stream)
    is_whole = stream.footer is not None and not stream.footer.deselected
    is_good = is_whole and bool(judged) and passed == judged and verdict.grade == "passed"
    colour = COLOURS["passed" if is_good else "inconclusive"]
    return badge_svg(f"S3 Vectors on {stream.header.target}", f"must {passed:,}/{judged:,}", colour)


def badge_svg(label: str, message: str, colour: str) -> str:
    """Return an SVG with *label* on grey and *message* on *colour*."""
    label, message = printable_line(label), printable_line(message)
    left, right = _width(label), _width(message)
    title = escape(f"{label}: {message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<clipPath id="round"><rect width="{left + right}" height="{HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#round)"><rect width="{left}" height="{HEIGHT}" fill="#444c56"/>'
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{colour}"/></g>'
        f'<g fill="#fff" font-family="{FONT}" font-size="11">'
        f"{_text(label, 0)}{_text(message, left)}</g></svg>\n"
    )


def _text(text: str, start: int) -> str:
    length = _width(text) - 2 * MARGIN
    return (
        f'<text x="{start + MARGIN}" y="{TEXT_BASE}" textLength="{length}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(text)}</text>"
    )


def _width(text: str) -> int:
    narrow, wide = (sum(letter in letters for letter in text) for letters in (NARROW_LETTERS, WIDE_LETTERS))
    normal = len(text) - narrow - wide
    return narrow * NARROW_PX + normal * NORMAL_PX + wide * WIDE_PX + 2 * MARGIN
