from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.reporting.html.series import Timeline, shortened
from vecgate.results.load import OperationSecond, Second

columns = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=900)


@given(column=columns, limit=st.sampled_from([2, 3, 10, 200]))
@example(column=[0.0] * 499 + [9.0] + [0.0] * 500, limit=200)
def test_a_long_series_is_cut_and_loses_neither_its_highest_nor_its_lowest(
    column: list[float | None], limit: int
) -> None:
    """A spike of one second stays a spike, where it was."""
    found = shortened(range(len(column)), [tuple(column)], limit)
    (kept,) = found.columns
    assert len(found.places) == len(kept) <= max(limit, 2)
    assert list(found.places) == sorted(found.places)
    known = [value for value in column if value is not None]
    left = [value for value in kept if value is not None]
    assert bool(known) == bool(left)
    assert not known or (min(known), max(known)) == (min(left), max(left))


def test_what_came_first_of_a_bucket_stays_first() -> None:
    """And a bucket of which nothing is known stays a hole."""
    found = shortened(range(8), [(1, 5, 9, 2, None, None, None, None)], 4)
    assert list(found.places) == [0, 2, 4, 6]
    assert found.columns == ((1, 9, None, None),)


def test_a_second_that_is_missing_leaves_a_hole() -> None:
    """However long, it takes one place; seconds come in any order, the last of two with one time counts."""
    done = OperationSecond(ok=3)
    seconds = [
        Second(at_s=10**9, due=4),
        Second(at_s=1, due=2, operations={"PutVectors": done}),
        Second(at_s=0),
        Second(at_s=0, due=1),
    ]
    timeline = Timeline(seconds)
    assert timeline.at == [0, 1, 2, 10**9]
    assert timeline.of(lambda second: second.due) == (1, 2, None, 4)
    assert timeline.of_operation("PutVectors", lambda operation: operation.ok) == (None, 3, None, None)
    assert timeline.end_s == 10**9 + 1


def test_a_run_without_seconds_has_no_time() -> None:
    """It was killed before the first."""
    timeline = Timeline([])
    assert (timeline.at, timeline.end_s, timeline.of(lambda second: second.due)) == ([], 0.0, ())
