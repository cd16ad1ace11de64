"""The fuzz targets on mutations of their seeds. `make fuzz` runs them guided by coverage."""

from __future__ import annotations

import random

import pytest
from fuzz_targets import TARGETS
from hypothesis import settings
from mutations import mutate_bytes

#: Mutations multiply the size.
INPUT_BYTES_MAX = 16_384
#: For each target; more in `make test-deep`.
MUTATIONS = 40 * settings().max_examples


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_mutated_seeds(name: str) -> None:
    """Some of the mutations are valid, so that both outcomes are examined."""
    target, rng = TARGETS[name], random.Random(3)  # noqa: S311 - a repeatable sequence
    inputs = [b"", *target.seeds]
    for _ in range(MUTATIONS):
        data = rng.choice(target.seeds)
        for _ in range(rng.choice((1, 1, 2, 4))):
            data = mutate_bytes(data, rng)[:INPUT_BYTES_MAX]
        inputs.append(data)
    valid = sum(bool(target.check(data)) for data in inputs)
    assert 0 < valid < len(inputs)
