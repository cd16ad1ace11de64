"""The colours of the style sheet are readable in both themes, according to the formula of WCAG."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

STYLE = files("vecgate.reporting.html").joinpath("templates", "style.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
)
TEXTS = ("ink", "muted", "link", "good", "bad", "doubt")
BACKGROUNDS = {"ink": ("page", "panel", "good-ground", "bad-ground", "doubt-ground", "found-ground")} | {
    "muted": ("page", "panel", "good-ground", "doubt-ground"),
    "link": ("page", "panel", "found-ground"),
    "good": ("page", "panel", "good-ground"),
    "bad": ("page", "panel", "bad-ground"),
    "doubt": ("page", "panel", "doubt-ground"),
}
TONES = (
    *("offered", "achieved", "response", "service", "p50", "p95", "p99", "failed", "throttled", "dropped"),
    *("lost", "late", "flight", "generator", "unknown"),
)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_enough_contrast(theme: dict[str, str]) -> None:
    """4.5 to 1 on every background, also in the cells of a heat map."""
    weak = [
        (text, on) for text in TEXTS for on in BACKGROUNDS[text] if contrast(theme[text], theme[on]) < 4.5
    ]
    weak += [
        (f"heat-ink-{heat}", f"heat-{heat}")
        for heat in range(7)
        if contrast(theme[f"heat-ink-{heat}"], theme[f"heat-{heat}"]) < 4.5
    ]
    assert weak == []


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_have_enough_contrast(theme: dict[str, str]) -> None:
    """3 to 1 to the background of the page."""
    assert [tone for tone in TONES if contrast(theme[tone], theme["page"]) < 3] == []


def test_both_themes_have_the_same_variables() -> None:
    """All rules use variables for colours, except for the one of a shadow."""
    assert LIGHT.keys() == DARK.keys()
    rules = STYLE[STYLE.index("* { box-sizing") :]
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", rules) == []
    assert set(re.findall(r"var\(--([\w-]+)\)", rules)) <= LIGHT.keys()
