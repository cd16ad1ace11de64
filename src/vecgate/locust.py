"""S3 Vectors in a Locust test of your own: `from vecgate.locust import S3VectorsUser`.

`S3VectorsUser` is a plain Locust user, in a closed loop as Locust's users are, that mixes with `HttpUser`s.
For the open loop of `vecgate ramp` import `VectorsUser` and `ScheduleShape` from here instead: only that
import connects vecgate's schedule, options and verdict to Locust. See docs/locust.md.

Importing this module imports Locust, which patches the standard library, and starts nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

import numpy.typing as npt

# Before vecgate's modules, because importing Locust patches the standard library.
from locust import User
from locust.exception import RescheduleTask

from vecgate.bulk.core.body_encoding import Body, encode_delete, encode_request
from vecgate.bulk.core.response_decoding import QueryResult, Vectors, decode_vectors
from vecgate.bulk.core.vector_arguments import vectors_member
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.transport.sender import DirectSender, Sender
from vecgate.errors import (
    NoCredentials,
    ProtocolError,
    ServiceError,
    TransportError,
    UsageError,
    VecgateError,
)
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice

__all__ = ["RequestFailed", "S3VectorsClient", "S3VectorsUser"]

#: Names that connect the schedule of vecgate to Locust when they are imported.
OPEN_LOOP = frozenset({"ScheduleShape", "VectorsUser"})
REQUEST_TYPE = "S3Vectors"
#: Raised for an answer or its absence. Everything else is a mistake in the test itself.
FAILURES = (ServiceError, TransportError, ProtocolError, NoCredentials)
#: As boto3 reads them.
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3VECTORS", "AWS_ENDPOINT_URL")

T = TypeVar("T")


def __getattr__(name: str) -> Any:  # noqa: ANN401 - classes of Locust
    if name not in OPEN_LOOP:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vecgate.load.runtime import locustfile  # noqa: PLC0415 - it installs vecgate's listeners

    return getattr(locustfile, name)


class RequestFailed(RescheduleTask):
    """Raised after a request has failed and Locust has counted it: the rest of the task is left out.

    Locust goes on with the next task without a traceback. Catch it to react to the failure yourself.

    error  why it failed: ServiceError, TransportError, ProtocolError or NoCredentials
    """

    def __init__(self, error: VecgateError) -> None:
        super().__init__(str(error))
        self.error = error


class S3VectorsUser(User):
    """A Locust user whose `s3vectors` sends requests and reports each to Locust. Subclass it and add tasks.

    host           URL of the endpoint; None for the one of AWS_ENDPOINT_URL_S3VECTORS, else for Amazon
    region         of the signatures; empty for the one of the environment or the profile
    profile        of the AWS configuration; credentials are those that boto3 finds
    ca_bundle      file with certificates to trust, and *verify* whether they are checked
    vector_bucket  bucket and *vector_index* index of requests that name none; an index may be an ARN
    """

    abstract = True
    region = ""
    profile = ""
    ca_bundle = ""
    verify = True
    vector_bucket = ""
    vector_index = ""

    def __init__(self, environment: Any) -> None:  # noqa: ANN401 - Locust's environment
        super().__init__(environment)
        self.s3vectors: S3VectorsClient = S3VectorsClient(self, _shared_sender(self))


class S3VectorsClient:
    """Sends each request once and fires `events.request` with its name, time, size and exception.

    An answer that the service does not give, such as a login page, a key that was not requested or a query
    without its vectors, is a failure. *name* replaces the operation in Locust's statistics. All methods raise
    RequestFailed after a failure, and UsageError or botocore's ParamValidationError for wrong arguments.
    """

    def __init__(self, user: S3VectorsUser, sender: Sender) -> None:
        self._user, self._sender = user, sender

    def put(
        self, vectors: Sequence[Mapping[str, Any]], *, bucket: str = "", index: str = "", name: str = ""
    ) -> None:
        """Write *vectors*, in the form that boto3 takes; numpy rows are accepted too."""
        body = encode_request(self._address(bucket, index), vectors=vectors_member(vectors))
        self._send("PutVectors", body, name)

    def delete(self, keys: Sequence[str], *, bucket: str = "", index: str = "", name: str = "") -> None:
        """Delete the vectors of *keys*."""
        self._send("DeleteVectors", encode_delete(self._address(bucket, index), keys), name)

    def query(
        self,
        vector: Sequence[float] | npt.NDArray[Any],
        top_k: int = 10,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the service's own word
        metadata: bool = False,
        distance: bool = True,
        bucket: str = "",
        index: str = "",
        name: str = "",
    ) -> QueryResult:
        """Return the *top_k* nearest vectors. Several pages count as one request."""
        address = self._address(bucket, index)
        return self._report(
            "QueryVectors",
            name,
            lambda sender: _reader(sender, address).query(
                vector, top_k, filter=filter, metadata=metadata, distance=distance
            ),
        )

    def get(
        self,
        keys: Sequence[str],
        *,
        data: bool = True,
        metadata: bool = True,
        bucket: str = "",
        index: str = "",
        name: str = "",
    ) -> Vectors:
        """Return the vectors of *keys*; keys that are not stored are in `absent`."""
        address = self._address(bucket, index)
        return self._report(
            "GetVectors",
            name,
            lambda sender: _reader(sender, address).get(keys, data=data, metadata=metadata),
        )

    def list(
        self,
        max_results: int = 500,
        *,
        token: str = "",
        data: bool = False,
        metadata: bool = False,
        bucket: str = "",
        index: str = "",
        name: str = "",
    ) -> tuple[Vectors, str]:
        """Return one page of the index, and the token of the next one: empty on the last."""
        members: dict[str, object] = {
            "maxResults": max_results,
            "returnData": data,
            "returnMetadata": metadata,
        }
        body = encode_request(
            self._address(bucket, index), **members, **({"nextToken": token} if token else {})
        )

        def read(sender: Sender) -> tuple[Vectors, str]:
            page, following = decode_vectors(sender.send("ListVectors", body))
            if data and page.keys and page.vectors is None:
                raise ProtocolError("ListVectors returned keys without the vectors that were requested")
            return page, following

        return self._report("ListVectors", name, read)

    def _address(self, bucket: str, index: str) -> IndexAddress:
        user = self._user
        return IndexAddress.parse(bucket=bucket or user.vector_bucket, index=index or user.vector_index)

    def _send(self, operation: str, body: Body, name: str) -> None:
        self._report(operation, name, lambda sender: sender.send(operation, body))

    def _report(self, operation: str, name: str, call: Callable[[Sender], T]) -> T:
        counting, result, failure = _CountingSender(self._sender), None, None
        started_at, begun_s = time.time(), time.perf_counter()
        try:
            result = call(counting)
        except FAILURES as error:
            failure = error
        self._user.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=name or operation,
            response_time=(time.perf_counter() - begun_s) * 1e3,
            response_length=counting.bytes_in,
            response=result,
            exception=failure,
            context=self._user.context(),
            start_time=started_at,
            url=counting.endpoint_url,
        )
        if failure is not None:
            raise RequestFailed(failure) from failure
        return result  # type: ignore[return-value]  # it is set without a failure


class _CountingSender:
    """A `Sender` that counts the bytes of its answers."""

    def __init__(self, sender: Sender) -> None:
        self._sender, self.bytes_in = sender, 0
        self.endpoint_url = str(getattr(sender, "endpoint_url", ""))

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* once, and return the answer."""
        answer = self._sender.send(operation, body)
        self.bytes_in += len(answer)
        return answer

    def close(self) -> None:
        """Do nothing: the connections are shared by all users."""


def _reader(sender: Sender, address: IndexAddress) -> BulkReader:
    # Each request is sent once, also if it is throttled: a pause that returns true ends the retries.
    return BulkReader(sender, bucket=address.bucket, index=address.arn or address.index, pause=lambda _: True)


def _shared_sender(user: S3VectorsUser) -> Sender:
    """Return the sender of all users of this process with the settings of *user*; the first one opens it."""
    environment: Any = user.environment
    senders = environment.__dict__.setdefault("vecgate_senders", {})
    settings = (user.host or "", user.region, user.profile, user.ca_bundle, user.verify)
    if settings not in senders:
        stack = ExitStack()
        choice = TargetChoice(
            _target_name(user), user.region, user.profile, user.ca_bundle, verify=user.verify
        )
        target = stack.enter_context(open_target(choice, os.environ))
        senders[settings] = opened = stack.enter_context(target.sender(direct=True))
        if isinstance(opened, DirectSender):
            opened.repeats = False
        environment.events.quitting.add_listener(lambda **_: stack.close())
    sender: Sender = senders[settings]
    return sender


def _target_name(user: S3VectorsUser) -> str:
    if user.host:
        if not user.host.startswith(("http://", "https://")):
            raise UsageError(
                f"the host {user.host!r} of {type(user).__name__} is not a URL",
                hint="Use -H http://HOST:PORT, or no host for Amazon.",
            )
        return str(user.host)
    return next((os.environ[each] for each in ENDPOINT_VARIABLES if os.environ.get(each)), "aws")
