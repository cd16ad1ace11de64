"""The arrival cursor, compared with a plain loop over all arrivals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.load.schedule.arrival_cursor import CHUNK, ArrivalCursor
from vecgate.load.schedule.arrival_schedule import Schedule
from vecgate.load.schedule.partition import NO_ARRIVAL, Partition
from vecgate.results.load.load_records import Stage

ALL = Partition(0, 0, 1)
NONE = Partition(0, 0, 0)


def schedule_of(rate: float, duration_s: float) -> Schedule:
    stage = Stage(kind="constant", from_per_s=rate, to_per_s=rate, duration_s=duration_s)
    return Schedule.from_stages([stage], units_per_arrival=1, seed=0)


def cursor_on(rate: float, duration_s: float, partition: Partition = ALL) -> ArrivalCursor:
    cursor = ArrivalCursor(schedule_of(rate, duration_s))
    assert cursor.repartition(partition) == 0
    return cursor


def walk(cursor: ArrivalCursor, until: int = NO_ARRIVAL) -> list[int]:
    """Advance the cursor through its arrivals below *until*, and return them."""
    passed = []
    while not cursor.is_exhausted and cursor.next_arrival < until:
        passed.append(cursor.advance())
    return passed


def partitions(total: int = 40) -> SearchStrategy[Partition]:
    """Generate partitions, including the empty one."""

    def build(first: int, part: int, parts: int) -> Partition:
        return Partition(first, part % parts if parts else 0, parts)

    return st.builds(build, st.integers(0, total), st.integers(0, 3), st.integers(0, 4))


@pytest.mark.parametrize(
    ("partition", "arrivals"),
    [
        (ALL, [0, 1, 2, 3, 4, 5]),
        (NONE, []),
        (Partition(0, 1, 2), [1, 3, 5]),
        (Partition(2, 0, 3), [3]),
        (Partition(6, 0, 1), []),
    ],
)
def test_a_cursor_passes_the_arrivals_of_its_partition_in_order(
    partition: Partition, arrivals: list[int]
) -> None:
    """Then it is exhausted."""
    cursor = cursor_on(10, 0.6, partition)
    assert walk(cursor) == arrivals
    assert cursor.is_exhausted
    assert not cursor.is_stopped


def test_a_cursor_without_a_partition_has_no_arrival() -> None:
    """A worker that has not started yet waits for its partition."""
    cursor = ArrivalCursor(schedule_of(10, 1))
    assert (cursor.next_arrival, cursor.is_exhausted) == (NO_ARRIVAL, True)


def test_each_arrival_has_the_due_time_of_the_schedule() -> None:
    """Across several of the chunks in which due times are fetched."""
    schedule = schedule_of(1_000, 3)
    cursor = ArrivalCursor(schedule)
    cursor.repartition(Partition(0, 1, 2))
    assert schedule.total > 2 * CHUNK
    while not cursor.is_exhausted:
        due_s = cursor.next_due_s
        assert due_s == schedule.due_s(cursor.next_arrival, cursor.next_arrival + 1)[0]
        cursor.advance()


@given(parts=st.lists(partitions(), min_size=1, max_size=5), steps=st.lists(st.integers(0, 12), max_size=5))
def test_what_was_passed_and_what_comes_too_late_cover_the_workers_arrivals(
    parts: list[Partition], steps: list[int]
) -> None:
    """However often the arrivals are partitioned: none is passed twice, and none is unaccounted for."""
    cursor = ArrivalCursor(schedule_of(40, 1))
    passed, late = list[int](), 0
    for partition, step in zip(parts, [*steps, *[0] * len(parts)], strict=False):
        late += cursor.repartition(partition)
        passed += [cursor.advance() for _ in range(step) if not cursor.is_exhausted]
        assert len(passed) + late >= cursor.partitions.count(0, max(passed, default=-1) + 1)
    passed += walk(cursor)
    assert passed == sorted(set(passed))
    assert len(passed) + late >= cursor.partitions.count(0, 40)


@pytest.mark.parametrize(
    ("partition", "late", "next_arrival"),
    [
        (Partition(5, 0, 1), 0, 5),  # from the next arrival on
        (Partition(8, 0, 2), 0, 5),  # in time: the old partition is valid until then
        (Partition(2, 0, 2), 0, 6),  # 2 and 4 were passed already, as the worker's own
        (Partition(3, 0, 0), 0, NO_ARRIVAL),
    ],
)
def test_a_repartition_takes_effect_at_its_first_arrival(
    partition: Partition, late: int, next_arrival: int
) -> None:
    """The cursor is at arrival 5 of a worker that has sent all arrivals so far."""
    cursor = cursor_on(10, 2)
    walk(cursor, until=5)
    assert (cursor.repartition(partition), cursor.next_arrival) == (late, next_arrival)


def test_arrivals_that_belonged_to_another_worker_come_too_late() -> None:
    """The worker was at the odd arrivals; now the even ones from 2 on are its own too."""
    cursor = cursor_on(10, 2, Partition(0, 1, 2))
    assert walk(cursor, until=8) == [1, 3, 5, 7]
    assert cursor.repartition(Partition(2, 0, 1)) == 3
    assert cursor.next_arrival == 8


@given(count=st.integers(0, 20), partition=partitions())
def test_a_stopped_cursor_has_no_arrival_whatever_its_partition(count: int, partition: Partition) -> None:
    """A message with a new partition may arrive after the stop."""
    cursor = cursor_on(10, 2)
    for _ in range(count):
        cursor.advance()
    cursor.stop()
    assert (cursor.is_exhausted, cursor.is_stopped) == (True, count < 20)
    assert cursor.count_due(0, 2) == count
    cursor.repartition(partition)
    assert cursor.is_exhausted


@given(partition=partitions(), until=st.integers(0, 40))
def test_remaining_arrivals_can_be_skipped(partition: Partition, until: int) -> None:
    """They are counted, once."""
    cursor, twin = cursor_on(20, 2, partition), cursor_on(20, 2, partition)
    walk(cursor, until)
    walk(twin, until)
    assert cursor.skip_remaining() == len(walk(twin))
    assert cursor.is_exhausted
    assert cursor.skip_remaining() == 0


@given(partition=partitions(), from_ms=st.integers(-100, 2_200), for_ms=st.integers(0, 1_000))
def test_due_arrivals_are_counted_between_any_two_times(
    partition: Partition, from_ms: int, for_ms: int
) -> None:
    """Those of this worker only, whether passed or not."""
    schedule, cursor = schedule_of(20, 2), cursor_on(20, 2, partition)
    from_s, to_s = from_ms / 1e3, (from_ms + for_ms) / 1e3
    due = [arrival for arrival, at_s in enumerate(schedule.due_s(0, schedule.total)) if from_s <= at_s < to_s]
    assert cursor.count_due(from_s, to_s) == sum(partition.count(each, each + 1) for each in due)
    walk(cursor)
    assert cursor.count_due(from_s, to_s) == sum(partition.count(each, each + 1) for each in due)
