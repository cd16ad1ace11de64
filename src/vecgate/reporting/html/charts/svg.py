"""Write inline SVG. Text is escaped, and paths are short: relative, in whole units of their view box.

A picture is as wide as its column, whatever that is: the plot area is a nested view box that stretches, while
texts and symbols are placed by percentages and keep their size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias
from xml.etree import ElementTree as ET

from vecgate.reporting.html.untrusted_text import make_visible

#: A corner in units of the view box.
Corner: TypeAlias = tuple[int, int]
#: The view box of the plot area: WIDTH units from left to right, and SCALE units for each pixel down.
WIDTH, SCALE = 2_000, 2
PER_CENT = 100


def element(tag: str, *children: ET.Element, **attributes: str | float) -> ET.Element:
    """Return an element. Underscores in names of attributes stand for hyphens; empty ones are left out."""
    texts = {name.strip("_").replace("_", "-"): _format(value) for name, value in attributes.items()}
    made = ET.Element(tag, {name: text for name, text in texts.items() if text})
    made.extend(children)
    return made


def label(text: str, **attributes: str | float) -> ET.Element:
    """Return a text. It may come from outside."""
    made = element("text", **attributes)
    made.text = make_visible(text)
    return made


def percent(fraction: float) -> str:
    """Return a position or a length as a percentage of the width."""
    return f"{PER_CENT * fraction:.2f}".rstrip("0").rstrip(".") + "%"


def stretched(height: int, marks: Iterable[ET.Element]) -> ET.Element:
    """Return *marks*, in units of the view box, in a box that is as wide as the picture."""
    return element(
        "svg",
        *marks,
        width="100%",
        height=height,
        viewBox=f"0 0 {WIDTH} {SCALE * height}",
        preserveAspectRatio="none",
    )


def path_through(corners: Sequence[Corner]) -> str:
    """Return the path through *corners*, in relative coordinates. One corner alone is a dot."""
    first, *others = corners
    commands, level = [f"M{first[0]},{first[1]}"], 0
    (x, y) = first
    for to_x, to_y in others:
        step_x, step_y = to_x - x, to_y - y
        x, y = to_x, to_y
        if not step_y:
            # Steps on one level are one line.
            level += step_x
            continue
        if level:
            commands.append(f"h{level}")
            level = 0
        commands.append(f"l{step_x}{_signed(step_y)}" if step_x else f"v{step_y}")
    if level or len(commands) == 1:
        commands.append(f"h{level}")
    return "".join(commands)


def inline_svg(
    marks: Iterable[ET.Element], id_: str, title: str, description: str, *, height: int, width: int = 0
) -> str:
    """Return a picture as an element of an HTML page.

    Screen readers read *title* and *description*, not the marks. Without a *width* in pixels the picture is
    as wide as its column.
    """
    labels = f"{id_}-title {id_}-desc" if description else f"{id_}-title"
    page = element("svg", class_="plot", role="img", aria_labelledby=labels, height=height, width=width)
    ET.SubElement(page, "title", id=f"{id_}-title").text = make_visible(title)
    if description:
        ET.SubElement(page, "desc", id=f"{id_}-desc").text = make_visible(description)
    page.extend(list(marks))
    return ET.tostring(page, encoding="unicode")


def _format(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.1f}".removesuffix(".0") if value else ""


def _signed(number: int) -> str:
    return str(number) if number < 0 else f",{number}"
