"""A chart of the library made ready for the page: small, nameless to machines, named for people."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from vecgate.reporting.html.text import visible

_NAMESPACES = re.compile(r' xmlns(?::\w+)?="[^"]*"')
_FRACTION = re.compile(r"\d+\.\d+(?:e-\d+)?")
_COMMANDS = re.compile(r"([MLZ])([^MLZ]*)")
_CORNERS = re.compile(r"[MLZ0-9.,e-]+")
#: Kept of what the library writes; fonts and the rest are the style sheet's.
ROUNDED = frozenset({"d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height"})
KEPT = ROUNDED | {
    *("fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity", "stroke-opacity"),
    *("text-anchor", "font-weight"),
}
DEFAULTS = {("opacity", "1"), ("stroke-dasharray", "1,0"), ("stroke-width", "1")}
FRAMES = frozenset({"background", "foreground"})


def inlined(svg: str, id_: str, title: str, told: str, *, is_broad: bool = False) -> str:
    """The *svg* as a part of a page: *title* and what is *told* are read out, the marks are not.

    Where it *is_broad* it says its width, which it then has on any screen.
    """
    # The library's own text: nothing in it comes from outside but labels, which are escaped.
    root = ET.fromstring(_NAMESPACES.sub("", svg))  # noqa: S314 - made on this machine a moment ago
    box = root.get("viewBox", "")
    marks = [each for child in root for each in _cleaned(child)]
    page = ET.Element("svg", {"class": "plot", "viewBox": box, "role": "img"})
    if is_broad:
        page.set("width", box.split()[2])
    page.set("aria-labelledby", f"{id_}-title {id_}-told" if told else f"{id_}-title")
    ET.SubElement(page, "title", id=f"{id_}-title").text = visible(title)
    if told:
        ET.SubElement(page, "desc", id=f"{id_}-told").text = visible(told)
    page.extend(marks)
    return ET.tostring(page, encoding="unicode")


def _cleaned(element: ET.Element) -> list[ET.Element]:
    """What is left of *element*: itself, its children where it says nothing, or nothing."""
    if element.get("class") in FRAMES or element.get("d") == "":
        return []
    children = [each for child in element for each in _cleaned(child)]
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
    if name == "d" and _CORNERS.fullmatch(value):
        return relative(value)
    return _FRACTION.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value)


def relative(path: str) -> str:
    """A *path* of straight lines by steps from corner to corner: half as long, in tenths of a pixel.

    The corners are rounded, not the steps, so that nothing adds up.
    """
    told: list[str] = []
    x = y = 0
    for command, corner in _COMMANDS.findall(path):
        if command == "Z":
            told.append("Z")
            continue
        to_x, to_y = (round(10 * float(each)) for each in corner.split(","))
        told.append(_step(to_x, to_y, "M") if command == "M" else _step(to_x - x, to_y - y, "l"))
        x, y = to_x, to_y
    return "".join(told)


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
