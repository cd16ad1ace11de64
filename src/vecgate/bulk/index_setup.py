"""Describes the index that vectors are written to, and creates it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import orjson

from vecgate.bulk.core.body_encoding import Body, encode_request
from vecgate.bulk.core.record_validation import IndexRules, validate
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.index_settings import IndexSettings
from vecgate.bulk.sources import Source
from vecgate.bulk.transport.retried_call import CALL_POLICY, call_with_retries
from vecgate.bulk.transport.sender import Sender
from vecgate.errors import IndexUnusable, ProtocolError, ServiceError, SourceError, UsageError
from vecgate.formatting import format_count
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.limits import VECTORS_PER_PUT_MAX

CONFLICT = 409
NOT_FOUND = 404
#: Names. https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-buckets-naming.html and
#: s3-vectors-indexes.html (read 2026-11-24).
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
INDEX_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
#: A new bucket or index may not be found for this long.
CREATION_S = 15.0
CREATION_POLICY = RetryPolicy(attempts_max=1_000, base_s=0.2, cap_s=1.0, deadline_s=CREATION_S)


@dataclass(frozen=True, slots=True)
class IndexDescription:
    """An index as the service describes it.

    settings  with which it was created
    arn       empty if the service does not return one
    created   creation time as the service returns it: an index of the same name that was created again has
              another one
    """

    settings: IndexSettings
    arn: str
    created: str

    @property
    def rules(self) -> IndexRules:
        """The rules that its vectors must meet."""
        return self.settings.rules


def describe_index(sender: Sender, address: IndexAddress) -> IndexRules:
    """Return the rules that vectors of this index must meet. Raises IndexUnusable if the index does not
    exist.
    """
    return read_index(sender, address).rules


def read_index(sender: Sender, address: IndexAddress) -> IndexDescription:
    """Return the description of this index. Raises IndexUnusable if the index does not exist."""
    try:
        response = call_with_retries(sender, "GetIndex", encode_request(address))
    except ServiceError as error:
        if error.status != NOT_FOUND:
            raise
        raise IndexUnusable(
            f"there is no index {address}",
            hint="Check both names and the region, or create the index first.",
        ) from error
    try:
        index = cast("dict[str, Any]", orjson.loads(response)["index"])
        settings = IndexSettings.from_response(index)
        return IndexDescription(settings, str(index.get("indexArn", "")), str(index.get("creationTime", "")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError("the response of GetIndex does not describe an index") from error


def check_new_index(address: IndexAddress, settings: IndexSettings | IndexRules) -> None:
    """Raise UsageError, with every problem, if the service would not create this index."""
    if address.arn:
        raise UsageError("an index is created by name, not by ARN", hint="Give --bucket and --index by name.")
    if problems := [*_name_problems(address), *_as_settings(settings).problems()]:
        raise UsageError("; ".join(problems))


def check_first_batch(source: Source, rules: IndexRules) -> None:
    """Raise SourceError if an index with *rules* would take none of the first records of *source*.

    A source that can be read only once is not checked.
    """
    if not source.is_repeatable:
        return
    with closing(source.blocks(dimension=rules.dimension, rows=VECTORS_PER_PUT_MAX)) as blocks:  # type: ignore[type-var]
        block = next(blocks, None)
    valid, rejects = validate(block, rules) if block is not None else ((), ())
    if rejects and not len(valid):
        raise SourceError(
            f"{source.name}: none of the first {format_count(len(rejects), 'record')} can be written, so no "
            f"index is created; the first one: {rejects[0].problem}",
            hint="Check the input with `vecgate put --check`.",
        )


def create_index(sender: Sender, address: IndexAddress, settings: IndexSettings | IndexRules) -> bool:
    """Create the index, and its bucket if that is missing. Return False if the index exists, which is then
    not changed.

    Raises UsageError, before any request, if the service would refuse.
    """
    check_new_index(address, settings)
    members = {**address.members(), **_as_settings(settings).creation_members()}
    try:
        return _create(sender, "CreateIndex", members)
    except ServiceError as error:
        if error.status != NOT_FOUND:
            raise
    _create(sender, "CreateVectorBucket", {"vectorBucketName": address.bucket})
    return _create(NewResourceSender(sender), "CreateIndex", members, policy=CREATION_POLICY)


class NewResourceSender:
    """A `Sender` for the first seconds of a bucket or an index: "not found" may only mean "not yet"."""

    def __init__(self, sender: Sender, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._sender, self._now_s = sender, now_s
        self._until_s = now_s() + CREATION_S
        self.endpoint_url: str = getattr(sender, "endpoint_url", "")

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body*, once. A ServiceError of "not found" is retryable."""
        try:
            return self._sender.send(operation, body)
        except ServiceError as error:
            error.is_retryable |= error.status == NOT_FOUND and self._now_s() < self._until_s
            raise

    def wait_for_index(self, address: IndexAddress) -> None:
        """Wait until the service finds the index."""
        call_with_retries(self, "GetIndex", encode_request(address), policy=CREATION_POLICY)

    def close(self) -> None:
        """Do nothing: the sender belongs to the caller."""


def bucket_name_problem(name: str) -> str:
    """Return why the service would not create a bucket of this name, empty if it would."""
    return (
        ""
        if BUCKET_NAME.fullmatch(name)
        else f"{name!r} cannot name a bucket; use 3 to 63 lower-case letters, digits and hyphens, "
        "and start and end with a letter or digit"
    )


def _name_problems(address: IndexAddress) -> Iterator[str]:
    if problem := bucket_name_problem(address.bucket):
        yield problem
    if not INDEX_NAME.fullmatch(address.index):
        yield (
            f"{address.index!r} cannot name an index; use 3 to 63 lower-case letters, digits, hyphens and "
            "dots, and start and end with a letter or digit"
        )


def _as_settings(settings: IndexSettings | IndexRules) -> IndexSettings:
    return settings if isinstance(settings, IndexSettings) else IndexSettings(settings)


def _create(
    sender: Sender, operation: str, members: dict[str, object], *, policy: RetryPolicy = CALL_POLICY
) -> bool:
    try:
        call_with_retries(sender, operation, Body.of(orjson.dumps(members)), policy=policy)
    except ServiceError as error:
        if error.status == CONFLICT:
            return False
        raise
    return True
