"""The messages between master and workers, sent as JSON inside Locust's messages."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from vecgate.load.scenario.scenario_file import Scenario
from vecgate.results.load_records import Recall, Second, WorkerTotals

#: From worker to master.
HELLO: Final = "vecgate-hello"
READY: Final = "vecgate-ready"
SECOND: Final = "vecgate-second"
DONE: Final = "vecgate-done"
#: From master to worker.
ASSIGNMENT: Final = "vecgate-assignment"
START: Final = "vecgate-start"
REPARTITION: Final = "vecgate-repartition"
STOP: Final = "vecgate-stop"
WORKER_REJECTED: Final = "vecgate-worker-rejected"

T = TypeVar("T")


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A worker introduces itself.

    pid            its process id
    pid_namespace  where that process id is valid; see `process_liveness`
    version        its version of vecgate
    secret         shared with the master that it was forked from
    """

    pid: int
    pid_namespace: str = ""
    version: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class WorkerRejected(msgspec.Struct, frozen=True, kw_only=True):
    """The master rejects a worker, which then ends."""

    reason: str


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's task: run *scenario* against an index of a target.

    target       name of the target, or its URL
    credentials  access key and secret key of an endpoint that the master has started; empty for other targets
    """

    run: str
    scenario: Scenario
    bucket: str
    index: str
    target: str
    region: str = ""
    profile: str = ""
    ca_bundle: str = ""
    verify: bool = True
    credentials: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A worker is ready for *run*; *problem* says why it is not."""

    run: str
    problem: str = ""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule begins in *in_s* seconds, and the worker sends part *part* of *parts*.

    A negative *in_s* means that it began before.
    """

    run: str
    in_s: float
    from_arrival: int
    part: int
    parts: int


class Repartition(msgspec.Struct, frozen=True, kw_only=True):
    """From *from_arrival* on, the worker sends part *part* of *parts*."""

    run: str
    from_arrival: int
    part: int
    parts: int


class IntervalReport(msgspec.Struct, frozen=True, kw_only=True):
    """One second of a worker."""

    run: str
    second: Second


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A worker has finished all of its arrivals."""

    run: str
    totals: WorkerTotals
    recall: Recall | None = None


def encode_message(message: object) -> dict[str, Any]:
    """Encode *message* as the data of a Locust message."""
    return {"json": msgspec.json.encode(message).decode()}


def decode_message(data: dict[str, Any], kind: type[T]) -> T:
    """Decode the data of a Locust message. Raises msgspec.DecodeError."""
    return msgspec.json.decode(data["json"], type=kind)
