from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.testing.refusals import Refused

MESSAGE = "1 validation error detected."
ANSWER: Any = {
    "Error": {"Code": "ValidationException", "Message": MESSAGE},
    "ResponseMetadata": {"HTTPStatusCode": 400},
    "fieldList": [{"path": "vectors[0]", "message": "m"}],
}


class Service:
    """Answers *answer*, or refuses with it."""

    def __init__(self, answer: Any, *, is_refused: bool = True) -> None:
        self._answer, self._is_refused = answer, is_refused
        self.asked: list[dict[str, Any]] = []

    def put_vectors(self, **members: Any) -> Any:
        self.asked.append(members)
        if self._is_refused:
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
def test_a_refusal_as_expected_is_given_back(expected: dict[str, Any]) -> None:
    """The status is by default the one of the model for the code."""
    service = Service(ANSWER)
    refusal = Refused(service)("PutVectors", {"a": 1}, code="ValidationException", **expected, b=2)
    assert (refusal.code, refusal.status, refusal.message) == ("ValidationException", 400, MESSAGE)
    assert refusal.fields == {"vectors[0]": "m"}
    assert service.asked == [{"a": 1, "b": 2}]


def test_any_callable_can_be_refused() -> None:
    """Not only an operation by its name."""
    service = Service(ANSWER)
    assert Refused(None)(service.put_vectors, code="ValidationException").status == 400


@pytest.mark.parametrize(
    ("expected", "said"),
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
def test_another_refusal_tells_the_difference(expected: dict[str, Any], said: str) -> None:
    """What was expected, what came, and in what they differ."""
    with pytest.raises(AssertionError) as caught:
        Refused(Service(ANSWER))("PutVectors", **expected)
    assert said in str(caught.value)


def test_an_answer_is_no_refusal() -> None:
    """It is shown, without what botocore adds."""
    service = Service({"vectors": [], "ResponseMetadata": {"x": 1}}, is_refused=False)
    with pytest.raises(AssertionError, match=re.escape("got      an answer: {'vectors': []}")):
        Refused(service)("PutVectors", code="ValidationException")


def test_another_exception_goes_through() -> None:
    """A connection that breaks is no refusal."""

    def broken() -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        Refused(None)(broken, code="ValidationException")


def test_an_answer_without_anything_is_told_as_it_is() -> None:
    """Botocore makes an error of any status above 300."""
    with pytest.raises(AssertionError, match="got      0 , message ''"):
        Refused(Service({}))("PutVectors", code="ValidationException")
