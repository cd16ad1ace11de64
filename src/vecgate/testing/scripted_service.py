"""A minimal S3 Vectors service that fails as scripted, for tests of clients."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from vecgate.bulk.core.body_encoding import Body
from vecgate.errors import ServiceError, TransportError
from vecgate.s3vectors.model import error_codes


class ServiceFault(StrEnum):
    """A fault that a request meets, or none."""

    #: The request is applied and answered.
    NONE = "none"
    #: Answered with 429, not applied.
    THROTTLED = "TooManyRequestsException"
    #: Answered with 503, not applied.
    UNAVAILABLE = "ServiceUnavailableException"
    #: Answered with 500, not applied.
    BROKEN = "InternalServerException"
    #: The connection breaks before the request is applied.
    RESET = "reset"
    #: The request is applied, and its answer is lost.
    ANSWER_LOST = "answer lost"


def modelled_error(code: str, message: str = "as scripted", *, operation: str = "PutVectors") -> ServiceError:
    """Return the error with *code*, with the status and retry traits of the service model."""
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
    """A `Sender` that stores vectors in a dict and applies the next fault of *script* to each request.

    After the script every request succeeds. Reads are answered outside the script and are not recorded. A
    request with a key of *poisoned*, or with a key twice, is rejected as a whole.

    stored    key → (values, metadata)
    requests  (operation, members) of each write that arrived, in order
    """

    def __init__(
        self,
        script: Iterable[ServiceFault | Exception] = (),
        *,
        poisoned: Iterable[str] = (),
        index: dict[str, Any] | None = None,
    ) -> None:
        self.stored: dict[str, tuple[list[float], Any]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._script, self._poisoned = iter(script), frozenset(poisoned)
        self._index = index or {"dimension": 2, "distanceMetric": "euclidean"}

    def send(self, operation: str, body: Body) -> bytes:
        """Answer one request with the next fault of the script."""
        members = json.loads(body.data)
        if operation == "GetIndex":
            return json.dumps({"index": self._index}).encode()
        if operation == "GetVectors":
            found = [{"key": key} for key in members["keys"] if key in self.stored]
            return json.dumps({"vectors": found}).encode()
        self.requests.append((operation, members))
        return self.handle(operation, members, next(self._script, ServiceFault.NONE))

    def handle(self, operation: str, members: dict[str, Any], fault: ServiceFault | Exception) -> bytes:
        """Apply a request and answer it, or fail it as *fault* says."""
        if isinstance(fault, Exception):
            raise fault
        if fault is ServiceFault.RESET:
            raise TransportError(operation, "connection reset")
        if fault not in {ServiceFault.NONE, ServiceFault.ANSWER_LOST}:
            raise modelled_error(fault.value, operation=operation)
        self._apply(operation, members)
        if fault is ServiceFault.ANSWER_LOST:
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
            raise modelled_error(
                "ValidationException", "Request must not contain duplicate keys", operation=operation
            )
        for key in keys:
            if key in self._poisoned:
                message = f"Invalid record for key '{key}': poisoned"
                raise modelled_error("ValidationException", message, operation=operation)
