from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from vecgate.gate.load_verdict import DEFAULT_THRESHOLDS
from vecgate.gate.thresholds import COMPARATORS, METRICS, UNITS, parse_threshold
from vecgate.results.load.generator_health import (
    BUSY_CORES,
    LAG_MS,
    MISSED_SHARE,
    ROOM_SHARE,
    STRAINED_SECONDS,
    STRAINED_SHARE,
)

PAGE = (Path(__file__).parents[2] / "docs" / "thresholds.md").read_text(encoding="utf-8")
#: Each metric on the page with its tags and units.
ROWS = {
    metric: (re.findall(r"`(\w+)`", tags), units)
    for names, tags, units in re.findall(r"^\| (`[^|]+) \|[^|]+\|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)
    for metric in re.findall(r"`([^`]+)`", names)
}


def test_every_metric_is_explained() -> None:
    """In a separate row, or with similar ones."""
    explained = {parse_threshold(f"{metric} < {limit_of(metric)}").metric for metric in ROWS}
    assert explained == set(METRICS)


def limit_of(metric: str) -> str:
    """Return a limit that the row of *metric* allows."""
    unit = next(iter(re.findall(r"`([^`]+)`", ROWS[metric][1])), "")
    return f"0.5{unit}"


@pytest.mark.parametrize("metric", ROWS)
def test_a_row_lists_the_tags_and_units_of_its_metric(metric: str) -> None:
    """No more, and no fewer."""
    tags, units = ROWS[metric]
    known = METRICS[parse_threshold(f"{metric} < {limit_of(metric)}").metric]
    assert tuple(tags) == known.tags
    assert tuple(re.findall(r"`([^`]+)`", units)) == tuple(unit for unit in known.units if unit)
    assert ("none" in units) is ("" in known.units)


def test_comparators_and_defaults_are_named() -> None:
    """Each of them."""
    for word in (*COMPARATORS, *DEFAULT_THRESHOLDS, *(unit for unit in UNITS if unit)):
        assert f"`{word}`" in PAGE


def test_the_thresholds_shown_are_valid() -> None:
    """Those in the scenarios on the page."""
    shown = [tomllib.loads(block.split("```")[0]) for block in PAGE.split("```toml\n")[1:]]
    texts = [
        each if isinstance(each, str) else each["threshold"]
        for block in shown
        for each in block["thresholds"]
    ]
    assert len(texts) == 10
    assert [parse_threshold(text).text for text in texts] == texts


def test_the_limits_of_the_generator_are_the_constants_of_the_code() -> None:
    """So the page cannot differ from the program."""
    assert (STRAINED_SHARE, STRAINED_SECONDS, ROOM_SHARE, MISSED_SHARE) == (1 / 5, 3, 1 / 2, 0.01)
    assert f"used {BUSY_CORES:g} of a core or its event loop was {LAG_MS:g} ms late" in PAGE
