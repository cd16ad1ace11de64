"""Lists, describes, creates and deletes indexes and buckets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import orjson

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.index_settings import IndexSettings, TextSearch
from vecgate.bulk.index_setup import NOT_FOUND, NewResourceSender
from vecgate.bulk.index_setup import create_index as create_with_settings
from vecgate.bulk.transport.retried_call import call_with_retries
from vecgate.bulk.transport.sender import Boto3Sender, Sender
from vecgate.errors import IndexUnusable, ProtocolError, ServiceError
from vecgate.s3vectors.arn import BucketAddress, IndexAddress

#: More pages than an account can have entries.
PAGES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """An index or a bucket in a list. *created* is None if the service does not say when it was created."""

    name: str
    arn: str
    created: datetime | None


def create_index(
    client: Any,  # noqa: ANN401 - boto3 makes its client classes at run time
    *,
    bucket: str,
    index: str,
    dimension: int,
    metric: str = "cosine",
    non_filterable: Iterable[str] = (),
    text_search: Mapping[str, str] | Iterable[str] = (),
    kms_key: str = "",
    tags: Mapping[str, str] | None = None,
) -> bool:
    """Create an index, and its bucket if that is missing, and wait until the service finds it.

    client       a boto3 `s3vectors` client, or a `Sender`
    text_search  metadata keys with full-text search, or their languages by key, each empty if it is unknown
    kms_key      ARN of the key that encrypts the index; empty for that of the bucket

    Return False if the index exists, which is then not changed. Raises UsageError, before any request, if the
    service would refuse; ServiceError or TransportError if a request fails.
    """
    sender: Sender = client if hasattr(client, "send") else Boto3Sender(client)
    languages = text_search if isinstance(text_search, Mapping) else dict.fromkeys(text_search, "")
    settings = IndexSettings(
        IndexRules(dimension, metric, frozenset(non_filterable)),
        tuple(TextSearch(key, language) for key, language in languages.items()),
        kms_key,
        tags=tags or {},
    )
    address = IndexAddress.parse(bucket=bucket, index=index)
    if not create_with_settings(sender, address, settings):
        return False
    NewResourceSender(sender).wait_for_index(address)
    return True


def list_buckets(sender: Sender, *, prefix: str = "") -> Iterator[Entry]:
    """Yield the buckets whose names begin with *prefix*."""
    for entry in _list(sender, "ListVectorBuckets", "vectorBuckets", _prefix(prefix)):
        yield _entry(entry, "vectorBucket")


def list_indexes(sender: Sender, bucket: BucketAddress, *, prefix: str = "") -> Iterator[Entry]:
    """Yield the indexes of *bucket* whose names begin with *prefix*. Raises IndexUnusable without it."""
    for entry in _list(sender, "ListIndexes", "indexes", {**bucket.members(), **_prefix(prefix)}):
        yield _entry(entry, "index")


def describe_bucket(sender: Sender, bucket: BucketAddress) -> dict[str, Any]:
    """Return what the service states about *bucket*. Raises IndexUnusable without the bucket."""
    found = _call(sender, "GetVectorBucket", bucket.members()).get("vectorBucket")
    if not isinstance(found, dict):
        raise _no_answer("GetVectorBucket")
    return found


def created_time(value: object) -> datetime | None:
    """Return a time as the service returns it, None if it cannot be read."""
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return datetime.fromtimestamp(cast("float", value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def call_on_bucket(sender: Sender, operation: str, bucket: BucketAddress, **members: object) -> None:
    """Send *operation*, such as DeleteVectorBucket. Raises IndexUnusable without the bucket."""
    _call(sender, operation, {**bucket.members(), **members})


def _list(sender: Sender, operation: str, member: str, members: dict[str, Any]) -> Iterator[dict[str, Any]]:
    token = ""
    for _ in range(PAGES_MAX):
        page = _call(sender, operation, {**members, **({"nextToken": token} if token else {})})
        entries = page.get(member)
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise _no_answer(operation)
        yield from entries
        token = page.get("nextToken") or ""
        if not token:
            return
    raise ProtocolError(f"the pages of {operation} did not end after {PAGES_MAX:,}")


def _call(sender: Sender, operation: str, members: dict[str, Any]) -> dict[str, Any]:
    try:
        response = call_with_retries(sender, operation, Body.of(orjson.dumps(members)))
    except ServiceError as error:
        if error.status != NOT_FOUND:
            raise
        name = members.get("vectorBucketName") or members.get("vectorBucketArn")
        raise IndexUnusable(
            f"there is no bucket {name}", hint="Check the name and the region: `vecgate bucket list`."
        ) from error
    try:
        found = orjson.loads(response or b"{}")
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise _no_answer(operation)
    return found


def _entry(entry: dict[str, Any], kind: str) -> Entry:
    return Entry(
        str(entry.get(f"{kind}Name") or ""),
        str(entry.get(f"{kind}Arn") or ""),
        created_time(entry.get("creationTime")),
    )


def _prefix(prefix: str) -> dict[str, Any]:
    return {"prefix": prefix} if prefix else {}


def _no_answer(operation: str) -> ProtocolError:
    return ProtocolError(
        f"the response of {operation} does not have the format of S3 Vectors",
        hint="Check that the URL is that of an S3 Vectors service.",
    )
