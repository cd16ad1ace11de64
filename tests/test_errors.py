"""Exceptions keep their data in transit."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from vecgate import errors
from vecgate.errors import InvalidRecord, ServiceError, TransportError, UnexpectedResponse, VecgateError

SERVICE_ERROR = ServiceError(
    "PutVectors",
    "TooManyRequestsException",
    429,
    "Slow down",
    is_retryable=True,
    is_throttling=True,
    retry_after_s=2.5,
    request_id="1334d4eb",
)
TRANSPORT_ERROR = TransportError("PutVectors", "connection reset", is_connect=True)
BAD_RECORD = InvalidRecord("a", "vector must have length 2, but has length 1")
UNEXPECTED = UnexpectedResponse("PutVectors", "status 200 with text/html")
OWN_WAY = {ServiceError, TransportError, UnexpectedResponse, InvalidRecord}
PLAIN = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, VecgateError) and kind not in OWN_WAY
]
ALL = [
    SERVICE_ERROR,
    TRANSPORT_ERROR,
    UNEXPECTED,
    BAD_RECORD,
    *(kind("what is wrong", hint="the way out") for kind in PLAIN),
]


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_an_exception_survives_pickling_and_copying(error: VecgateError) -> None:
    """It comes back with its type, its message and its attributes."""
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - our own
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_every_exception_derives_from_the_root() -> None:
    """A handler of VecgateError catches all of them."""
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind)]
    assert len(kinds) == 19
    assert all(issubclass(kind, VecgateError) for kind in kinds)


def test_the_tree_in_the_docstring_is_complete() -> None:
    """Each exception is under its parent."""
    assert errors.__doc__ is not None
    drawn: list[tuple[int, str]] = []
    for line in errors.__doc__.splitlines():
        name = line.lstrip("│├└─ ").partition(" ")[0]
        if inspect.isclass(getattr(errors, name, None)):
            depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
            kind = getattr(errors, name)
            parent = next((other for level, other in reversed(drawn) if level == depth - 1), "Exception")
            assert kind.__base__.__name__ == parent
            drawn.append((depth, name))
    assert {name for _, name in drawn} == {
        name for name, kind in vars(errors).items() if inspect.isclass(kind)
    }


def test_messages_say_what_is_wrong_and_hints_what_to_do() -> None:
    """Data are attributes, and the hint is not part of the message."""
    assert str(SERVICE_ERROR) == "PutVectors failed with 429 TooManyRequestsException: Slow down"
    assert (SERVICE_ERROR.operation, SERVICE_ERROR.code, SERVICE_ERROR.status) == (
        "PutVectors",
        "TooManyRequestsException",
        429,
    )
    assert (SERVICE_ERROR.message, SERVICE_ERROR.retry_after_s, SERVICE_ERROR.request_id) == (
        "Slow down",
        2.5,
        "1334d4eb",
    )
    assert SERVICE_ERROR.is_retryable
    assert SERVICE_ERROR.is_throttling
    assert str(TRANSPORT_ERROR) == "PutVectors got no response: connection reset"
    assert TRANSPORT_ERROR.is_connect
    assert str(BAD_RECORD) == "record 'a': vector must have length 2, but has length 1"
    assert (BAD_RECORD.key, BAD_RECORD.problem) == ("a", "vector must have length 2, but has length 1")
    assert VecgateError("x", hint="y").hint == "y"


def test_an_error_is_neither_retryable_nor_throttling_by_default() -> None:
    """Only the response can make it so."""
    plain = ServiceError("GetIndex", "NewException", 400, "m")
    assumed = (plain.is_retryable, plain.is_throttling, plain.retry_after_s, plain.request_id, plain.hint)
    assert assumed == (False, False, None, "", "")
    assert not TransportError("GetIndex", "reset").is_connect
