"""Every error that a user can cause says what to do about it."""

from __future__ import annotations

import pytest
from botocore.model import ServiceModel

from vecgate.bulk.transport.service_response import ServiceResponse, service_error
from vecgate.s3vectors.error_hints import error_hint
from vecgate.s3vectors.model import error_codes, service_model

OTHER = error_hint("PutVectors", "", 418)


@pytest.mark.parametrize("code", error_codes())
def test_every_code_of_the_model_has_a_hint(code: str) -> None:
    """One that a new version of the service adds fails here until it has one."""
    status = error_codes()[code].status
    hint = error_hint("PutVectors", code, status)
    assert hint.endswith(".")
    assert hint != OTHER
    response = ServiceResponse(status, {"x-amzn-errortype": code}, b'{"message": "no"}')
    assert service_error("PutVectors", response, now_s=0.0).hint == hint


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 413, 418, 429, 500, 502, 503, 504])
def test_an_error_without_a_known_code_has_a_hint_too(status: int) -> None:
    """The answer of a proxy, for example."""
    response = ServiceResponse(status, {}, b"<html>")
    assert service_error("QueryVectors", response, now_s=0.0).hint


def test_a_denial_names_the_permission_and_the_policy() -> None:
    """For every operation of the model."""
    model: ServiceModel = service_model()
    for operation in model.operation_names:
        hint = error_hint(operation, "AccessDeniedException", 403)
        assert hint.startswith(f"Allow s3vectors:{operation} to ")
        assert "{" not in hint
    assert "--policy put-create`" in error_hint("CreateIndex", "AccessDeniedException", 403)
