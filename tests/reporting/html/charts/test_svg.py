from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from vecgate.reporting.html.charts.svg import inline_svg, to_relative_path

LIBRARY = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
    'class="marks" width="520" height="230" viewBox="0 0 520 230">'
    '<g fill="none" transform="translate(0,0)" class="root">'
    '<path class="background" d="M0,0h9"/><path d="" class="foreground"/>'
    '<text font-family="x" font-size="12px" fill="var(--muted)" opacity="1" transform="translate(1.23456,2)">'
    '&lt;a</text><path d="M0.5,0.5L10.04,0.5L10.04,20" stroke="var(--p99)"/></g></svg>'
)


def test_a_picture_gets_labels_and_loses_what_the_style_sheet_sets() -> None:
    """It has no fonts, classes and frames. Text stays text, and colours stay variables."""
    assert inline_svg(LIBRARY, "f1", "A <b> & c", "It rose.") == (
        '<svg class="plot" viewBox="0 0 520 230" role="img" aria-labelledby="f1-title f1-desc">'
        '<title id="f1-title">A &lt;b&gt; &amp; c</title><desc id="f1-desc">It rose.</desc>'
        '<g fill="none"><text fill="var(--muted)" transform="translate(1.2,2)">&lt;a</text>'
        '<path d="M.5,.5h9.5v19.5" stroke="var(--p99)" /></g></svg>'
    )


def test_a_picture_without_a_description_has_only_a_title() -> None:
    """An empty description would be read aloud."""
    assert 'aria-labelledby="f1-title"><title id="f1-title">A</title><g' in inline_svg(LIBRARY, "f1", "A", "")


corners = st.tuples(st.floats(-2_000, 2_000), st.floats(-2_000, 2_000))


@given(lines=st.lists(st.lists(corners, min_size=1, max_size=30), min_size=1, max_size=3))
def test_a_relative_path_has_the_same_corners(lines: list[list[tuple[float, float]]]) -> None:
    """To a tenth of a pixel, however many steps there are."""
    path = "".join(
        "".join(f"{'L' if at else 'M'}{x!r},{y!r}" for at, (x, y) in enumerate(line)) for line in lines
    )
    expected = [(x, y) for line in lines for x, y in line]
    found = parse_corners(to_relative_path(path))
    assert len(found) == len(expected)
    for (x, y), (to_x, to_y) in zip(found, expected, strict=True):
        assert abs(x - to_x) <= 0.0501
        assert abs(y - to_y) <= 0.0501


def parse_corners(path: str) -> list[tuple[float, float]]:
    """Return the absolute corners of a relative *path*."""
    at, found = (0.0, 0.0), []
    for command, arguments in re.findall(r"([Mlhv])([^Mlhv]*)", path):
        numbers = [float(each) for each in re.findall(r"-?(?:\d+\.\d+|\.\d+|\d+)", arguments)]
        x, y = {"h": (numbers[0], 0.0), "v": (0.0, numbers[0])}.get(command, tuple(numbers[:2]))
        at = (x, y) if command == "M" else (at[0] + x, at[1] + y)
        found.append(at)
    return found


def test_a_closed_path_stays_closed() -> None:
    """The outline of an area is closed."""
    assert to_relative_path("M0,0L1,0L1,1L0,0Z") == "M0,0h1v1l-1-1Z"
