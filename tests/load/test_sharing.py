from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.load.sharing import NEVER, Share, Shares, divided

END = 400


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, list[str]]]:
    """Who is there from which arrival on; at least one is, and some may come back."""
    turns = sorted(draw(st.sets(st.integers(1, END - 1), max_size=6)))
    workers = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True)
    return [(turn, draw(workers)) for turn in (0, *turns)]


def shares_after(history: list[tuple[int, list[str]]]) -> dict[str, Shares]:
    """What each worker holds that was told of all of *history*; none of it from where it is gone."""
    held = {name: Shares(()) for name in "abcdefgh"}
    for turn, workers in history:
        parts = divided(workers, turn)
        held = {name: mine.then(parts.get(name, Share(turn, 0, 0))) for name, mine in held.items()}
    return held


def mine(shares: Shares, last: int = END) -> list[int]:
    """All own arrivals before *last*, as a worker walks through them."""
    found, arrival = [], shares.next_mine(0)
    while arrival < last:
        found.append(arrival)
        arrival = shares.next_mine(arrival + 1)
    return found


def test_arrivals_go_round_among_the_workers() -> None:
    """Each takes those with its remainder, from the division on."""
    parts = divided(["a", "b", "c"], 10)
    assert parts == {"a": Share(10, 0, 3), "b": Share(10, 1, 3), "c": Share(10, 2, 3)}
    assert mine(Shares((parts["b"],)), 20) == [10, 13, 16, 19]
    assert mine(Shares((parts["a"],)), 20) == [12, 15, 18]


def test_a_division_holds_until_the_next() -> None:
    """A worker that leaves at 4 and is back at 8 has nothing in between."""
    shares = Shares((Share(0, 1, 2), Share(4, 0, 0), Share(8, 0, 1)))
    assert mine(shares, 11) == [1, 3, 8, 9, 10]
    assert [shares.next_mine(arrival) for arrival in (0, 2, 4, 7, 9)] == [1, 3, 8, 8, 9]


def test_who_has_no_share_has_no_arrival() -> None:
    """Before the first division, and after one that leaves it out."""
    assert Shares(()).next_mine(0) == NEVER
    assert Shares((Share(0, 0, 0),)).next_mine(5) == NEVER
    assert Shares((Share(5, 0, 1),)).next_mine(0) == 5


def test_a_division_from_an_earlier_arrival_takes_the_place_of_a_later_one() -> None:
    """Two workers join shortly after one another: the last word counts."""
    shares = Shares((Share(0, 0, 1), Share(100, 0, 2))).then(Share(90, 0, 3))
    assert shares == Shares((Share(0, 0, 1), Share(90, 0, 3)))


def test_a_worker_named_twice_has_one_share() -> None:
    """Names are what workers are told apart by."""
    assert divided(["a", "b", "a"], 0) == {"a": Share(0, 0, 2), "b": Share(0, 1, 2)}
    assert divided([], 7) == {}


@given(history=histories())
def test_each_arrival_is_exactly_one_workers(history: list[tuple[int, list[str]]]) -> None:
    """Whoever joins or is lost: nothing is left out, nothing is done twice."""
    held = shares_after(history)
    assert sorted(arrival for shares in held.values() for arrival in mine(shares)) == list(range(END))


@given(history=histories())
def test_only_who_is_there_has_arrivals(history: list[tuple[int, list[str]]]) -> None:
    """And as many as any other, but for one."""
    held = shares_after(history)
    for (turn, workers), (end, _) in pairwise([*history, (END, [])]):
        numbers = {name: len([each for each in mine(held[name], end) if each >= turn]) for name in held}
        assert {name for name, number in numbers.items() if number} <= set(workers)
        assert max(numbers[name] for name in workers) - min(numbers[name] for name in workers) <= 1


@given(history=histories(), turn=st.integers(0, END), data=st.data())
def test_a_division_announced_in_time_changes_nothing_before_it(
    history: list[tuple[int, list[str]]], turn: int, data: st.DataObject
) -> None:
    """So a worker may be told at any moment before the turn."""
    name = data.draw(st.sampled_from("abcdefgh"))
    before = shares_after(history)[name]
    assert mine(before.then(Share(turn, 0, 1)), turn) == mine(before, turn)


@given(history=histories(), data=st.data())
def test_own_arrivals_are_counted_as_they_are_walked_through(
    history: list[tuple[int, list[str]]], data: st.DataObject
) -> None:
    """Between any two."""
    shares = shares_after(history)[data.draw(st.sampled_from("abcdefgh"))]
    first, last = data.draw(st.integers(0, END)), data.draw(st.integers(0, END))
    assert shares.count(first, last) == len([each for each in mine(shares) if first <= each < last])


def numbers_of_workers() -> SearchStrategy[int]:
    return st.integers(1, 300)


@given(parts=numbers_of_workers(), part=st.integers(0, 299), arrival=st.integers(0, 10**12))
def test_the_next_arrival_is_the_nearest_with_the_remainder(parts: int, part: int, arrival: int) -> None:
    """Also far into a long run."""
    part %= parts
    expected = next(each for each in range(arrival, arrival + parts) if each % parts == part)
    assert Shares((Share(0, part, parts),)).next_mine(arrival) == expected
