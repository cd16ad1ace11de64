"""The endpoint's core with a small API for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest

from vecgate.endpoint.core import apply
from vecgate.endpoint.requests.body_decoding import PutBodyReader, read_put_with_msgspec
from vecgate.endpoint.requests.messages import Request, Response
from vecgate.endpoint.storage.state import State

NOW = 1_800_000_000.75
#: The operations whose resource is in the path.
TAG_METHODS = {"ListTagsForResource": "GET", "TagResource": "POST", "UntagResource": "DELETE"}


def request_of(operation: str, members: dict[str, Any]) -> Request:
    """Return a request as clients send it: members of the path and the query are not in the body."""
    if operation not in TAG_METHODS:
        return Request("POST", f"/{operation}", orjson.dumps(members))
    arn, tag_keys = members.get("resourceArn", ""), members.get("tagKeys", [])
    body = {name: value for name, value in members.items() if name not in {"resourceArn", "tagKeys"}}
    query = urlencode([("tagKeys", key) for key in tag_keys], quote_via=quote)
    return Request(TAG_METHODS[operation], f"/tags/{quote(arn, safe='')}", orjson.dumps(body), query)


@dataclass(frozen=True)
class ErrorResponse:
    """An error as clients receive it."""

    status: int
    code: str
    message: str
    paths: tuple[str, ...] = ()


@dataclass
class Service:
    """The endpoint's core with a clock that the test sets."""

    state: State = field(default_factory=State)
    now: float = NOW
    put_reader: PutBodyReader = read_put_with_msgspec

    def send_body(self, operation: str, body: bytes, *, method: str = "POST") -> Response:
        return apply(self.state, Request(method, f"/{operation}", body), self.now, put_reader=self.put_reader)

    def send(self, operation: str, members: dict[str, Any]) -> Response:
        return apply(self.state, request_of(operation, members), self.now, put_reader=self.put_reader)

    def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        response = self.send(operation, members)
        assert response.status == 200, response
        result: dict[str, Any] = orjson.loads(response.body)
        return result

    def error(self, operation: str, **members: Any) -> ErrorResponse:
        return self.parse_error(self.send(operation, members))

    def error_for_body(self, operation: str, body: bytes) -> ErrorResponse:
        return self.parse_error(self.send_body(operation, body))

    def parse_error(self, response: Response) -> ErrorResponse:
        assert response.error, response
        content = orjson.loads(response.body)
        paths = tuple(each["path"] for each in content.get("fieldList", ()))
        return ErrorResponse(response.status, response.error, content["message"], paths)

    def bucket(self, name: str = "bucket") -> None:
        self("CreateVectorBucket", vectorBucketName=name)

    def index(self, name: str = "index", **settings: Any) -> dict[str, str]:
        """Create an index in `bucket`, and that bucket if it is missing; return the address of the index."""
        if "bucket" not in self.state.buckets:
            self.bucket()
        address = {"vectorBucketName": "bucket", "indexName": name}
        shape = {"dataType": "float32", "dimension": 2, "distanceMetric": "euclidean"}
        self("CreateIndex", **address, **{**shape, **settings})
        return address


@pytest.fixture
def service() -> Service:
    """An empty service."""
    return Service()


@pytest.fixture(scope="session")
def new_service() -> type[Service]:
    """The class `Service`, for tests that need an empty one for each example."""
    return Service
