"""The states of a coordinator and the transitions between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class CoordinatorState(Enum):
    """A state of a coordinator."""

    #: No run has begun yet. Locust waits for workers, or for a start from its web interface.
    WAITING_FOR_WORKERS = auto()
    #: The bucket, the index and the preloaded vectors are being created.
    PREPARING = auto()
    #: The workers have the assignment and get ready.
    ASSIGNING = auto()
    #: The schedule has a start time, and the workers send requests.
    RUNNING = auto()
    #: The run ends early: no request starts any more, and those in flight finish.
    DRAINING = auto()
    #: The run has ended or failed. Its resources may still exist.
    FINISHED = auto()
    #: The resources are removed, the result stream is complete, and another run may begin.
    IDLE = auto()


_S = CoordinatorState
TRANSITIONS: Mapping[CoordinatorState, frozenset[CoordinatorState]] = {
    _S.WAITING_FOR_WORKERS: frozenset({_S.PREPARING}),
    _S.PREPARING: frozenset({_S.ASSIGNING, _S.FINISHED}),
    _S.ASSIGNING: frozenset({_S.RUNNING, _S.DRAINING, _S.FINISHED}),
    _S.RUNNING: frozenset({_S.DRAINING, _S.FINISHED}),
    _S.DRAINING: frozenset({_S.FINISHED}),
    _S.FINISHED: frozenset({_S.IDLE}),
    _S.IDLE: frozenset({_S.PREPARING}),
}
#: The states in which the greenlet of a run is active.
ACTIVE = frozenset({_S.ASSIGNING, _S.RUNNING, _S.DRAINING})


class InvalidTransitionError(RuntimeError):
    """A transition that the table does not have; a bug in the coordinator."""


def enter(state: CoordinatorState, new: CoordinatorState) -> CoordinatorState:
    """Return *new*. Raises InvalidTransitionError if *state* has no transition to it."""
    if new not in TRANSITIONS[state]:
        raise InvalidTransitionError(f"{state.name} has no transition to {new.name}")
    return new
