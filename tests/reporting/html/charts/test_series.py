from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.reporting.html.charts.series import Timeline, downsample
from vecgate.results.load.load_records import OperationSecond, Second

columns = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=900)


@given(column=columns, limit=st.sampled_from([2, 3, 10, 200]))
@example(column=[0.0] * 499 + [9.0] + [0.0] * 500, limit=200)
def test_a_long_series_keeps_its_highest_and_its_lowest_value(column: list[float | None], limit: int) -> None:
    """A spike of one second stays visible, at its position."""
    found = downsample(range(len(column)), [tuple(column)], limit)
    (kept,) = found.columns
    assert len(found.x_values) == len(kept) <= max(limit, 2)
    assert list(found.x_values) == sorted(found.x_values)
    known = [value for value in column if value is not None]
    remaining = [value for value in kept if value is not None]
    assert bool(known) == bool(remaining)
    assert not known or (min(known), max(known)) == (min(remaining), max(remaining))


def test_a_bucket_keeps_the_order_of_its_values() -> None:
    """A bucket without values stays empty."""
    found = downsample(range(8), [(1, 5, 9, 2, None, None, None, None)], 4)
    assert list(found.x_values) == [0, 2, 4, 6]
    assert found.columns == ((1, 9, None, None),)


def test_missing_seconds_leave_one_gap() -> None:
    """However many are missing. Seconds may be in any order; of two with the same time, the last counts."""
    done = OperationSecond(ok=3)
    seconds = [
        Second(at_s=10**9, due=4),
        Second(at_s=1, due=2, operations={"PutVectors": done}),
        Second(at_s=0),
        Second(at_s=0, due=1),
    ]
    timeline = Timeline(seconds)
    assert timeline.at == [0, 1, 2, 10**9]
    assert timeline.values(lambda second: second.due) == (1, 2, None, 4)
    assert timeline.operation_values("PutVectors", lambda operation: operation.ok) == (None, 3, None, None)
    assert timeline.end_s == 10**9 + 1


def test_a_run_without_seconds_has_an_empty_timeline() -> None:
    """It ended in its first second."""
    timeline = Timeline([])
    assert (timeline.at, timeline.end_s, timeline.values(lambda second: second.due)) == ([], 0.0, ())
