"""Where an event is done, and how long it may take: the target of the environment, an index, a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from vecgate.aws_lambda.asking import Ask
from vecgate.bulk.calls import call
from vecgate.bulk.encoding import Body
from vecgate.bulk.indexes import describe_index
from vecgate.bulk.validation import IndexRules
from vecgate.bulk.wire import Boto3Sender, Sender
from vecgate.errors import ServiceError, VecgateError
from vecgate.results.provenance import new_run
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.leftovers import RUN_TAG
from vecgate.targets.policy import PREFIX
from vecgate.targets.removal import remove_bucket, remove_index
from vecgate.targets.target import NAMING_VARIABLES, Target, TargetChoice, open_target

#: Where nobody says how long an invocation may take, and the longest that one may.
SECONDS_DEFAULT, SECONDS_MAX = 60.0, 900.0
#: So much of the time is left for the answer and for removing what was made.
RESERVE_SHARE, RESERVE_MIN_S, RESERVE_MAX_S = 0.2, 1.0, 10.0
#: Of that, what a request may wait for its answer.
TIMEOUT_SHARE = 0.5
CONNECTIONS = 33


class OutOfTime(VecgateError):
    """The invocation has no time left for this."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the work must be done, so that there is still time to clean up and to answer.

    at_s       of the clock
    reserve_s  that is kept
    """

    at_s: float
    reserve_s: float
    now_s: Callable[[], float] = time.monotonic

    @classmethod
    def of(cls, context: Any, now_s: Callable[[], float] = time.monotonic) -> Deadline:  # noqa: ANN401 - Lambda's
        """The deadline of the invocation that *context* is of."""
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        seconds = min(remaining() / 1_000 if remaining else SECONDS_DEFAULT, SECONDS_MAX)
        reserve_s = min(max(seconds * RESERVE_SHARE, RESERVE_MIN_S), RESERVE_MAX_S)
        return cls(now_s() + seconds - reserve_s, reserve_s, now_s)

    @property
    def left_s(self) -> float:
        """Seconds until then, 0 at least."""
        return max(0.0, self.at_s - self.now_s())

    @property
    def timeout_s(self) -> float:
        """How long a request may wait for its answer: one that hangs must not use up the reserve."""
        return self.reserve_s * TIMEOUT_SHARE


class Within:
    """A `Sender` that begins nothing after *deadline*."""

    def __init__(self, sender: Sender, deadline: Deadline) -> None:
        self._sender, self._deadline = sender, deadline

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* as *operation*, once. Raises OutOfTime, and what a sender raises."""
        if not self._deadline.left_s:
            raise OutOfTime(
                f"there was no time left for {operation}", hint="Ask for less, or allow more time."
            )
        return self._sender.send(operation, body)

    def close(self) -> None:
        """Do nothing: the sender belongs to the caller."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event is done.

    sender, address  how requests get to the index until the deadline, and which it is
    late             how they do after it, in the time that is kept
    run              id of this invocation, part of the name of all that it makes and writes
    is_made          this invocation made the index
    leaks            what could not be removed, a line each; complete once the place is closed
    """

    target: Target
    sender: Sender
    late: Sender
    address: IndexAddress
    deadline: Deadline
    run: str
    is_made: bool = False
    leaks: list[str] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """The start of every key that is written."""
        return f"vecgate-{self.run}-"

    def rules(self) -> IndexRules:
        """What the index asks of a vector. Raises IndexUnusable where there is none."""
        return describe_index(self.sender, self.address)


@contextmanager
def opened_place(ask: Ask, deadline: Deadline, environment: Mapping[str, str]) -> Iterator[Place]:
    """Where *ask* is done; what was made for it alone, or is not to stay, is gone when the context is.

    Raises what opening a target raises, and ServiceError where something cannot be made.
    """
    run = new_run()
    address = IndexAddress(f"{PREFIX}-{run}-lambda", "vectors") if ask.is_own else ask.address
    timeouts = {"connect_timeout": deadline.timeout_s, "read_timeout": deadline.timeout_s}
    with (
        open_target(TargetChoice(name_in(environment)), environment) as target,
        closing(target.client(connections=CONNECTIONS, **timeouts)) as client,
    ):
        late = Boto3Sender(client)
        sender = Within(late, deadline)
        ours = set[str]()
        leaks: list[str] = []
        try:
            if ask.create:
                for what in made(sender, target, address, ask, run):
                    ours.add(what)  # at once: what comes next may fail
            yield Place(target, sender, late, address, deadline, run, bool(ours), leaks)
        finally:
            if ask.clean_up or ask.is_own:
                leaks += _removed(client, address, ours)


def name_in(environment: Mapping[str, str]) -> str:
    """The target that *environment* names; a function that runs on Amazon means Amazon where none is."""
    return next((environment[name] for name in NAMING_VARIABLES if environment.get(name)), "aws")


def made(sender: Sender, target: Target, address: IndexAddress, ask: Ask, run: str) -> Iterator[str]:
    """Make what is missing at *address*, and say what was."""
    # `vecgate clean` finds by the tag what a function that was killed has left; others may know no tags.
    tags = {"tags": {RUN_TAG: run}} if target.name == "aws" else {}
    if _create(sender, "CreateVectorBucket", {"vectorBucketName": address.bucket, **tags}):
        yield "bucket"
    index = {"dataType": "float32", "dimension": ask.dimension, "distanceMetric": "cosine"}
    if _create(sender, "CreateIndex", {**address.members(), **index}):
        yield "index"


def _create(sender: Sender, operation: str, members: Mapping[str, object]) -> bool:
    try:
        call(sender, operation, Body.of(orjson.dumps(members)))
    except ServiceError as error:
        if error.status == HTTPStatus.CONFLICT:
            return False
        raise
    return True


def _removed(client: Any, address: IndexAddress, ours: set[str]) -> list[str]:  # noqa: ANN401 - boto3
    if "bucket" in ours:
        return remove_bucket(client, address.bucket)
    return remove_index(client, address.bucket, address.index) if "index" in ours else []
