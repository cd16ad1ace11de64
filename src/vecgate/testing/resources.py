"""Buckets and indexes for tests: names of their own, removed whatever happens, with what the target supports.

A removal that fails is no failure of the test: it goes to `leaks`, which the run ends with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from itertools import count
from typing import Any, TypeAlias

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from vecgate.s3vectors.limits import KEYS_PER_DELETE_MAX, KEYS_PER_GET_MAX, VECTORS_PER_PUT_MAX
from vecgate.targets.leftovers import RUN_TAG, MadeRecord, place_of, recorded
from vecgate.targets.removal import remove_bucket, remove_index
from vecgate.targets.target import EMBEDDED, Target
from vecgate.targets.trials import UNSENT

Members: TypeAlias = dict[str, Any]
Answer: TypeAlias = dict[str, Any]
#: A record as a test writes it: key and values, and metadata where it has any; or as PutVectors takes it.
Record: TypeAlias = (
    tuple[str, Sequence[float]] | tuple[str, Sequence[float], Mapping[str, Any]] | Mapping[str, Any]
)
#: Is told what is about to be made, before it is.
Announce: TypeAlias = Callable[[str], None]


def vector(key: str, values: Sequence[float], metadata: Mapping[str, Any] | None = None) -> Members:
    """A vector as PutVectors takes it."""
    record: Members = {"key": key, "data": {"float32": list(values)}}
    return record if metadata is None else {**record, "metadata": dict(metadata)}


class Index:
    """An index, with the calls that tests make most.

    name, bucket  their names; `arn` is the index's
    dimension     of its vectors
    """

    def __init__(self, client: Any, bucket: str, name: str, arn: str, dimension: int) -> None:  # noqa: ANN401 - boto3
        self._client = client
        self.bucket, self.name, self.arn, self.dimension = bucket, name, arn, dimension

    @property
    def address(self) -> Members:
        """The members of a request that name this index."""
        return {"vectorBucketName": self.bucket, "indexName": self.name}

    def call(self, operation: str, **members: Any) -> Answer:  # noqa: ANN401 - members of a request
        """Call *operation* on this index."""
        answer: Answer = getattr(self._client, xform_name(operation))(**self.address, **members)
        return answer

    def put(self, *records: Record) -> None:
        """Write *records*, each (key, values), (key, values, metadata) or as PutVectors takes it."""
        vectors = [dict(each) if isinstance(each, Mapping) else vector(*each) for each in records]
        for part in _parts(vectors, VECTORS_PER_PUT_MAX):
            self.call("PutVectors", vectors=part)

    def get(self, *keys: str, data: bool = True, metadata: bool = True) -> dict[str, Answer]:
        """The stored ones of *keys*, by key."""
        found: dict[str, Answer] = {}
        for part in _parts(list(keys), KEYS_PER_GET_MAX):
            answer = self.call("GetVectors", keys=part, returnData=data, returnMetadata=metadata)
            found.update({each["key"]: each for each in answer["vectors"]})
        return found

    def scan(self, **members: Any) -> list[Answer]:  # noqa: ANN401 - members of a request
        """All vectors, over all pages."""
        return [each for page in self.pages("ListVectors", **members) for each in page["vectors"]]

    def keys(self) -> set[str]:
        """The keys of all vectors."""
        return {each["key"] for each in self.scan()}

    def query(
        self,
        values: Sequence[float] | None = None,
        top_k: int = 10,
        *,
        distance: bool = True,
        metadata: bool = False,
        **members: Any,  # noqa: ANN401 - members of a request
    ) -> list[Answer]:
        """The results, over all pages, nearest first. *members* are further ones, such as `filter`."""
        if values is not None:
            members["queryVector"] = {"float32": list(values)}
        asked = {"topK": top_k, "returnDistance": distance, "returnMetadata": metadata, **members}
        return [each for page in self.pages("QueryVectors", **asked) for each in page["vectors"]]

    def found(self, filter_: Mapping[str, Any], top_k: int = 100) -> set[str]:
        """The keys of the vectors that match *filter_*."""
        values = [1.0] * self.dimension
        return {each["key"] for each in self.query(values, top_k, filter=filter_, distance=False)}

    def delete(self, *keys: str) -> None:
        """Delete *keys*."""
        for part in _parts(list(keys), KEYS_PER_DELETE_MAX):
            self.call("DeleteVectors", keys=part)

    def pages(self, operation: str, **members: Any) -> Iterator[Answer]:  # noqa: ANN401 - members of a request
        """The answers of *operation*, page by page. Raises AssertionError where a token comes twice."""
        seen: set[str] = set()
        while True:
            page = self.call(operation, **members)
            yield page
            token = page.get("nextToken")
            if not token:
                return
            assert token not in seen, f"{operation} gave the same nextToken twice: it would never end"
            seen.add(token)
            members["nextToken"] = token

    def remove(self) -> None:
        """Delete the index itself."""
        self.call("DeleteIndex")


class Bucket:
    """A vector bucket; `name` and `arn`."""

    def __init__(self, client: Any, name: str, arn: str) -> None:  # noqa: ANN401 - boto3
        self._client, self.name, self.arn = client, name, arn

    @property
    def address(self) -> Members:
        """The members of a request that name this bucket."""
        return {"vectorBucketName": self.name}

    def call(self, operation: str, **members: Any) -> Answer:  # noqa: ANN401 - members of a request
        """Call *operation* on this bucket."""
        answer: Answer = getattr(self._client, xform_name(operation))(**self.address, **members)
        return answer


MakeBucket: TypeAlias = Callable[..., Bucket]
MakeIndex: TypeAlias = Callable[..., Index]


class Resources:
    """Makes buckets and indexes, and removes what it made.

    prefix    of every name
    tags      for every bucket, where the target is tagged at all
    announce  is told the name of a bucket before it is made
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3
        *,
        prefix: str,
        tags: Mapping[str, str] | None = None,
        announce: Announce = lambda _: None,
    ) -> None:
        self._client, self._prefix, self._tags, self.announce = client, prefix, dict(tags or {}), announce
        self._numbers = count(1)
        self._shared: Bucket | None = None
        self._strays: set[tuple[str, str]] = set()
        self._ours: set[str] = set()
        self.leaks: list[str] = []

    def new_name(self) -> str:
        """A name that nobody else uses."""
        return f"{self._prefix}-{next(self._numbers)}"

    def make_bucket(self, name: str = "", **members: Any) -> Bucket:  # noqa: ANN401 - members of a request
        """A new bucket; *members* are further ones of CreateVectorBucket."""
        name = name or self.new_name()
        self.announce(name)
        if self._tags:
            members["tags"] = {**self._tags, **members.get("tags", {})}
        if self._is_own_name(name):  # from now on: a creation that is cut short here may be done there
            self._ours.add(name)
        try:
            answer = self._client.create_vector_bucket(vectorBucketName=name, **members)
        except (BotoCoreError, ClientError) as error:
            if _is_undone(error):
                self._ours.discard(name)
            raise
        self._ours.add(name)
        return Bucket(self._client, name, answer.get("vectorBucketArn") or self._bucket_arn(name))

    def make_index(
        self,
        bucket: Bucket | str | None = None,
        *,
        dimension: int = 2,
        metric: str = "cosine",
        non_filterable: Iterable[str] = (),
        name: str = "",
        **members: Any,  # noqa: ANN401 - members of a request
    ) -> Index:
        """A new index, in a bucket that tests share unless *bucket* is one."""
        asked: Members = {"dataType": "float32", "dimension": dimension, "distanceMetric": metric, **members}
        asked["indexName"] = name or self.new_name()
        if keys := list(non_filterable):
            configuration = {**asked.get("metadataConfiguration", {}), "nonFilterableMetadataKeys": keys}
            asked["metadataConfiguration"] = configuration
        where, answer = self._created(bucket, asked)
        arn = answer.get("indexArn") or self._index_arn(where, asked["indexName"])
        return Index(self._client, where, asked["indexName"], arn, dimension)

    def remove_index(self, bucket: str, name: str) -> None:
        """Delete the index *name*, if it is still there."""
        self._strays.discard((bucket, name))
        self.leaks += remove_index(self._client, bucket, name)

    def remove_bucket(self, name: str) -> None:
        """Delete the bucket *name* and every index in it, if it is still there."""
        self._strays = {stray for stray in self._strays if stray[0] != name}
        self._ours.discard(name)
        self.leaks += remove_bucket(self._client, name)

    def follow(self, client: Any) -> None:  # noqa: ANN401 - boto3
        """Know from now on of all that *client* makes, also of what it should have been refused."""
        for operation in ("CreateVectorBucket", "CreateIndex"):
            client.meta.events.register(f"before-parameter-build.s3vectors.{operation}", self._asked)
            client.meta.events.register(f"after-call.s3vectors.{operation}", self._made)
            client.meta.events.register(f"after-call-error.s3vectors.{operation}", self._perhaps_made)

    def remove_strays(self) -> None:
        """Remove what was made and nobody has removed, but for the bucket that tests share."""
        shared = self._shared.name if self._shared else ""
        for bucket in sorted({bucket for bucket, index in self._strays if not index} - {shared}):
            self.remove_bucket(bucket)
        for bucket, index in sorted(self._strays - {(shared, "")}):
            self.remove_index(bucket, index)

    def close(self) -> None:
        """Remove the buckets that are still there: the one that tests share, and what was cut short."""
        for name in sorted(self._ours):
            self.remove_bucket(name)
        self._shared = None

    @staticmethod
    def _asked(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["vecgate_made"] = (params.get("vectorBucketName"), params.get("indexName", ""))

    def _made(self, http_response: Any, context: Mapping[str, Any], **_: object) -> None:  # noqa: ANN401 - botocore
        if http_response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._perhaps_made(context)
        elif http_response.status_code == HTTPStatus.OK:
            self._add_stray(context, lambda _: True)

    def _perhaps_made(
        self, context: Mapping[str, Any], exception: Exception | None = None, **_: object
    ) -> None:
        # A creation that failed there may have been done: what bears a name of ours can only be ours.
        if exception is None or not _is_undone(exception):
            self._add_stray(context, self._is_own_name)

    def _add_stray(self, context: Mapping[str, Any], is_ours: Callable[[str], bool]) -> None:
        bucket, index = context.get("vecgate_made", (None, None))
        if isinstance(bucket, str) and isinstance(index, str) and is_ours(index or bucket):
            self._strays.add((bucket, index))

    def _is_own_name(self, name: str) -> bool:
        return name.startswith(f"{self._prefix}-")

    # A server whose creations answer without an ARN lacks one thing, not all that an ARN is good for.

    def _bucket_arn(self, name: str) -> str:
        answer = self._client.get_vector_bucket(vectorBucketName=name)
        return str(answer.get("vectorBucket", {}).get("vectorBucketArn", ""))

    def _index_arn(self, bucket: str, name: str) -> str:
        answer = self._client.get_index(vectorBucketName=bucket, indexName=name)
        return str(answer.get("index", {}).get("indexArn", ""))

    def _created(self, bucket: Bucket | str | None, members: Members) -> tuple[str, Answer]:
        if bucket is not None:
            name = bucket.name if isinstance(bucket, Bucket) else bucket
            return name, self._client.create_index(vectorBucketName=name, **members)
        self._shared = self._shared or self.make_bucket()
        try:
            return self._shared.name, self._client.create_index(vectorBucketName=self._shared.name, **members)
        except ClientError as error:
            if _code(error) != "NotFoundException":
                raise
            # A test before this one has deleted it: that must not be felt here.
            self._shared = self.make_bucket()
            return self._shared.name, self._client.create_index(vectorBucketName=self._shared.name, **members)


@contextmanager
def opened_resources(
    target: Target,
    client: Any,  # noqa: ANN401 - boto3
    *,
    prefix: str,
    run: str,
    worker: str,
) -> Iterator[Resources]:
    """Resources on *target*, gone when the context is.

    On Amazon each bucket carries a tag; on any server that outlives the run it is written down before it is
    made, and the record stays for `vecgate clean` if something could not be removed.
    """
    name = f"{prefix}-{run}-{worker}"
    record = MadeRecord(target, run, worker) if target.name not in EMBEDDED else None
    resources = Resources(
        client,
        prefix=name,
        tags={RUN_TAG: run} if target.name == "aws" else {},
        announce=record.announce if record else lambda _: None,
    )
    try:
        yield resources
    finally:
        resources.close()
        if record is None:
            resources.leaks.clear()  # it is gone with the endpoint
        elif not resources.leaks:
            record.forget()


def sweep(target: Target, run: str) -> list[str]:
    """Remove what the records of *run* still name, whichever process made it; what is left, a line each."""
    left = list(recorded(place_of(target), run=run))
    if not left:
        return []
    problems: list[str] = []
    with closing(target.client(parameter_validation=False)) as client:
        for made, _ in left:
            problems += remove_bucket(client, made.bucket)
    if not problems:
        for _, path in left:
            path.unlink(missing_ok=True)
    return problems


def _is_undone(error: Exception) -> bool:
    """Nothing was made: the request itself is at fault, or was never sent."""
    if isinstance(error, ClientError):
        status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status < HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, UNSENT)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
