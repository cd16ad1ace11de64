"""The states of a coordinator, and which may follow which."""

from __future__ import annotations

from itertools import product

import pytest

from vecgate.load.runtime.coordinator_state import (
    ACTIVE,
    TRANSITIONS,
    CoordinatorState,
    InvalidTransitionError,
    enter,
)

#: Every state, and those that may follow it.
EXPECTED = {
    "WAITING_FOR_WORKERS": {"PREPARING"},
    "PREPARING": {"ASSIGNING", "FINISHED"},
    "ASSIGNING": {"RUNNING", "DRAINING", "FINISHED"},
    "RUNNING": {"DRAINING", "FINISHED"},
    "DRAINING": {"FINISHED"},
    "FINISHED": {"IDLE"},
    "IDLE": {"PREPARING"},
}


@pytest.mark.parametrize(("state", "new"), list(product(CoordinatorState, CoordinatorState)))
def test_only_the_transitions_of_the_table_are_possible(
    state: CoordinatorState, new: CoordinatorState
) -> None:
    """Any other one is a bug, and names both states."""
    if new.name in EXPECTED[state.name]:
        assert enter(state, new) is new
        return
    with pytest.raises(InvalidTransitionError, match=f"{state.name} has no transition to {new.name}"):
        enter(state, new)


def test_every_state_has_a_way_to_the_next_run() -> None:
    """A process with a web interface runs one test after the other."""
    assert set(TRANSITIONS) == set(CoordinatorState)
    for state in CoordinatorState:
        reached, seen = {state}, set[CoordinatorState]()
        while reached != seen:
            seen = set(reached)
            reached |= {after for each in seen for after in TRANSITIONS[each]}
        assert CoordinatorState.PREPARING in reached


def test_an_active_run_can_always_finish() -> None:
    """An error or an interrupt may come at any moment."""
    assert all(CoordinatorState.FINISHED in TRANSITIONS[state] for state in ACTIVE)
