"""Numbers with their units, as prose, tables and transcripts have them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Unit to its dimension and its size in that.
UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("µs", "us"), ("time", 1e-6)),
    "ms": ("time", 1e-3),
    **dict.fromkeys(("s", "second", "seconds"), ("time", 1.0)),
    **dict.fromkeys(("min", "minute", "minutes"), ("time", 60.0)),
    **dict.fromkeys(("h", "hour", "hours"), ("time", 3_600.0)),
    **dict.fromkeys(("byte", "bytes"), ("bytes", 1.0)),
    **{unit: ("bytes", 1000.0 ** (power + 1)) for power, unit in enumerate(("KB", "MB", "GB"))},
    **{unit: ("bytes", 1024.0 ** (power + 1)) for power, unit in enumerate(("KiB", "MiB", "GiB"))},
    "%": ("share", 0.01),
    **dict.fromkeys(("×", "times"), ("factor", 1.0)),
    **dict.fromkeys(("core", "cores"), ("cores", 1.0)),
    **dict.fromkeys(("requirement", "requirements"), ("requirements", 1.0)),
    **dict.fromkeys(("/s", " a second"), ("rate", 1.0)),
    "$": ("dollars", 1.0),
}
#: Of a number that has no unit beside it, such as one in a table.
BARE = "none"
COUNTED = r"(?:vectors|requests|writes|queries|searches|records|rows)"
NUMBER = r"\d{1,3}(?:[,_]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
WORDS = "|".join(
    re.escape(unit)
    for unit in sorted(UNITS, key=len, reverse=True)
    if unit not in {"/s", " a second", "$", "×"}
)
QUANTITY = re.compile(
    rf"(?<![\w.\-/,^])(?:(?P<usd>\$)(?P<dollars>{NUMBER})"
    rf"|(?P<number>{NUMBER})(?:[ \u00a0]?{COUNTED}?(?P<rate>/s| a second)(?!\w)"
    rf"|[ \u00a0]?(?P<unit>{WORDS})(?![\w/(])"
    # 500 × 1,024 is a shape, and 64 × float32 too.
    r"|[ \u00a0]?(?P<factor>×)(?![ \u00a0]?[\d`(]|[ \u00a0]?float)))"
)
FIGURE = re.compile(rf"(?<![\w.])(?:{NUMBER})(?![\w.]*\w)")
THOUSAND = 1_000
#: A member of JSON whose name ends with its unit; percentiles are of times.
JSON_MEMBER = re.compile(rf'"(?:\w*?_)?(?:(?P<rate>per_s)|(?P<ms>ms|p\d+)|s)"\s*:\s*(?P<number>{NUMBER})')


@dataclass(frozen=True, slots=True)
class Quantity:
    """*text* as it stands there, its value in the base unit of *dimension*, the step of its last digit."""

    text: str
    dimension: str
    value: float
    step: float

    def same_as(self, other: Quantity) -> bool:
        """Both say the same."""
        return self.dimension == other.dimension and abs(self.value - other.value) <= 1e-9 * abs(self.value)

    def rounds(self, other: Quantity) -> bool:
        """This is *other*, perhaps in fewer digits; a number without a unit is taken to be in this one's."""
        if other.dimension not in {self.dimension, BARE}:
            return False
        size = self.size if other.dimension == BARE else 1.0
        return abs(other.value * size - self.value) <= self.step / 2 + 1e-9 * abs(self.value)

    @property
    def size(self) -> float:
        """Of its unit in the base unit."""
        match = QUANTITY.search(self.text)
        return UNITS[_unit(match)][1] if match else 1.0


def quantities(text: str) -> Iterator[Quantity]:
    """Every number in *text* that has a unit."""
    for match in QUANTITY.finditer(text):
        dimension, size = UNITS[_unit(match)]
        yield _quantity(match[0], match["dollars"] or match["number"], dimension, size)


def json_quantities(text: str) -> Iterator[Quantity]:
    """Every number in a line of JSON whose name says its unit: `"ms": 13.4`, `"p99": 24`."""
    for match in JSON_MEMBER.finditer(text):
        unit = "/s" if match["rate"] else " ms" if match["ms"] else " s"
        yield from quantities(f"{match['number']}{unit}")


def figures(text: str) -> Iterator[Quantity]:
    """Every number in *text*, with or without a unit."""
    yield from quantities(text)
    for match in FIGURE.finditer(text):
        yield _quantity(match[0], match[0], BARE, 1.0)


def quantity(text: str) -> Quantity:
    """The one quantity that *text* is. Raises ValueError."""
    found = list(quantities(text))
    if len(found) != 1 or found[0].text != text:
        raise ValueError(f"{text!r} is no number with its unit")
    return found[0]


def _unit(match: re.Match[str]) -> str:
    return match["usd"] or match["rate"] or match["unit"] or match["factor"]


def _quantity(text: str, number: str, dimension: str, size: float) -> Quantity:
    plain = number.replace(",", "").replace("_", "")
    return Quantity(text, dimension, float(plain) * size, _step(plain) * size)


def _step(plain: str) -> float:
    """Of the last digit that tells something: the zeros of 36,000 do not, that of 10 does."""
    _, point, decimals = plain.partition(".")
    if point:
        return 10.0 ** -len(decimals)
    return 10.0 ** (len(plain) - len(plain.rstrip("0"))) if int(plain) >= THOUSAND else 1.0
