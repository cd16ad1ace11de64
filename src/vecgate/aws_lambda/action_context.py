"""The target and the index of an action. The index is created and removed if the event asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from vecgate.aws_lambda.deadline import Deadline, DeadlineSender, run_within
from vecgate.aws_lambda.event_parsing import ActionRequest
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.index_setup import describe_index
from vecgate.bulk.transport.retried_call import call_with_retries
from vecgate.bulk.transport.sender import Boto3Sender, Sender
from vecgate.errors import ServiceError, VecgateError
from vecgate.resources.cleanup import had_no_effect, remove_bucket, remove_index
from vecgate.resources.creation_log import RUN_TAG
from vecgate.results.provenance import new_run_id
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.iam_policy import BUCKET_PREFIX
from vecgate.targets.resolution import TARGET_VARIABLES, open_target
from vecgate.targets.target import Target, TargetChoice

CONNECTIONS = 33


@dataclass(frozen=True, slots=True)
class ActionContext:
    """The target and the index of an action.

    sender            sends requests until the deadline
    cleanup_sender    sends requests in the reserve after it
    run               id of this invocation, part of the name of all that it creates and writes
    is_index_created  this invocation created the index
    written_keys      number of keys that each write used; keys are numbered from 0
    """

    target: Target
    sender: Sender
    cleanup_sender: Sender
    address: IndexAddress
    deadline: Deadline
    run: str
    is_index_created: bool = False
    written_keys: list[int] = field(default_factory=list)

    @property
    def key_prefix(self) -> str:
        """The prefix of every key that is written."""
        return f"vecgate-{self.run}-"

    def rules(self) -> IndexRules:
        """Return the rules for vectors of the index. Raises IndexUnusable if it does not exist."""
        return describe_index(self.sender, self.address)


@contextmanager
def open_action_context(
    request: ActionRequest, deadline: Deadline, environment: Mapping[str, str], orphaned: list[str]
) -> Iterator[ActionContext]:
    """Yield the context of *request*; remove at its end what was created, if the request says so.

    What cannot be removed is added to *orphaned*, a line each. Raises the errors of opening a target, and
    ServiceError if something cannot be created.
    """
    run = new_run_id()
    is_temporary = request.is_temporary
    address = IndexAddress(f"{BUCKET_PREFIX}-{run}-lambda", "vectors") if is_temporary else request.address
    timeouts: dict[str, Any] = {"connect_timeout": deadline.timeout_s, "read_timeout": deadline.timeout_s}
    with (
        open_target(TargetChoice(target_name(environment)), environment) as target,
        closing(target.client(connections=CONNECTIONS, **timeouts)) as client,
    ):
        cleanup_sender = Boto3Sender(client)
        sender = DeadlineSender(cleanup_sender, deadline)
        created = set[str]()
        try:
            if request.create and deadline.remaining_s:  # without time nothing is sent, so nothing may exist
                create_missing(sender, target, address, request, run=run, created=created)
            yield ActionContext(target, sender, cleanup_sender, address, deadline, run, bool(created))
        finally:
            if created and (request.clean_up or is_temporary):
                label = f"bucket {address.bucket}" if "bucket" in created else f"index {address.index}"
                orphaned += run_within(
                    lambda: _remove(client, address, created),
                    deadline.cleanup_remaining_s,
                    default=[f"{label}: no time was left to remove it"],
                )


def target_name(environment: Mapping[str, str]) -> str:
    """Return the target that *environment* names. The default is Amazon, where the function runs."""
    return next((environment[name] for name in TARGET_VARIABLES if environment.get(name)), "aws")


def create_missing(
    sender: Sender,
    target: Target,
    address: IndexAddress,
    request: ActionRequest,
    *,
    run: str,
    created: set[str],
) -> None:
    """Create the bucket and the index at *address* if they are missing, and add them to *created*.

    Of a temporary bucket, *created* also has what may have been created.
    """
    # If the function is killed, `vecgate clean` removes its bucket by the tag. What is to be kept has no tag.
    # Servers other than Amazon may not support tags.
    is_tagged = target.name == "aws" and (request.is_temporary or request.clean_up)
    bucket = {"vectorBucketName": address.bucket, **({"tags": {RUN_TAG: run}} if is_tagged else {})}
    shape = {"dataType": "float32", "dimension": request.dimension, "distanceMetric": "cosine"}
    with _record_creation("bucket", created, is_temporary=request.is_temporary):
        call_with_retries(sender, "CreateVectorBucket", Body.of(orjson.dumps(bucket)))
    with _record_creation("index", created, is_temporary=request.is_temporary):
        call_with_retries(sender, "CreateIndex", Body.of(orjson.dumps({**address.members(), **shape})))


@contextmanager
def _record_creation(resource: str, created: set[str], *, is_temporary: bool) -> Iterator[None]:
    """Add *resource* to *created*, unless it existed before. Raises why it cannot be created."""
    if is_temporary:
        # Before the request: whatever the answer is, the resource may exist, and its name is unique.
        created.add(resource)
    try:
        yield
    except VecgateError as error:
        if isinstance(error, ServiceError) and error.status == HTTPStatus.CONFLICT:
            return
        if had_no_effect(error):
            created.discard(resource)
        raise
    created.add(resource)


def _remove(client: Any, address: IndexAddress, created: set[str]) -> list[str]:  # noqa: ANN401 - boto3
    if "bucket" in created:
        return remove_bucket(client, address.bucket)
    return remove_index(client, address.bucket, address.index) if "index" in created else []
