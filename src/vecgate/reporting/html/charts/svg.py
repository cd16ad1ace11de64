"""Convert the SVG of the chart library for use in a page: smaller, and labelled for screen readers."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from vecgate.reporting.html.untrusted_text import make_visible

_NAMESPACES = re.compile(r' xmlns(?::\w+)?="[^"]*"')
_FRACTION = re.compile(r"\d+\.\d+(?:e-\d+)?")
_COMMANDS = re.compile(r"([MLZ])([^MLZ]*)")
_STRAIGHT_PATH = re.compile(r"[MLZ0-9.,e-]+")
#: Attributes kept from the output of the library. The style sheet sets fonts and everything else.
ROUNDED = frozenset({"d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height"})
KEPT = ROUNDED | {
    *("fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity", "stroke-opacity"),
    *("text-anchor", "font-weight"),
}
DEFAULTS = {("opacity", "1"), ("stroke-dasharray", "1,0"), ("stroke-width", "1")}
FRAMES = frozenset({"background", "foreground"})


def inline_svg(svg: str, id_: str, title: str, description: str, *, has_fixed_width: bool = False) -> str:
    """Return *svg* as an element of an HTML page.

    Screen readers read *title* and *description*, not the marks. With *has_fixed_width* the picture keeps its
    width on every screen; otherwise it scales with the page.
    """
    # The library made this text. Only the labels in it come from outside, and the library escapes them.
    root = ET.fromstring(_NAMESPACES.sub("", svg))  # noqa: S314 - made in this process a moment ago
    view_box = root.get("viewBox", "")
    marks = [each for child in root for each in _simplify(child)]
    page = ET.Element("svg", {"class": "plot", "viewBox": view_box, "role": "img"})
    if has_fixed_width:
        page.set("width", view_box.split()[2])
    page.set("aria-labelledby", f"{id_}-title {id_}-desc" if description else f"{id_}-title")
    ET.SubElement(page, "title", id=f"{id_}-title").text = make_visible(title)
    if description:
        ET.SubElement(page, "desc", id=f"{id_}-desc").text = make_visible(description)
    page.extend(marks)
    return ET.tostring(page, encoding="unicode")


def _simplify(element: ET.Element) -> list[ET.Element]:
    """Return *element* with few attributes, only its children if it adds nothing, or nothing if invisible."""
    if element.get("class") in FRAMES or element.get("d") == "":
        return []
    children = [each for child in element for each in _simplify(child)]
    attributes = {name: _rounded(name, value) for name, value in element.items() if name in KEPT}
    attributes = {name: value for name, value in attributes.items() if (name, value) not in DEFAULTS}
    if attributes.get("transform") == "translate(0,0)":
        del attributes["transform"]
    if element.tag == "g" and (not attributes or not children):
        return children
    kept = ET.Element(element.tag, attributes)
    kept.text = element.text
    kept.extend(children)
    return [kept]


def _rounded(name: str, value: str) -> str:
    if name not in ROUNDED:
        return value
    if name == "d" and _STRAIGHT_PATH.fullmatch(value):
        return to_relative_path(value)
    return _FRACTION.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), value)


def to_relative_path(path: str) -> str:
    """Return a *path* of straight lines in relative coordinates, in tenths of a pixel: half the length.

    Rounds the corners, not the steps between them, so that rounding errors do not add up.
    """
    commands: list[str] = []
    x = y = 0
    for command, corner in _COMMANDS.findall(path):
        if command == "Z":
            commands.append("Z")
            continue
        to_x, to_y = (round(10 * float(each)) for each in corner.split(","))
        commands.append(_step(to_x, to_y, "M") if command == "M" else _step(to_x - x, to_y - y, "l"))
        x, y = to_x, to_y
    return "".join(commands)


def _step(x: int, y: int, command: str) -> str:
    if command == "l" and not y:
        return f"h{_tenths(x)}"
    if command == "l" and not x:
        return f"v{_tenths(y)}"
    down = _tenths(y)
    return f"{command}{_tenths(x)}{down if down.startswith('-') else f',{down}'}"


def _tenths(number: int) -> str:
    whole = f"{abs(number) // 10 or ''}" if number % 10 else f"{abs(number) // 10}"
    return f"{'-' if number < 0 else ''}{whole}" + (f".{abs(number) % 10}" if number % 10 else "")
