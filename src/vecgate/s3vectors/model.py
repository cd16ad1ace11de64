"""Reads facts from botocore's service model, so that they are not copied."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from botocore.loaders import Loader
from botocore.model import ServiceModel

#: The status of errors for which the model has none. Observed on AWS for ValidationException.
DEFAULT_ERROR_STATUS = 400


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """An error code of the service.

    name           such as TooManyRequestsException
    status         the HTTP status it comes with
    is_retryable   the same request may succeed later
    is_throttling  the service asks for fewer requests
    """

    name: str
    status: int
    is_retryable: bool
    is_throttling: bool


@cache
def service_model() -> ServiceModel:
    """Return the `s3vectors` service model of the installed botocore."""
    return ServiceModel(Loader().load_service_model("s3vectors", "service-2"), "s3vectors")


@cache
def shapes() -> dict[str, dict[str, Any]]:
    """Return the shapes of the model by name, as plain data."""
    return cast("dict[str, dict[str, Any]]", Loader().load_service_model("s3vectors", "service-2")["shapes"])


def constraint(shape: str, name: str) -> int:
    """Return the bound *name* (`min` or `max`) of *shape*."""
    return int(shapes()[shape][name])


@cache
def error_codes() -> dict[str, ErrorCode]:
    """Return every error code that the model declares, by name."""
    return {
        name: ErrorCode(
            name=name,
            status=shape.get("error", {}).get("httpStatusCode", DEFAULT_ERROR_STATUS),
            is_retryable="retryable" in shape,
            is_throttling=shape.get("retryable", {}).get("throttling", False),
        )
        for name, shape in shapes().items()
        if shape.get("exception")
    }
