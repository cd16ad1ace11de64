from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from vecgate.reporting.html.svg import inlined, relative

LIBRARY = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
    'class="marks" width="520" height="230" viewBox="0 0 520 230">'
    '<g fill="none" transform="translate(0,0)" class="root">'
    '<path class="background" d="M0,0h9"/><path d="" class="foreground"/>'
    '<text font-family="x" font-size="12px" fill="var(--muted)" opacity="1" transform="translate(1.23456,2)">'
    '&lt;a</text><path d="M0.5,0.5L10.04,0.5L10.04,20" stroke="var(--p99)"/></g></svg>'
)


def test_a_picture_is_named_for_people_and_stripped_for_the_page() -> None:
    """Fonts, classes and frames go; text stays text, and colours stay variables."""
    assert inlined(LIBRARY, "f1", "A <b> & c", "It rose.") == (
        '<svg class="plot" viewBox="0 0 520 230" role="img" aria-labelledby="f1-title f1-told">'
        '<title id="f1-title">A &lt;b&gt; &amp; c</title><desc id="f1-told">It rose.</desc>'
        '<g fill="none"><text fill="var(--muted)" transform="translate(1.2,2)">&lt;a</text>'
        '<path d="M.5,.5h9.5v19.5" stroke="var(--p99)" /></g></svg>'
    )


def test_a_picture_of_which_nothing_is_told_has_a_title_only() -> None:
    """No empty description."""
    assert 'aria-labelledby="f1-title"><title id="f1-title">A</title><g' in inlined(LIBRARY, "f1", "A", "")


corners = st.tuples(st.floats(-2_000, 2_000), st.floats(-2_000, 2_000))


@given(lines=st.lists(st.lists(corners, min_size=1, max_size=30), min_size=1, max_size=3))
def test_steps_lead_to_the_same_corners(lines: list[list[tuple[float, float]]]) -> None:
    """To a tenth of a pixel, however many steps there were."""
    path = "".join(
        "".join(f"{'L' if at else 'M'}{x!r},{y!r}" for at, (x, y) in enumerate(line)) for line in lines
    )
    expected = [(x, y) for line in lines for x, y in line]
    found = walked(relative(path))
    assert len(found) == len(expected)
    for (x, y), (to_x, to_y) in zip(found, expected, strict=True):
        assert abs(x - to_x) <= 0.0501
        assert abs(y - to_y) <= 0.0501


def walked(path: str) -> list[tuple[float, float]]:
    """Each corner of *path*, read by a parser of its own."""
    at, found = (0.0, 0.0), []
    for command, told in re.findall(r"([Mlhv])([^Mlhv]*)", path):
        numbers = [float(each) for each in re.findall(r"-?(?:\d+\.\d+|\.\d+|\d+)", told)]
        x, y = {"h": (numbers[0], 0.0), "v": (0.0, numbers[0])}.get(command, tuple(numbers[:2]))
        at = (x, y) if command == "M" else (at[0] + x, at[1] + y)
        found.append(at)
    return found


def test_a_closed_path_stays_closed() -> None:
    """An area is one."""
    assert relative("M0,0L1,0L1,1L0,0Z") == "M0,0h1v1l-1-1Z"
