"""The frame of a chart: positions on its axes, grid lines, tick labels, markers and limits.

Widths of texts are estimated, not measured, so the same data give the same picture on every machine. The
estimate is generous, and made for the narrowest column that a page has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, log10
from xml.etree import ElementTree as ET

from vecgate.reporting.html.charts.plots import Axis, Limit, Marker
from vecgate.reporting.html.charts.svg import SCALE, WIDTH, element, label, percent
from vecgate.reporting.html.untrusted_text import make_visible

#: Least width in pixels of a plot area on a phone or on paper, in a column of a page, and across the page,
#: each with the class of its labels. The style sheet shows those for the present width.
WIDTHS = ((270, "s"), (440, "m"), (900, "l"))
#: Estimated width of a character, and height of a line, in pixels.
CHARACTER, LINE = 6.7, 15
#: Least space between two labels in pixels.
SPACE = 8
#: Distance of labels from the plot area in pixels.
BELOW, BESIDE, ABOVE = 18, 8, 5
#: Fewer characters of a name say nothing.
NAME_MIN = 3
#: A label this close to the right end is aligned with it.
END = 0.97


@dataclass(frozen=True, slots=True)
class Scale:
    """Positions on an axis as fractions of its length. Values outside the axis are at its ends."""

    axis: Axis

    def fraction(self, value: float) -> float:
        """Return the position of *value*, from 0 to 1."""
        low, high = self.axis.low, self.axis.high
        if self.axis.is_log:
            value = max(value, low)
            low, high, value = log10(low), log10(high), log10(value)
        fraction = (value - low) / (high - low)
        return min(max(fraction, 0.0), 1.0) if fraction == fraction else 0.0  # noqa: PLR0124 - not a number

    def is_drawable(self, value: float | None) -> bool:
        """Return whether *value* has a position: zero has none on a logarithmic axis."""
        return value is not None and isfinite(value) and (value > 0 or not self.axis.is_log)

    def across(self, value: float) -> int:
        """Return the position of *value* on a horizontal axis in units of the plot area."""
        return round(WIDTH * self.fraction(value))

    def down(self, value: float, height: int) -> int:
        """Return the position of *value* on a vertical axis of *height* pixels in units of the plot area."""
        return round(SCALE * height * (1 - self.fraction(value)))


def grid_lines(y: Scale, height: int) -> ET.Element:
    """Return horizontal lines at the ticks of *y*."""
    path = "".join(f"M0,{y.down(at, height)}h{WIDTH}" for at, _ in y.axis.ticks)
    return element("path", d=path, stroke="var(--grid)")


def tick_lines(x: Scale, height: int) -> ET.Element:
    """Return vertical lines at the ticks of *x*."""
    path = "".join(f"M{x.across(at)},0v{SCALE * height}" for at, _ in x.axis.ticks)
    return element("path", d=path, stroke="var(--grid)")


def ignored_part(end: float, x: Scale, height: int) -> Iterator[ET.Element]:
    """Return a shade from the start of *x* to *end*, if that is later."""
    if end > x.axis.low:
        yield element("path", d=f"M0,0H{x.across(end)}V{SCALE * height}H0z", fill="var(--panel)")


def x_labels(x: Scale, height: int) -> Iterator[ET.Element]:
    """Return the labels below the plot area: at each width, those that do not collide."""
    placed = [(x.fraction(at), text) for at, text in x.axis.ticks]
    strides = {class_: _stride(placed, width) for width, class_ in WIDTHS}
    for order, (fraction, text) in enumerate(placed):
        shown = [class_ for class_, stride in strides.items() if order % stride == 0]
        if shown:
            yield label(
                text,
                class_=_only(shown),
                x=percent(fraction),
                y=height + BELOW,
                text_anchor="end" if fraction > END and len(text) > NAME_MIN else "middle",
            )


def y_labels(y: Scale, height: int) -> Iterator[ET.Element]:
    """Return the labels left of the plot area; those that would collide are left out."""
    last = float("inf")
    for at, text in y.axis.ticks:
        down = height * (1 - y.fraction(at))
        if last - down >= LINE:
            last = down
            yield label(text, x=-BESIDE, y=down + 4, text_anchor="end")


def marker_lines(markers: Iterable[Marker], x: Scale, height: int) -> Iterator[ET.Element]:
    """Return a vertical line for each marker after the start of the axis."""
    starts = [x.across(marker.at) for marker in markers if marker.at > x.axis.low]
    if starts:
        path = "".join(f"M{start},0v{SCALE * height}" for start in starts)
        yield element("path", d=path, stroke="var(--rule)", stroke_dasharray="2 3")


def marker_names(markers: Sequence[Marker], x: Scale) -> Iterator[ET.Element]:
    """Return the names of *markers* above the plot area, shortened or left out if they do not fit."""
    ends = (*(marker.at for marker in markers[1:]), x.axis.high)
    for marker, end in zip(markers, ends, strict=False):
        start = x.fraction(marker.at)
        space, anchor = x.fraction(end) - start, ""
        if len(markers) == 1 and start > space:
            space, anchor = start, "end"
        versions: dict[str, list[str]] = {}
        for width, class_ in WIDTHS:
            text = _shorten(make_visible(marker.name), width * space - SPACE)
            versions.setdefault(text, []).append(class_)
        for text, shown in versions.items():
            if text:
                class_ = f"name {_only(shown)}".rstrip()
                yield label(text, class_=class_, x=percent(start), y=-ABOVE, text_anchor=anchor)


def limit_lines(limits: Iterable[Limit], y: Scale, height: int) -> Iterator[ET.Element]:
    """Return a horizontal line for each of *limits* within the axis."""
    for limit in _within(limits, y):
        at = y.down(limit.at, height)
        yield element("path", d=f"M0,{at}h{WIDTH}", stroke="var(--rule)", stroke_dasharray="6 3")


def limit_names(limits: Iterable[Limit], y: Scale, height: int) -> Iterator[ET.Element]:
    """Return the names of the limits, at the right end, above their lines or below at the top."""
    for limit in _within(limits, y):
        at = height * (1 - y.fraction(limit.at))
        down = at - ABOVE if at > LINE else at + LINE
        yield label(limit.name, class_="name halo", x="100%", y=down, text_anchor="end")


def _within(limits: Iterable[Limit], y: Scale) -> Iterator[Limit]:
    return (limit for limit in limits if y.axis.low <= limit.at <= y.axis.high)


def _only(shown: Sequence[str]) -> str:
    """Return the classes of a label that is only *shown* at some widths, nothing if at all."""
    return "" if len(shown) == len(WIDTHS) else " ".join(("only", *shown))


def _stride(placed: Sequence[tuple[float, str]], width: float) -> int:
    """Return the least number so that every such label fits if the plot area has that *width*."""
    strides = range(1, len(placed) + 1)
    return next((stride for stride in strides if _fits(placed[::stride], width)), max(len(placed), 1))


def _fits(placed: Sequence[tuple[float, str]], width: float) -> bool:
    """Return whether no label collides with the next one."""
    return all(
        width * (to - at) >= CHARACTER * (len(text) + len(next_text)) / 2 + SPACE
        for (at, text), (to, next_text) in pairwise(placed)
    )


def _shorten(name: str, pixels: float) -> str:
    """Return *name*, truncated to *pixels*; empty if too little of it remains."""
    fitting = int(pixels / CHARACTER)
    if len(name) <= fitting:
        return name
    return f"{name[: fitting - 1]}…" if fitting > NAME_MIN else ""
