"""A sender with one index in memory, whose pages, tokens and failures a test controls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

from vecgate.bulk.core.body_encoding import Body
from vecgate.testing.scripted_service import modelled_error

#: Called before each request with its operation and members; raises what the request is answered with.
Before = Callable[[str, dict[str, Any]], None]


class PagedIndex:
    """An index of 2 dimensions that lists its keys in the order of their hashes, *page* at a time.

    stored          key → (values, metadata)
    requests        (operation, members) of each request, in order
    refuses_tokens  the next request with a token from before this was set is refused
    endpoint_url    that it seems to be at
    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        *,
        page: int = 3,
        before: Before | None = None,
        created: float = 1_800_000_000,
        name: str = "films",
    ) -> None:
        self.stored: dict[str, tuple[list[float], Any]] = {
            key: ([float(number), 1.0], {"number": number}) for number, key in enumerate(keys)
        }
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.refuses_tokens, self.endpoint_url = False, ""
        self._new_tokens: set[str] = set()
        self.page, self._before = page, before
        self.index = {
            "indexName": name,
            "indexArn": f"arn:aws:s3vectors:us-east-1:000000000000:bucket/media/index/{name}",
            "creationTime": created,
            "dimension": 2,
            "distanceMetric": "euclidean",
        }

    def send(self, operation: str, body: Body) -> bytes:
        """Answer one request."""
        members = json.loads(body.data)
        self.requests.append((operation, members))
        if self._before is not None:
            self._before(operation, members)
        return json.dumps(getattr(self, f"_{operation}")(members)).encode()

    def close(self) -> None:
        """Do nothing."""

    def _GetIndex(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - the name of the operation
        return {"index": self.index}

    def _CreateIndex(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - as above
        return {}

    def _PutVectors(self, members: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - as above
        for vector in members["vectors"]:
            self.stored[vector["key"]] = (vector["data"]["float32"], vector.get("metadata"))
        return {}

    def _GetVectors(self, members: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - as above
        return {"vectors": [self._vector(key) for key in members["keys"] if key in self.stored]}

    def _ListVectors(self, members: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - as above
        token = members.get("nextToken", "")
        if token and self.refuses_tokens and token not in self._new_tokens:
            self.refuses_tokens = False
            raise modelled_error("ValidationException", "Invalid page token", operation="ListVectors")
        count, number = members["segmentCount"], members["segmentIndex"]
        places = sorted(
            (crc32(key.encode()), key) for key in self.stored if crc32(key.encode()) % count == number
        )
        left = [key for place, key in places if not token or f"{place:010}" > token]
        found = left[: self.page]
        answer: dict[str, Any] = {"vectors": [self._vector(key) for key in found]}
        if len(left) > len(found):
            answer["nextToken"] = f"{crc32(found[-1].encode()):010}"
            if self.refuses_tokens:
                self._new_tokens.add(answer["nextToken"])
        return answer

    def _vector(self, key: str) -> dict[str, Any]:
        values, metadata = self.stored[key]
        return {"key": key, "data": {"float32": values}, "metadata": metadata or {}}
