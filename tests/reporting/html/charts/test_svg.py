from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from vecgate.reporting.html.charts.svg import element, inline_svg, label, path_through, percent


def test_a_picture_is_labelled_and_escaped() -> None:
    """Its texts are text, and empty attributes are left out."""
    marks = [label("<a\x00", x="5%", text_anchor=""), element("path", d="M0,0h5", fill="none")]
    assert inline_svg(marks, "f1", "A <b> & c", "It rose.", height=90) == (
        '<svg class="plot" role="img" aria-labelledby="f1-title f1-desc" height="90">'
        '<title id="f1-title">A &lt;b&gt; &amp; c</title><desc id="f1-desc">It rose.</desc>'
        '<text x="5%">&lt;a\\u0000</text><path d="M0,0h5" fill="none" /></svg>'
    )


def test_a_picture_without_a_description_has_only_a_title() -> None:
    """An empty description would be read aloud."""
    picture = inline_svg([], "f1", "A", "", height=1)
    assert 'aria-labelledby="f1-title"' in picture
    assert "<desc" not in picture


def test_a_percentage_has_two_decimals_at_most() -> None:
    """They are a hundredth of a pixel in a wide chart."""
    assert [percent(each) for each in (0, 0.5, 1, 1 / 3)] == ["0%", "50%", "100%", "33.33%"]


corners = st.tuples(st.integers(-2_000, 2_000), st.integers(-2_000, 2_000))


@given(line=st.lists(corners, min_size=1, max_size=40))
def test_a_path_goes_through_every_corner(line: list[tuple[int, int]]) -> None:
    """Exactly: there are no rounding errors that add up. Several steps on one level are one."""
    found, expected = parse_corners(path_through(line)), list(line)
    assert (found[0], found[-1]) == (expected[0], expected[-1])
    turns = [
        at
        for before, at, after in zip(expected, expected[1:], expected[2:], strict=False)
        if not before[1] == at[1] == after[1]
    ]
    assert [at for at in turns if at not in found] == []
    assert len(found) <= len(expected) + 1


def test_a_single_corner_is_a_dot() -> None:
    """A line of length 0 with a round end."""
    assert path_through([(5, 7)]) == "M5,7h0"


def parse_corners(path: str) -> list[tuple[int, int]]:
    """Return the absolute corners of a relative *path*."""
    at, found = (0, 0), []
    for command, arguments in re.findall(r"([Mlhv])([^Mlhv]*)", path):
        numbers = [int(each) for each in re.findall(r"-?\d+", arguments)]
        x, y = {"h": (numbers[0], 0), "v": (0, numbers[0])}.get(command, tuple(numbers[:2]))
        at = (x, y) if command == "M" else (at[0] + x, at[1] + y)
        found.append(at)
    return found
