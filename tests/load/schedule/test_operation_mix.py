from __future__ import annotations

from collections import Counter
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.load.schedule.operation_mix import OperationMix

MIX = {"PutVectors": 0.2, "QueryVectors": 0.5, "GetVectors": 0.25, "DeleteVectors": 0.05}
FAR = 10**10


def mixes() -> SearchStrategy[dict[str, float]]:
    """Generate weights of up to five operations, with any sum above 0."""
    weights = st.dictionaries(st.sampled_from("PQGLD"), st.integers(0, 100).map(float), min_size=1)
    return weights.filter(lambda drawn: any(drawn.values()))


def counts(mix: OperationMix, arrivals: range) -> Counter[str]:
    return Counter(map(mix.operation_of, arrivals))


@given(
    weights=mixes(), seed=st.integers(0, 2**32 - 1), first=st.integers(0, FAR), length=st.integers(1, 2_000)
)
def test_every_window_has_the_right_proportions(
    weights: dict[str, float], seed: int, first: int, length: int
) -> None:
    """To within a few arrivals, for any length and start; random draws would miss by the square root."""
    found = counts(OperationMix.from_weights(weights, seed=seed), range(first, first + length))
    total = sum(weights.values())
    assert all(
        abs(found[name] - weight / total * length) <= 1 + log(length) for name, weight in weights.items()
    )


@given(
    weights=mixes(),
    seed=st.integers(0, 2**32 - 1),
    parts=st.integers(1, 8),
    data=st.data(),
    first=st.integers(0, FAR),
)
def test_the_arrivals_of_each_worker_have_the_right_proportions(
    weights: dict[str, float], seed: int, parts: int, data: st.DataObject, first: int
) -> None:
    """For up to eight workers: the operation of an arrival is independent of the worker that sends it."""
    part, length = data.draw(st.integers(0, parts - 1)), 1_000
    arrivals = range(first * parts + part, (first + length) * parts + part, parts)
    found = counts(OperationMix.from_weights(weights, seed=seed), arrivals)
    total = sum(weights.values())
    assert all(abs(found[name] / length - weight / total) <= 0.01 for name, weight in weights.items())


def test_a_million_arrivals_have_almost_exact_proportions() -> None:
    """To three in a million."""
    found = counts(OperationMix.from_weights(MIX), range(1_000_000))
    assert found == pytest.approx({name: weight * 1_000_000 for name, weight in MIX.items()}, abs=3)


def test_operations_alternate_rather_than_come_in_runs() -> None:
    """With two equal weights, no more than two arrivals in a row have the same operation."""
    names = [OperationMix.from_weights({"a": 1, "b": 1}).operation_of(arrival) for arrival in range(10_000)]
    assert not any(names[at] == names[at + 1] == names[at + 2] for at in range(len(names) - 2))


@given(weights=mixes(), seed=st.integers(0, 2**32 - 1), arrival=st.integers(0, FAR))
def test_the_mix_depends_on_the_proportions_only(weights: dict[str, float], seed: int, arrival: int) -> None:
    """Not on the order or the unit of the weights."""
    other = {name: weight * 4 for name, weight in reversed(weights.items())}
    assert OperationMix.from_weights(weights, seed=seed) == OperationMix.from_weights(other, seed=seed)
    assert OperationMix.from_weights(weights, seed=seed).operation_of(arrival) in {
        name for name, weight in weights.items() if weight
    }


def test_the_sequence_of_a_seed_never_changes() -> None:
    """Arrival i is above or below a half of i times 0.618; another seed starts at another offset."""
    first = [
        OperationMix.from_weights({"a": 1, "b": 1}, seed=seed).operation_of(arrival)
        for seed in (0, 1)
        for arrival in range(8)
    ]
    assert "".join(first) == "ababaaba" + "baababba"


def test_different_seeds_give_different_sequences() -> None:
    """For the same weights."""
    sequences = {
        "".join(
            OperationMix.from_weights({"a": 1, "b": 2}, seed=seed).operation_of(arrival)
            for arrival in range(40)
        )
        for seed in range(20)
    }
    assert len(sequences) > 15


def test_an_operation_can_be_divided_by_giving_each_part_a_weight() -> None:
    """Queries with and without a filter, for example."""
    found = counts(
        OperationMix.from_weights({"put": 0.6, "query": 0.3, "query, filtered": 0.1}), range(10_000)
    )
    assert found == pytest.approx({"put": 6_000, "query": 3_000, "query, filtered": 1_000}, abs=3)
