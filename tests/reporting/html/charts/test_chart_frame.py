"""Positions on axes, and labels that do not collide."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.reporting.html.charts.axes import change_axis, linear_axis, log_axis, time_axis
from vecgate.reporting.html.charts.chart_frame import (
    CHARACTER,
    WIDTHS,
    Scale,
    limit_lines,
    marker_names,
    x_labels,
    y_labels,
)
from vecgate.reporting.html.charts.plots import Axis, Limit, Marker


def spans(labels: list[ET.Element], width: float) -> list[tuple[float, float]]:
    """Return from where to where each of *labels* reaches in a plot area of *width* pixels."""
    found = []
    for each in labels:
        at = float((each.get("x") or "0%").rstrip("%")) / 100 * width
        size = CHARACTER * len(each.text or "")
        start = {"middle": at - size / 2, "end": at - size}.get(each.get("text-anchor") or "", at)
        found.append((start, start + size))
    return found


def shown_at(labels: list[ET.Element], class_: str) -> list[ET.Element]:
    """Return the labels that the style sheet shows at the width of *class_*."""
    classes = [(each.get("class") or "").split() for each in labels]
    return [each for each, own in zip(labels, classes, strict=True) if "only" not in own or class_ in own]


@pytest.mark.parametrize("value", [-1e300, 0.0, 5.0, 1e300, float("inf"), float("nan")])
@pytest.mark.parametrize("axis", [linear_axis([10.0]), log_axis([1.0, 50.0])])
def test_every_value_has_a_position_on_the_axis(axis: Axis, value: float) -> None:
    """Those outside are at its ends: a stream may contain any number."""
    assert 0 <= Scale(axis).fraction(value) <= 1


def test_zero_has_no_place_on_a_logarithmic_axis() -> None:
    """It is a gap, as a missing value is."""
    scale = Scale(log_axis([1.0, 50.0]))
    assert [scale.is_drawable(each) for each in (None, 0.0, 5.0, float("nan"))] == [False, False, True, False]
    assert Scale(linear_axis([1.0])).is_drawable(0.0)


@given(end_s=st.floats(1, 1e6))
def test_labels_below_a_chart_do_not_collide(end_s: float) -> None:
    """At any width; a narrow column has fewer of them."""
    labels = list(x_labels(Scale(time_axis(end_s)), 100))
    for width, class_ in WIDTHS:
        shown = shown_at(labels, class_)
        # The label at the right end is moved inwards.
        assert all(end <= start for (_, end), (start, _) in pairwise(spans(shown[:-1], width)))
        assert shown


def test_labels_beside_a_low_chart_do_not_collide() -> None:
    """Some are left out."""
    tall, low = (list(y_labels(Scale(linear_axis([100.0])), height)) for height in (190, 45))
    assert [each.text for each in tall] == ["0", "25", "50", "75", "100"]
    assert 1 <= len(low) < len(tall)


def test_names_of_stages_are_shortened_to_their_stage() -> None:
    """A name that fits only in a wide column has a shorter version for a narrow one; very short stages have none."""
    axis = time_axis(100)
    markers = (Marker(0, "warm-up"), Marker(50, "a stage with a name"), Marker(95, "end"))
    names = list(marker_names(markers, Scale(axis)))
    for width, class_ in WIDTHS:
        shown = shown_at(names, class_)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans(shown, width)))
    assert [each.text for each in shown_at(names, "s")] == ["warm-up", "a stage with a …"]
    assert [each.text for each in shown_at(names, "l")] == ["warm-up", "a stage with a name", "end"]
    assert list(marker_names((), Scale(axis))) == []


def test_the_name_of_a_single_marker_near_the_end_is_left_of_it() -> None:
    """There it has space."""
    (name,) = marker_names([Marker(95, "highest rate")], Scale(time_axis(100)))
    assert (name.text, name.get("text-anchor"), name.get("class")) == ("highest rate", "end", "name")


def test_a_limit_outside_the_axis_is_not_drawn() -> None:
    """It would be at the end of the axis, where it is not."""
    scale = Scale(linear_axis([10.0]))
    assert len(list(limit_lines([Limit(5, "a"), Limit(50, "b")], scale, 100))) == 1


def test_an_axis_of_changes_has_zero_in_its_middle() -> None:
    """It ends at the largest change, or at the most that is shown."""
    axis = change_axis([0.05, -0.18, float("inf")], most=1.0)
    assert Scale(axis).fraction(0.0) == 0.5
    assert [label for _, label in axis.ticks] == ["-10 %", "0", "+10 %"]
    assert change_axis([5.0], most=1.0).high == 1.0
