from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.load.schedule.partition import NO_ARRIVAL, Partition, PartitionSequence, partition_arrivals

END = 400


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, list[str]]]:
    """Generate the sets of workers and the arrival from which each applies; workers may leave and come back."""
    starts = sorted(draw(st.sets(st.integers(1, END - 1), max_size=6)))
    workers = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True)
    return [(start, draw(workers)) for start in (0, *starts)]


def partitions_after(history: list[tuple[int, list[str]]]) -> dict[str, PartitionSequence]:
    """Return the partitions of each worker that knows all of *history*; none while it is absent."""
    by_worker = {name: PartitionSequence(()) for name in "abcdefgh"}
    for start, workers in history:
        parts = partition_arrivals(workers, start)
        by_worker = {
            name: partitions.followed_by(parts.get(name, Partition(start, 0, 0)))
            for name, partitions in by_worker.items()
        }
    return by_worker


def arrivals_of(partitions: PartitionSequence, last: int = END) -> list[int]:
    """Return all arrivals of a worker before *last*, as it walks through them."""
    found, arrival = [], partitions.next_from(0)
    while arrival < last:
        found.append(arrival)
        arrival = partitions.next_from(arrival + 1)
    return found


def test_workers_take_turns() -> None:
    """Each takes the arrivals with its remainder, from the first arrival of the partition on."""
    parts = partition_arrivals(["a", "b", "c"], 10)
    assert parts == {"a": Partition(10, 0, 3), "b": Partition(10, 1, 3), "c": Partition(10, 2, 3)}
    assert arrivals_of(PartitionSequence((parts["b"],)), 20) == [10, 13, 16, 19]
    assert arrivals_of(PartitionSequence((parts["a"],)), 20) == [12, 15, 18]


def test_a_partition_is_valid_until_the_next() -> None:
    """A worker that leaves at 4 and is back at 8 has no arrivals in between."""
    partitions = PartitionSequence((Partition(0, 1, 2), Partition(4, 0, 0), Partition(8, 0, 1)))
    assert arrivals_of(partitions, 11) == [1, 3, 8, 9, 10]
    assert [partitions.next_from(arrival) for arrival in (0, 2, 4, 7, 9)] == [1, 3, 8, 8, 9]


def test_a_worker_without_a_partition_has_no_arrival() -> None:
    """Neither before the first partition nor after one that excludes it."""
    assert PartitionSequence(()).next_from(0) == NO_ARRIVAL
    assert PartitionSequence((Partition(0, 0, 0),)).next_from(5) == NO_ARRIVAL
    assert PartitionSequence((Partition(5, 0, 1),)).next_from(0) == 5


def test_a_partition_replaces_those_that_begin_later() -> None:
    """Two workers join shortly after one another: the last message counts."""
    partitions = PartitionSequence((Partition(0, 0, 1), Partition(100, 0, 2))).followed_by(
        Partition(90, 0, 3)
    )
    assert partitions == PartitionSequence((Partition(0, 0, 1), Partition(90, 0, 3)))


def test_a_worker_named_twice_gets_one_partition() -> None:
    """Workers are identified by their names."""
    assert partition_arrivals(["a", "b", "a"], 0) == {"a": Partition(0, 0, 2), "b": Partition(0, 1, 2)}
    assert partition_arrivals([], 7) == {}


@given(history=histories())
def test_each_arrival_belongs_to_exactly_one_worker(history: list[tuple[int, list[str]]]) -> None:
    """When workers join or leave: no gap, nothing twice."""
    by_worker = partitions_after(history)
    assert sorted(
        arrival for partitions in by_worker.values() for arrival in arrivals_of(partitions)
    ) == list(range(END))


@given(history=histories())
def test_only_present_workers_have_arrivals(history: list[tuple[int, list[str]]]) -> None:
    """Each has as many as any other, give or take one."""
    by_worker = partitions_after(history)
    for (start, workers), (end, _) in pairwise([*history, (END, [])]):
        numbers = {
            name: len([each for each in arrivals_of(by_worker[name], end) if each >= start])
            for name in by_worker
        }
        assert {name for name, number in numbers.items() if number} <= set(workers)
        assert max(numbers[name] for name in workers) - min(numbers[name] for name in workers) <= 1


@given(history=histories(), start=st.integers(0, END), data=st.data())
def test_a_partition_changes_nothing_before_its_first_arrival(
    history: list[tuple[int, list[str]]], start: int, data: st.DataObject
) -> None:
    """A worker may learn of it at any moment before that arrival."""
    name = data.draw(st.sampled_from("abcdefgh"))
    before = partitions_after(history)[name]
    assert arrivals_of(before.followed_by(Partition(start, 0, 1)), start) == arrivals_of(before, start)


@given(history=histories(), data=st.data())
def test_the_count_is_the_number_of_arrivals_between_two(
    history: list[tuple[int, list[str]]], data: st.DataObject
) -> None:
    """Between any two arrivals."""
    partitions = partitions_after(history)[data.draw(st.sampled_from("abcdefgh"))]
    first, last = data.draw(st.integers(0, END)), data.draw(st.integers(0, END))
    assert partitions.count(first, last) == len(
        [each for each in arrivals_of(partitions) if first <= each < last]
    )


def numbers_of_workers() -> SearchStrategy[int]:
    return st.integers(1, 300)


@given(parts=numbers_of_workers(), part=st.integers(0, 299), arrival=st.integers(0, 10**12))
def test_the_next_arrival_is_the_nearest_with_the_remainder(parts: int, part: int, arrival: int) -> None:
    """Also far into a long run."""
    part %= parts
    expected = next(each for each in range(arrival, arrival + parts) if each % parts == part)
    assert PartitionSequence((Partition(0, part, parts),)).next_from(arrival) == expected
