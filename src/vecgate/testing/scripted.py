"""An S3 Vectors service in a few lines, which fails as it is told: for tests of clients, not of servers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from vecgate.bulk.encoding import Body
from vecgate.errors import ServiceError, TransportError
from vecgate.s3vectors.model import error_codes


class Mishap(StrEnum):
    """What can become of a request."""

    #: It is applied, and the answer arrives.
    NONE = "none"
    #: 429, not applied.
    THROTTLED = "TooManyRequestsException"
    #: 503, not applied.
    UNAVAILABLE = "ServiceUnavailableException"
    #: 500, not applied.
    BROKEN = "InternalServerException"
    #: The connection breaks before it is applied.
    RESET = "reset"
    #: It is applied, and the answer is lost.
    ANSWER_LOST = "answer lost"


def error_of(code: str, message: str = "as scripted", *, operation: str = "PutVectors") -> ServiceError:
    """The error that the service model has for *code*."""
    known = error_codes()[code]
    return ServiceError(
        operation,
        code,
        known.status,
        message,
        is_retryable=known.is_retryable,
        is_throttling=known.is_throttling,
    )


class ScriptedService:
    """A `Sender` that is a service: it keeps vectors in a dict, and meets each request with the next mishap
    of *script*.

    After the script it works. *poisoned* keys are refused, as a service refuses what its client could not
    foresee. A request with a key twice is refused too.

    stored    key → (values, metadata), as the last request left it
    requests  (operation, members) of each request that arrived, in order
    """

    def __init__(
        self,
        script: Iterable[Mishap | Exception] = (),
        *,
        poisoned: Iterable[str] = (),
        index: dict[str, Any] | None = None,
    ) -> None:
        self.stored: dict[str, tuple[list[float], Any]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._script, self._poisoned = iter(script), frozenset(poisoned)
        self._index = index or {"dimension": 2, "distanceMetric": "euclidean"}

    def send(self, operation: str, body: Body) -> bytes:
        """Meet one request."""
        members = json.loads(body.data)
        if operation == "GetIndex":
            return json.dumps({"index": self._index}).encode()
        self.requests.append((operation, members))
        return self.meet(operation, members, next(self._script, Mishap.NONE))

    def meet(self, operation: str, members: dict[str, Any], mishap: Mishap | Exception) -> bytes:
        """Meet a request with *mishap*."""
        if isinstance(mishap, Exception):
            raise mishap
        if mishap is Mishap.RESET:
            raise TransportError(operation, "connection reset")
        if mishap not in {Mishap.NONE, Mishap.ANSWER_LOST}:
            raise error_of(mishap.value, operation=operation)
        self._apply(operation, members)
        if mishap is Mishap.ANSWER_LOST:
            raise TransportError(operation, "connection closed before the answer")
        return b"{}"

    def close(self) -> None:
        """Nothing to close."""

    def _apply(self, operation: str, members: dict[str, Any]) -> None:
        keys = members["keys"] if operation == "DeleteVectors" else [v["key"] for v in members["vectors"]]
        self._check(operation, keys)
        for key in keys:
            self.stored.pop(key, None)
        for vector in members.get("vectors", ()):
            self.stored[vector["key"]] = (vector["data"]["float32"], vector.get("metadata"))

    def _check(self, operation: str, keys: Sequence[str]) -> None:
        if len(set(keys)) < len(keys):
            raise error_of(
                "ValidationException", "Request must not contain duplicate keys", operation=operation
            )
        for key in keys:
            if key in self._poisoned:
                message = f"Invalid record for key '{key}': poisoned"
                raise error_of("ValidationException", message, operation=operation)
