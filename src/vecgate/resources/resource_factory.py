"""Create buckets and indexes under unique names, and remove all of them at the end, also after a failure.

A removal that fails does not fail the test: its line goes to `orphaned`, which the run reports at its end.
A factory that tracks a client lists the buckets at the end, so that one that a server only claims to have
removed, or that it created without a usable name, is reported as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from typing import Any, TypeGuard

from botocore.exceptions import BotoCoreError, ClientError

from vecgate.resources.cleanup import (
    TIMEOUT_S,
    had_no_effect,
    list_all,
    open_cleanup_client,
    remove,
    remove_bucket,
    remove_index,
)
from vecgate.resources.creation_log import END_TAG, RUN_TAG, CreationLog
from vecgate.resources.handles import Answer, BucketHandle, IndexHandle, Members
from vecgate.targets.target import Target, is_embedded

#: Names under which servers store a bucket or an index that was created without one.
UNUSABLE_NAMES = frozenset({"", "null", "None", "undefined"})
CREATIONS = ("CreateVectorBucket", "CreateIndex")


class ResourceFactory:
    """Creates buckets and indexes, and removes what it created.

    cleaner   client that removes; the one that creates by default
    prefix    start of every name
    tags      of every bucket
    announce  called with the name of a bucket before it is created
    orphaned  one line for each resource that could not be removed
    """

    announce: Callable[[str], None]

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3
        *,
        prefix: str,
        tags: Mapping[str, str] | None = None,
        announce: Callable[[str], None] = lambda _: None,
        cleaner: Any = None,  # noqa: ANN401 - boto3
    ) -> None:
        self._client, self._prefix, self._tags, self.announce = client, prefix, dict(tags or {}), announce
        self.cleaner: Any = cleaner or client
        self._numbers = count(1)
        self._shared: BucketHandle | None = None
        self._buckets: set[str] = set()
        self._tracked: set[tuple[str, str]] = set()
        self._nameless: list[Members] = []
        self._is_shared_spoiled = False
        self._is_tracking = False
        self._found_before: frozenset[str] | None = None
        self._remaining: dict[tuple[str, str], list[str]] = {}
        self.orphaned: list[str] = []

    def new_name(self) -> str:
        """Return a new unique name."""
        return f"{self._prefix}-{next(self._numbers)}"

    def make_bucket(self, name: str = "", **members: Any) -> BucketHandle:  # noqa: ANN401 - members of a request
        """Create a bucket. *members* are added to the CreateVectorBucket request."""
        name = name or self.new_name()
        self.announce(name)
        if self._tags:
            members["tags"] = {**self._tags, **members.get("tags", {})}
        # Added before the request: if this process is interrupted, the server may still create the bucket.
        if self._is_own_name(name):
            self._buckets.add(name)
        try:
            answer = self._client.create_vector_bucket(vectorBucketName=name, **members)
        except (BotoCoreError, ClientError) as error:
            if had_no_effect(error):
                self._buckets.discard(name)
            raise
        self._buckets.add(name)
        return BucketHandle(self._client, name, answer.get("vectorBucketArn") or self._bucket_arn(name))

    def shared_bucket(self) -> BucketHandle:
        """Return the bucket that all callers share. It is created on first use, and removed by `close`."""
        self._shared = self._shared or self.make_bucket()
        return self._shared

    def make_index(
        self,
        bucket: BucketHandle | str | None = None,
        *,
        dimension: int = 2,
        metric: str = "cosine",
        non_filterable: Iterable[str] = (),
        name: str = "",
        **members: Any,  # noqa: ANN401 - members of a request
    ) -> IndexHandle:
        """Create an index in *bucket*, by default in a bucket that all callers share."""
        request: Members = {
            "dataType": "float32",
            "dimension": dimension,
            "distanceMetric": metric,
            **members,
        }
        request["indexName"] = name or self.new_name()
        if keys := list(non_filterable):
            configuration = {**request.get("metadataConfiguration", {}), "nonFilterableMetadataKeys": keys}
            request["metadataConfiguration"] = configuration
        bucket_name, answer = self._create_index(bucket, request)
        arn = answer.get("indexArn") or self._index_arn(bucket_name, request["indexName"])
        return IndexHandle(self._client, bucket_name, request["indexName"], arn, dimension)

    def remove_index(self, bucket: str, name: str) -> None:
        """Delete the index *name* if it exists."""
        self._tracked.discard((bucket, name))
        self._note_remaining(bucket, name, remove_index(self.cleaner, bucket, name))

    def keep_bucket(self, name: str) -> None:
        """Let `remove_tracked` pass over the bucket *name* and its indexes: `close` removes them."""
        self._tracked = {each for each in self._tracked if each[0] != name}

    def forget_index(self, bucket: str, name: str) -> None:
        """Do not delete the index *name* any more. Should it still exist, it is deleted with its bucket."""
        self._tracked.discard((bucket, name))

    @property
    def buckets(self) -> frozenset[str]:
        """The names of the buckets that this factory has made and not removed."""
        return frozenset(self._buckets)

    def remove_bucket(self, name: str) -> None:
        """Delete the bucket *name* and every index in it, if they exist."""
        self._tracked = {each for each in self._tracked if each[0] != name}
        self._buckets.discard(name)
        self._note_remaining(name, "", remove_bucket(self.cleaner, name))

    def _note_remaining(self, bucket: str, index: str, lines: list[str]) -> None:
        self.orphaned += lines
        if lines:
            self._remaining.setdefault((bucket, index), []).extend(lines)
        elif not index:
            for each in [each for each in self._remaining if each[0] == bucket]:
                self._forget_remaining(each)

    def _forget_remaining(self, address: tuple[str, str]) -> None:
        lines = self._remaining.pop(address, [])
        self.orphaned[:] = [line for line in self.orphaned if line not in lines]

    def _remove_remaining(self) -> None:
        """Try again what could not be removed, such as while the server restarted, and correct the report."""
        for bucket, index in sorted(self._remaining):
            if (bucket, index) in self._remaining:
                self._forget_remaining((bucket, index))
                if index:
                    self.remove_index(bucket, index)
                else:
                    self.remove_bucket(bucket)

    def track(self, client: Any) -> None:  # noqa: ANN401 - boto3
        """Track every bucket and index that *client* creates, even those that should be refused."""
        self._is_tracking, self._found_before = True, self._list_nameless()
        for operation in CREATIONS:
            client.meta.events.register(f"before-parameter-build.s3vectors.{operation}", self._on_request)
            client.meta.events.register(f"after-call.s3vectors.{operation}", self._on_response)
            client.meta.events.register(f"after-call-error.s3vectors.{operation}", self._on_error)

    def track_raw(self, path: str, body: bytes, status: int, answer: object) -> None:
        """Track what a request created that was not sent by a client of boto3."""
        operation = path.strip("/").partition("?")[0]
        if operation not in CREATIONS or status != HTTPStatus.OK:
            return
        try:
            members = json.loads(body)
        except ValueError:
            members = {}
        self._track_creation(operation, members if isinstance(members, dict) else {}, answer)

    def remove_tracked(self) -> None:
        """Remove the tracked resources that still exist, except the shared bucket.

        A shared bucket that contains an index without a usable name is removed, too: it could fail later
        tests.
        """
        for address in self._nameless:
            # One of these may address it. What remains is found and reported when the factory is closed.
            remove("bucket without a name", self.cleaner.delete_vector_bucket, address)
        self._nameless.clear()
        if self._is_shared_spoiled and self._shared:
            name, self._shared = self._shared.name, None
            self.remove_bucket(name)
        self._is_shared_spoiled = False
        shared = self._shared.name if self._shared else ""
        for bucket in sorted({bucket for bucket, index in self._tracked if not index} - {shared}):
            self.remove_bucket(bucket)
        for bucket, index in sorted(self._tracked - {(shared, "")}):
            self.remove_index(bucket, index)

    def close(self) -> None:
        """Remove the buckets that still exist: the shared one, and those whose creation was interrupted.

        If it tracked a client, list the buckets then, and remove or report those of this factory.
        """
        self.remove_tracked()
        for name in sorted(self._buckets):
            self.remove_bucket(name)
        self._remove_remaining()
        self._shared = None
        if self._is_tracking:
            self._report_remaining()

    @staticmethod
    def _on_request(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["vecgate_members"] = dict(params)

    def _on_response(
        self,
        http_response: Any,  # noqa: ANN401 - botocore
        parsed: object,
        model: Any,  # noqa: ANN401 - botocore
        context: Mapping[str, Any],
        **_: object,
    ) -> None:
        if http_response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._on_error(context)
        elif http_response.status_code == HTTPStatus.OK:
            self._track_creation(model.name, context.get("vecgate_members", {}), parsed)

    def _on_error(self, context: Mapping[str, Any], exception: Exception | None = None, **_: object) -> None:
        # A creation that failed may have been applied. Only a name with this factory's prefix is then known
        # to be this factory's.
        if exception is None or not had_no_effect(exception):
            members = context.get("vecgate_members", {})
            bucket, index = members.get("vectorBucketName"), members.get("indexName", "")
            if isinstance(bucket, str) and isinstance(index, str) and self._is_own_name(index or bucket):
                self._tracked.add((bucket, index))

    def _track_creation(self, operation: str, members: Members, answer: object) -> None:
        """Track what a server has created, even if the request should have been refused."""
        found = answer if isinstance(answer, Mapping) else {}
        bucket, index = members.get("vectorBucketName"), members.get("indexName")
        if operation == "CreateIndex":
            address = str(members.get("vectorBucketArn") or found.get("indexArn") or "")
            bucket = bucket or address.partition(":bucket/")[2].partition("/")[0]
            if _is_usable(bucket) and _is_usable(index):
                self._tracked.add((bucket, index))
            else:
                self._is_shared_spoiled = True
        elif _is_usable(bucket):
            if not self._is_own_name(bucket):
                self.announce(bucket)
            self._tracked.add((bucket, ""))
        else:
            arn = found.get("vectorBucketArn")
            self._nameless += [{"vectorBucketArn": arn}] if _is_usable(arn) else []
            self._nameless.append({"vectorBucketName": bucket} if "vectorBucketName" in members else {})

    def _list_buckets(self) -> list[dict[str, Any]] | None:
        try:
            return list(list_all(self.cleaner, "ListVectorBuckets", "vectorBuckets"))
        except Exception:  # noqa: BLE001 - a server without a readable list: nothing can be checked by it
            return None

    def _list_nameless(self) -> frozenset[str] | None:
        """Return the buckets without a usable name, or None if the server does not list its buckets."""
        listed = self._list_buckets()
        if listed is None:
            return None
        return frozenset(json.dumps(each, default=str) for each in listed if not _has_name(each))

    def _report_remaining(self) -> None:
        listed = self._list_buckets() or []
        reported = " ".join(self.orphaned)
        for each in listed:
            name = each.get("vectorBucketName")
            if _is_usable(name) and self._is_own_name(name):
                if name not in reported and self._exists(name):
                    self.orphaned += self._remove_listed(name)
            elif not _has_name(each) and self._found_before is not None:
                label = json.dumps(each, default=str)
                if label not in self._found_before:
                    self.orphaned.append(f"bucket without a name, created during the run: {label:.200}")

    def _remove_listed(self, name: str) -> list[str]:
        """Remove a bucket that the server claims to have removed, or not to have created."""
        if problems := remove_bucket(self.cleaner, name):
            return problems
        return [f"bucket {name}: the server lists it after its removal"] if self._exists(name) else []

    def _exists(self, name: str) -> bool:
        """Return whether the bucket exists: the list of a server may be late."""
        try:
            self.cleaner.get_vector_bucket(vectorBucketName=name)
        except ClientError as error:
            return bool(error.response.get("Error", {}).get("Code") != "NotFoundException")
        except Exception:  # noqa: BLE001 - an answer that cannot be read does not show that it is gone
            return True
        return True

    def _is_own_name(self, name: str) -> bool:
        return name.startswith(f"{self._prefix}-")

    # A server that returns no ARN from a creation fails the requirement on that, and not everything that
    # needs an ARN: the ARN is then read separately.

    def _bucket_arn(self, name: str) -> str:
        answer = self._client.get_vector_bucket(vectorBucketName=name)
        return str(answer.get("vectorBucket", {}).get("vectorBucketArn", ""))

    def _index_arn(self, bucket: str, name: str) -> str:
        answer = self._client.get_index(vectorBucketName=bucket, indexName=name)
        return str(answer.get("index", {}).get("indexArn", ""))

    def _create_index(self, bucket: BucketHandle | str | None, members: Members) -> tuple[str, Answer]:
        if bucket is not None:
            name = bucket.name if isinstance(bucket, BucketHandle) else bucket
            return name, self._client.create_index(vectorBucketName=name, **members)
        shared = self.shared_bucket()
        try:
            return shared.name, self._client.create_index(vectorBucketName=shared.name, **members)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NotFoundException":
                raise
            # An earlier test deleted the shared bucket. That must not affect this one.
            self._shared = self.make_bucket()
            return self._shared.name, self._client.create_index(vectorBucketName=self._shared.name, **members)


def _is_usable(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and name not in UNUSABLE_NAMES


def _has_name(bucket: Mapping[str, Any]) -> bool:
    return _is_usable(bucket.get("vectorBucketName"))


def _tags(run: str, until: datetime | None) -> dict[str, str]:
    return {RUN_TAG: run, **({END_TAG: until.astimezone(UTC).isoformat(timespec="seconds")} if until else {})}


@contextmanager
def open_resource_factory(
    target: Target,
    client: Any,  # noqa: ANN401 - boto3
    *,
    prefix: str,
    run: str,
    worker: str,
    timeout_s: float = TIMEOUT_S,
    until: datetime | None = None,
) -> Iterator[ResourceFactory]:
    """Yield a factory on *target* whose resources are removed when the context ends.

    until      when the run has ended at the latest, if it is known
    timeout_s  time in which a request of the clean-up must be answered

    On Amazon each bucket carries a tag. On every server that outlives the run each bucket is written to the
    creation log before it is created, and the log is kept for `vecgate clean` if something remains.
    """
    log = CreationLog(target, run, worker) if not is_embedded(target.name) else None
    with ExitStack() as exits:
        factory = ResourceFactory(
            client,
            prefix=f"{prefix}-{run}-{worker}",
            tags=_tags(run, until) if target.name == "aws" else {},
            announce=log.announce if log else lambda _: None,
            cleaner=exits.enter_context(open_cleanup_client(target, timeout_s=timeout_s)),
        )
        try:
            yield factory
        finally:
            factory.close()
            if log is None:
                factory.orphaned.clear()  # The embedded server ends with the run, and its resources with it.
            elif not factory.orphaned:
                log.discard()
