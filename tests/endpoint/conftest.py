"""A service to talk to, in the words of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest

from vecgate.endpoint.answers import Answer, Request
from vecgate.endpoint.core import apply
from vecgate.endpoint.decoding import QuickRead, typed_read
from vecgate.endpoint.state import State

NOW = 1_800_000_000.75
#: The operations whose resource is in the path.
TAG_METHODS = {"ListTagsForResource": "GET", "TagResource": "POST", "UntagResource": "DELETE"}


def request_of(operation: str, members: dict[str, Any]) -> Request:
    """A request as a client makes it: nothing is in the body that belongs in the path or the query."""
    if operation not in TAG_METHODS:
        return Request("POST", f"/{operation}", orjson.dumps(members))
    arn, tag_keys = members.get("resourceArn", ""), members.get("tagKeys", [])
    body = {name: value for name, value in members.items() if name not in {"resourceArn", "tagKeys"}}
    query = urlencode([("tagKeys", key) for key in tag_keys], quote_via=quote)
    return Request(TAG_METHODS[operation], f"/tags/{quote(arn, safe='')}", orjson.dumps(body), query)


@dataclass(frozen=True)
class Refusal:
    """An error as a client sees it."""

    status: int
    code: str
    message: str
    paths: tuple[str, ...] = ()


@dataclass
class Service:
    """The endpoint's core with a clock that stands still unless moved."""

    state: State = field(default_factory=State)
    now: float = NOW
    quick_read: QuickRead = typed_read

    def answer(self, operation: str, body: bytes, *, method: str = "POST") -> Answer:
        return apply(self.state, Request(method, f"/{operation}", body), self.now, quick_read=self.quick_read)

    def asked(self, operation: str, members: dict[str, Any]) -> Answer:
        return apply(self.state, request_of(operation, members), self.now, quick_read=self.quick_read)

    def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        answer = self.asked(operation, members)
        assert answer.status == 200, answer
        result: dict[str, Any] = orjson.loads(answer.body)
        return result

    def refusal(self, operation: str, **members: Any) -> Refusal:
        return self.refusal_in(self.asked(operation, members))

    def refusal_of_body(self, operation: str, body: bytes) -> Refusal:
        return self.refusal_in(self.answer(operation, body))

    def refusal_in(self, answer: Answer) -> Refusal:
        assert answer.error, answer
        content = orjson.loads(answer.body)
        paths = tuple(each["path"] for each in content.get("fieldList", ()))
        return Refusal(answer.status, answer.error, content["message"], paths)

    def bucket(self, name: str = "bucket") -> None:
        self("CreateVectorBucket", vectorBucketName=name)

    def index(self, name: str = "index", **settings: Any) -> dict[str, str]:
        """An index in `bucket`, made with it where need be; its address."""
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
    """Makes an empty service, for tests that need one for each example."""
    return Service
