"""Where an event is done: the target of the environment, and an index, which is made and removed if asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from vecgate.aws_lambda.asking import Ask
from vecgate.aws_lambda.deadline import Deadline, Within, in_time
from vecgate.bulk.calls import call
from vecgate.bulk.encoding import Body
from vecgate.bulk.indexes import describe_index
from vecgate.bulk.validation import IndexRules
from vecgate.bulk.wire import Boto3Sender, Sender
from vecgate.errors import ServiceError, TransportError
from vecgate.results.provenance import new_run
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.leftovers import RUN_TAG
from vecgate.targets.policy import PREFIX
from vecgate.targets.removal import remove_bucket, remove_index
from vecgate.targets.target import NAMING_VARIABLES, Target, TargetChoice, open_target

CONNECTIONS = 33


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event is done.

    sender, address  how requests get to the index until the deadline, and which it is
    late             how they do after it, in the time that is kept
    run              id of this invocation, part of the name of all that it makes and writes
    is_made          this invocation made the index
    wrote            how many keys were used, each time that something was written; they begin at 0
    """

    target: Target
    sender: Sender
    late: Sender
    address: IndexAddress
    deadline: Deadline
    run: str
    is_made: bool = False
    wrote: list[int] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """The start of every key that is written."""
        return f"vecgate-{self.run}-"

    def rules(self) -> IndexRules:
        """What the index asks of a vector. Raises IndexUnusable where there is none."""
        return describe_index(self.sender, self.address)


@contextmanager
def opened_place(
    ask: Ask, deadline: Deadline, environment: Mapping[str, str], leaks: list[str]
) -> Iterator[Place]:
    """Where *ask* is done; what was made for it alone, or is not to stay, is gone when the context is.

    What could not be removed is added to *leaks*, a line each.

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
        try:
            if ask.create and deadline.left_s:  # without, nothing is sent: nothing may be there
                make(sender, target, address, ask, run=run, ours=ours)
            yield Place(target, sender, late, address, deadline, run, bool(ours))
        finally:
            if ours and (ask.clean_up or ask.is_own):
                what = f"bucket {address.bucket}" if "bucket" in ours else f"index {address.index}"
                otherwise = [f"{what}: there was no time left to remove it"]
                leaks += in_time(
                    lambda: _removed(client, address, ours), deadline.late_s, otherwise=otherwise
                )


def name_in(environment: Mapping[str, str]) -> str:
    """The target that *environment* names; a function that runs on Amazon means Amazon where none is."""
    return next((environment[name] for name in NAMING_VARIABLES if environment.get(name)), "aws")


def make(
    sender: Sender, target: Target, address: IndexAddress, ask: Ask, *, run: str, ours: set[str]
) -> None:
    """Make what is missing at *address*, and add to *ours* what was; of our own also what may have been."""
    # `vecgate clean` removes by the tag what a function that was killed has left: what is to stay has none.
    # Other servers may know no tags.
    is_tagged = target.name == "aws" and (ask.is_own or ask.clean_up)
    bucket = {"vectorBucketName": address.bucket, **({"tags": {RUN_TAG: run}} if is_tagged else {})}
    shape = {"dataType": "float32", "dimension": ask.dimension, "distanceMetric": "cosine"}
    with _noted("bucket", ours, is_own=ask.is_own):
        call(sender, "CreateVectorBucket", Body.of(orjson.dumps(bucket)))
    with _noted("index", ours, is_own=ask.is_own):
        call(sender, "CreateIndex", Body.of(orjson.dumps({**address.members(), **shape})))


@contextmanager
def _noted(what: str, ours: set[str], *, is_own: bool) -> Iterator[None]:
    """Note that *what* is made here, unless it was there before. Raises what keeps it from being made."""
    if is_own:
        ours.add(what)  # before: whatever is answered may have been done, and nobody else has the name
    try:
        yield
    except (ServiceError, TransportError) as error:
        if _is_conflict(error):
            return
        if _is_undone(error):
            ours.discard(what)
        raise
    ours.add(what)


def _is_conflict(error: Exception) -> bool:
    return isinstance(error, ServiceError) and error.status == HTTPStatus.CONFLICT


def _is_undone(error: ServiceError | TransportError) -> bool:
    if isinstance(error, ServiceError):
        return error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return error.is_connect


def _removed(client: Any, address: IndexAddress, ours: set[str]) -> list[str]:  # noqa: ANN401 - boto3
    if "bucket" in ours:
        return remove_bucket(client, address.bucket)
    return remove_index(client, address.bucket, address.index) if "index" in ours else []
