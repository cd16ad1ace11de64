"""What master and workers say to one another, as JSON in Locust's messages."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from vecgate.load.scenario import Scenario
from vecgate.results.load import Recall, Second, WorkerTotals

#: From worker to master.
HELLO: Final = "vecgate-hello"
READY: Final = "vecgate-ready"
SECOND: Final = "vecgate-second"
DONE: Final = "vecgate-done"
#: From master to worker.
MISSION: Final = "vecgate-mission"
START: Final = "vecgate-start"
SHARE: Final = "vecgate-share"
STOP: Final = "vecgate-stop"
REFUSED: Final = "vecgate-refused"

T = TypeVar("T")


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A worker is there: its process, where that id means what it means to it, and its vecgate.

    secret  that it has in common with the master that it was forked from
    """

    pid: int
    where: str = ""
    version: str = ""
    secret: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The master has no use for a worker, which ends."""

    why: str


class Mission(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is to do: *scenario*, against the index *bucket*/*index* on the target that is named.

    keys  of an endpoint that the master has started, empty for any other: its URL is *target* then
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
    keys: tuple[str, ...] = ()


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A worker can start on *run*, or why it cannot."""

    run: str
    problem: str = ""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule begins in *in_s*, or began where that is negative; of it, *part* of *parts* is yours."""

    run: str
    in_s: float
    from_arrival: int
    part: int
    parts: int


class NewShare(msgspec.Struct, frozen=True, kw_only=True):
    """From *from_arrival* on, *part* of *parts* is yours."""

    run: str
    from_arrival: int
    part: int
    parts: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A second as a worker saw it."""

    run: str
    second: Second


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A worker has brought all of its share to an end."""

    run: str
    totals: WorkerTotals
    recall: Recall | None = None


def packed(message: object) -> dict[str, Any]:
    """*message* as the data of one of Locust's."""
    return {"json": msgspec.json.encode(message).decode()}


def unpacked(data: dict[str, Any], kind: type[T]) -> T:
    """The message in the data of one of Locust's."""
    return msgspec.json.decode(data["json"], type=kind)
