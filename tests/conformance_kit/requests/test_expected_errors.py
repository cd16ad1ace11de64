from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation, refusal_reason
from vecgate.errors import UnexpectedResponse

MESSAGE = "1 validation error detected."
ANSWER: Any = {
    "Error": {"Code": "ValidationException", "Message": MESSAGE},
    "ResponseMetadata": {"HTTPStatusCode": 400},
    "fieldList": [{"path": "vectors[0]", "message": "m"}],
}


class Service:
    """Answers *answer*, or fails with it."""

    def __init__(self, answer: Any, *, fails: bool = True) -> None:
        self._answer, self._fails = answer, fails
        self.calls: list[dict[str, Any]] = []

    def put_vectors(self, **members: Any) -> Any:
        self.calls.append(members)
        if self._fails:
            raise ClientError(self._answer, "PutVectors")
        return self._answer


@pytest.mark.parametrize(
    "expected",
    [
        {},
        {"status": 400},
        {"message": MESSAGE},
        {"message": re.compile("validation error")},
        {"field": "vectors[0]"},
        {"status": 400, "message": MESSAGE, "field": "vectors[0]"},
    ],
)
def test_an_expected_error_is_returned(expected: dict[str, Any]) -> None:
    """The status defaults to the one of the model for the code."""
    service = Service(ANSWER)
    error = ErrorExpectation(service)("PutVectors", {"a": 1}, code="ValidationException", **expected, b=2)
    assert (error.code, error.status, error.message) == ("ValidationException", 400, MESSAGE)
    assert error.fields == {"vectors[0]": "m"}
    assert service.calls == [{"a": 1, "b": 2}]


def test_a_success_that_names_failures_is_no_refusal() -> None:
    """A server that stores the valid records and answers with the keys of the others."""

    class Partial:
        def put_vectors(self) -> None:
            raise UnexpectedResponse("PutVectors", "status 200 with the member 'errorVectorKeys'")

    assert not ErrorExpectation(Partial()).is_refused("PutVectors")


def test_any_callable_can_be_expected_to_fail() -> None:
    """The operation may be a callable instead of a name."""
    service = Service(ANSWER)
    assert ErrorExpectation(None)(service.put_vectors, code="ValidationException").status == 400


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ({"code": "NotFoundException"}, "expected 404 NotFoundException\ngot      400 ValidationException"),
        ({"code": "NotFoundException"}, "differs  code; status"),
        ({"code": "ValidationException", "status": 422}, "differs  status"),
        (
            {"code": "ValidationException", "message": "other"},
            "expected 400 ValidationException, message 'other'",
        ),
        ({"code": "ValidationException", "message": re.compile("^no")}, "differs  message"),
        ({"code": "ValidationException", "field": "vector"}, "fieldList with 'vector'\ngot"),
        ({"code": "ValidationException", "field": "vector"}, "differs  field"),
        ({"code": "InvalidSignatureException", "status": 403}, "expected 403 InvalidSignatureException"),
    ],
)
def test_an_unexpected_error_is_described(expected: dict[str, Any], text: str) -> None:
    """The failure has the expectation, the answer, and the parts that differ."""
    with pytest.raises(AssertionError) as caught:
        ErrorExpectation(Service(ANSWER))("PutVectors", **expected)
    assert text in str(caught.value)


def test_a_success_is_a_failure() -> None:
    """The failure has the answer without botocore's metadata."""
    service = Service({"vectors": [], "ResponseMetadata": {"x": 1}}, fails=False)
    with pytest.raises(AssertionError, match=re.escape("got      an answer: {'vectors': []}")):
        ErrorExpectation(service)("PutVectors", code="ValidationException")


def test_other_exceptions_are_raised() -> None:
    """A broken connection is not an error answer."""

    def broken() -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        ErrorExpectation(None)(broken, code="ValidationException")


def test_an_error_without_details_is_described() -> None:
    """An answer with any status above 300 is a ClientError of botocore."""
    with pytest.raises(AssertionError, match="got      0 , message ''"):
        ErrorExpectation(Service({}))("PutVectors", code="ValidationException")


@pytest.mark.parametrize("fails", [True, False])
def test_a_refusal_may_be_asked_for(fails: bool) -> None:
    """Tests of what happens after a refusal do not fail if there is none."""
    service = Service(ANSWER if fails else {}, fails=fails)
    assert ErrorExpectation(service).is_refused("PutVectors", {"a": 1}, b=2) is fails
    assert service.calls == [{"a": 1, "b": 2}]


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("ValidationException", 400, "topK is too large"),
        ("", 400, "topK is too large"),
        ("TooManyRequestsException", 429, ""),
        ("SlowDown", 429, ""),
        ("TooManyRequestsException", 400, ""),
        ("RequestTimeoutException", 408, ""),
        ("InternalServerException", 500, ""),
        ("", 200, ""),
    ],
)
def test_only_a_refusal_has_a_reason(code: str, status: int, reason: str) -> None:
    """A throttled request or a fault of the target does not show that it refuses such requests."""
    answer: Any = {
        "Error": {"Code": code, "Message": "topK is too large"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    assert refusal_reason(ClientError(answer, "QueryVectors")) == reason


@pytest.mark.parametrize(
    ("code", "status", "expected", "differs"),
    [
        ("InvalidRequestException", 400, {}, ""),
        ("InvalidRequestException", 409, {}, "differs  code; status"),
        ("InvalidRequestException", 400, {"message": MESSAGE}, "differs  code$"),
        ("InvalidRequestException", 400, {"field": "vectors[0]"}, "differs  code$"),
        ("NotFoundException", 400, {}, "differs  code$"),
        ("", 400, {}, "differs  code$"),
        ("400", 400, {}, "differs  code$"),
    ],
)
def test_a_code_that_the_service_does_not_have_counts_as_the_expected_one(
    code: str, status: int, expected: dict[str, Any], differs: str
) -> None:
    """With its status, and where only the refusal matters. A code of the service, or none, is another error."""
    answer = {**ANSWER, "Error": {"Code": code, "Message": MESSAGE}}
    answer["ResponseMetadata"] = {"HTTPStatusCode": status}
    expect = ErrorExpectation(Service(answer))
    if not differs:
        assert expect("PutVectors", code="ValidationException", **expected).code == code
        return
    with pytest.raises(AssertionError, match=differs):
        expect("PutVectors", code="ValidationException", **expected)
