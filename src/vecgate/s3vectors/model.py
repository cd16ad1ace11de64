"""Reads facts from botocore's service model, so that they are not copied.

An installed botocore may be older than the newest model, as beside aiobotocore. So a copy of that model ships
with vecgate, without its texts, and replaces one that lacks an operation or a member.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from botocore.model import ServiceModel

SERVICE = "s3vectors"
#: A directory that botocore's loaders can read. https://github.com/boto/botocore (Apache License 2.0)
MODELS = Path(__file__).resolve().parents[1] / "data/botocore"
#: The botocore that the copy is from, which is the first with all of it.
MODEL_VERSION = "1.44.4"
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
    """Return the service model: that of the installed botocore, or the copy if it lacks something."""
    from botocore.model import ServiceModel  # noqa: PLC0415 - slow to import, and `--help` needs no model

    return ServiceModel(_model(), SERVICE)


@cache
def shapes() -> dict[str, dict[str, Any]]:
    """Return the shapes of the model by name, as plain data."""
    return cast("dict[str, dict[str, Any]]", _model()["shapes"])


@cache
def missing_in_botocore() -> tuple[str, ...]:
    """Return the operations and members, such as `QueryVectorsInput.queryTexts`, that the installed botocore
    lacks.
    """
    return tuple(sorted(_names(_shipped()) - _names(_installed())))


def use_newest_model(session: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """Let the clients that the boto3 *session* will create know everything that the service has."""
    if missing_in_botocore():
        loader = session._session.get_component("data_loader")  # noqa: SLF001 - boto3 cannot add a path in front
        loader.search_paths.insert(0, str(MODELS))


@cache
def _model() -> dict[str, Any]:
    return _shipped() if missing_in_botocore() else _installed()


@cache
def _installed() -> dict[str, Any]:
    from botocore.loaders import Loader  # noqa: PLC0415 - as above

    return cast("dict[str, Any]", Loader().load_service_model(SERVICE, "service-2"))


@cache
def _shipped() -> dict[str, Any]:
    (file,) = (MODELS / SERVICE).glob("*/service-2.json")
    return cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))


def _names(model: Mapping[str, Any]) -> set[str]:
    names = {
        f"{name}.{member}" for name, shape in model["shapes"].items() for member in shape.get("members", ())
    }
    names.update(model["operations"])
    return names


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
