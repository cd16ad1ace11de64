"""A status badge: a small picture with a name and a verdict, made here, so that no server draws it."""

from __future__ import annotations

from html import escape

from vecgate.gate.rules import JUDGED
from vecgate.gate.verdict import Verdict, counts_of
from vecgate.results.load import Plan
from vecgate.results.records import Stream

#: Dark enough for white letters: contrast above 4.5.
COLOURS = {"passed": "#2a7d3c", "failed": "#c0272d", "unjudged": "#5f6b7a"}
WORDS = {"passed": "pass", "failed": "fail", "unjudged": "not judged"}
HEIGHT, MARGIN, TEXT_BASE = 20, 6, 14
#: Widths in Verdana of 11 px; `textLength` makes up for a font that differs.
NARROW, WIDE, USUAL_PX, NARROW_PX, WIDE_PX = frozenset("ijl.,:;|!'()[] "), frozenset("mwMW@%"), 7, 4, 10
FONT = "Verdana,DejaVu Sans,Geneva,sans-serif"


def badge_of(stream: Stream, verdict: Verdict) -> str:
    """The badge of a run: what it is, and how it came out."""
    plan = stream.first(Plan)
    label = plan.scenario if plan else "S3 Vectors conformance"
    message = WORDS[verdict.grade]
    counts = counts_of(stream.run.results)
    if judged := sum(counts[outcome] for outcome in JUDGED):
        message += f" {counts['passed']:,}/{judged:,}"
    return badge_svg(label, message, COLOURS[verdict.grade])


def badge_svg(label: str, message: str, colour: str) -> str:
    """*label* on grey and *message* on *colour*."""
    left, right = _width(label), _width(message)
    said = escape(f"{label}: {message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" role="img" '
        f'aria-label="{said}"><title>{said}</title>'
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
    widths = (NARROW_PX if each in NARROW else WIDE_PX if each in WIDE else USUAL_PX for each in text)
    return sum(widths) + 2 * MARGIN
