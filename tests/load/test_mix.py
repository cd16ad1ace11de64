from __future__ import annotations

from collections import Counter
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.load.mix import Mix

MIX = {"PutVectors": 0.2, "QueryVectors": 0.5, "GetVectors": 0.25, "DeleteVectors": 0.05}
FAR = 10**10


def mixes() -> SearchStrategy[dict[str, float]]:
    """Shares of up to five operations, not all 0, of any sum."""
    shares = st.dictionaries(st.sampled_from("PQGLD"), st.integers(0, 100).map(float), min_size=1)
    return shares.filter(lambda drawn: any(drawn.values()))


def counts(mix: Mix, arrivals: range) -> Counter[str]:
    return Counter(map(mix.operation_of, arrivals))


@given(
    shares=mixes(), seed=st.integers(0, 2**32 - 1), first=st.integers(0, FAR), length=st.integers(1, 2_000)
)
def test_every_window_has_the_shares(shares: dict[str, float], seed: int, first: int, length: int) -> None:
    """To within a few arrivals, however long it is and wherever it begins; chance would miss by its root."""
    found = counts(Mix.of(shares, seed=seed), range(first, first + length))
    total = sum(shares.values())
    assert all(abs(found[name] - share / total * length) <= 1 + log(length) for name, share in shares.items())


@given(
    shares=mixes(),
    seed=st.integers(0, 2**32 - 1),
    parts=st.integers(1, 8),
    data=st.data(),
    first=st.integers(0, FAR),
)
def test_every_worker_has_the_shares_too(
    shares: dict[str, float], seed: int, parts: int, data: st.DataObject, first: int
) -> None:
    """Each part of up to eight: which operation an arrival is says nothing of whose it is."""
    part, length = data.draw(st.integers(0, parts - 1)), 1_000
    arrivals = range(first * parts + part, (first + length) * parts + part, parts)
    found = counts(Mix.of(shares, seed=seed), arrivals)
    total = sum(shares.values())
    assert all(abs(found[name] / length - share / total) <= 0.01 for name, share in shares.items())


def test_a_million_arrivals_have_the_shares_exactly() -> None:
    """To a few in a million."""
    found = counts(Mix.of(MIX), range(1_000_000))
    assert found == pytest.approx({name: share * 1_000_000 for name, share in MIX.items()}, abs=3)


def test_operations_alternate_rather_than_come_in_runs() -> None:
    """Of two equal halves no more than two in a row are the same."""
    names = [Mix.of({"a": 1, "b": 1}).operation_of(arrival) for arrival in range(10_000)]
    assert not any(names[at] == names[at + 1] == names[at + 2] for at in range(len(names) - 2))


@given(shares=mixes(), seed=st.integers(0, 2**32 - 1), arrival=st.integers(0, FAR))
def test_all_workers_agree(shares: dict[str, float], seed: int, arrival: int) -> None:
    """Also those that were told of the shares in another order, or in other units."""
    other = {name: share * 4 for name, share in reversed(shares.items())}
    assert Mix.of(shares, seed=seed) == Mix.of(other, seed=seed)
    assert Mix.of(shares, seed=seed).operation_of(arrival) in {
        name for name, share in shares.items() if share
    }


def test_the_sequence_of_a_seed_is_written_down() -> None:
    """Arrival i is i times 0.618, above a half or not; then the same from where the seed has it begin."""
    first = [
        Mix.of({"a": 1, "b": 1}, seed=seed).operation_of(arrival) for seed in (0, 1) for arrival in range(8)
    ]
    assert "".join(first) == "ababaaba" + "baababba"


def test_seeds_give_other_sequences() -> None:
    """Of the same shares."""
    sequences = {
        "".join(Mix.of({"a": 1, "b": 2}, seed=seed).operation_of(arrival) for arrival in range(40))
        for seed in range(20)
    }
    assert len(sequences) > 15


def test_a_divided_operation_is_divided_by_its_share() -> None:
    """Queries with a filter and those without, as a mix of their own."""
    found = counts(Mix.of({"put": 0.6, "query": 0.3, "query, filtered": 0.1}), range(10_000))
    assert found == pytest.approx({"put": 6_000, "query": 3_000, "query, filtered": 1_000}, abs=3)
