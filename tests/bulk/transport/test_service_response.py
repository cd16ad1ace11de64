from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.transport.service_response import (
    ServiceResponse,
    clock_skew_s,
    retry_after_s,
    service_error,
)

NOON_S = 1_795_521_600.0  # 2026-11-24 12:00:00 UTC


CODES = [
    (400, b'{"message": "m"}', "ValidationException", False, False),
    (429, b'{"message": "m"}', "TooManyRequestsException", True, True),
    (503, b'{"message": "m"}', "ServiceUnavailableException", True, False),
    (500, b'{"message": "m"}', "InternalServerException", True, False),
    (408, b'{"message": "m"}', "RequestTimeoutException", True, False),
    (402, b'{"message": "m"}', "ServiceQuotaExceededException", False, False),
    (429, b'{"message": "m"}', "SlowDown", True, True),
    (408, b'{"message": "m"}', "Unheard", True, False),
    (599, b'{"message": "m"}', "Unheard", True, False),
    (403, b'{"message": "m"}', "Unheard", False, False),
    (307, b'{"message": "m"}', "Unheard", False, False),
]


@pytest.mark.parametrize(("status", "body", "code", "is_retryable", "is_throttling"), CODES)
def test_the_model_decides_about_retries_and_else_the_status(
    status: int, body: bytes, code: str, is_retryable: bool, is_throttling: bool
) -> None:
    """For a code that the model does not have, the status decides."""
    error = service_error(
        "PutVectors", ServiceResponse(status, {"x-amzn-errortype": code}, body), now_s=NOON_S
    )
    assert (error.code, error.status, error.message) == (code, status, "m")
    assert (error.is_retryable, error.is_throttling) == (is_retryable, is_throttling)


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"X-Amzn-ErrorType": "ConflictException:http://x"}, b"{}", "ConflictException"),
        ({}, b'{"__type": "com.amazonaws.s3vectors#NotFoundException"}', "NotFoundException"),
        ({}, b'{"code": "AccessDeniedException"}', "AccessDeniedException"),
        ({}, b'{"Code": "AccessDeniedException"}', "AccessDeniedException"),
        ({}, b"<html>no</html>", "502"),
        ({}, b"[1]", "502"),
        ({}, b"", "502"),
    ],
)
def test_the_code_is_found_in_any_place(headers: dict[str, str], body: bytes, code: str) -> None:
    """In the header, as `__type` or `code` in the body, with or without a namespace; else it is the status."""
    assert service_error("GetIndex", ServiceResponse(502, headers, body), now_s=NOON_S).code == code


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, b'{"Message": "capital"}', "capital"),
        (502, b"<html>", "Bad Gateway"),
        (599, b"", "no reason given"),
    ],
)
def test_there_is_always_a_message(status: int, body: bytes, message: str) -> None:
    """The service's own, or the phrase of the status."""
    assert service_error("GetIndex", ServiceResponse(status, {}, body), now_s=NOON_S).message == message


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [({"X-Amzn-RequestId": "a"}, "a"), ({"x-amz-request-id": "b"}, "b"), ({}, "")],
)
def test_the_request_id_is_kept(headers: dict[str, str], request_id: str) -> None:
    """For a support case, from either header."""
    assert (
        service_error("GetIndex", ServiceResponse(500, headers, b""), now_s=NOON_S).request_id == request_id
    )


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 -0000", 30.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("9" * 400, float("inf")),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -0100", 251_606_782_799.0),
        ("1 Jan 2026 00:00:00 +99999999999999999999", None),
        ("Mon, 01 Jan 0001 00:00:00 +0100", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, wait_s: float | None) -> None:
    """Both forms of RFC 9110; any other text is ignored."""
    assert retry_after_s(header, now_s=NOON_S) == wait_s
    answer = ServiceResponse(429, {"Retry-After": header}, b"")
    assert service_error("PutVectors", answer, now_s=NOON_S).retry_after_s == wait_s


@given(header=st.text(max_size=30))
def test_any_text_is_allowed_in_retry_after(header: str) -> None:
    """The result is a time from now on, or None."""
    wait_s = retry_after_s(header, now_s=NOON_S)
    assert wait_s is None or wait_s >= 0


@pytest.mark.parametrize(
    ("status", "code", "date", "skew_s"),
    [
        (403, "RequestTimeTooSkewed", "Tue, 24 Nov 2026 13:00:00 GMT", 3600.0),
        (403, "InvalidSignatureException", "Tue, 24 Nov 2026 11:50:00 GMT", -600.0),
        (403, "InvalidSignatureException", "Tue, 24 Nov 2026 12:00:10 GMT", None),
        (403, "AccessDeniedException", "Tue, 24 Nov 2026 13:00:00 GMT", None),
        (403, "RequestTimeTooSkewed", "", None),
        (403, "RequestTimeTooSkewed", "Fri, 31 Dec 9999 23:59:59 GMT", None),
        (403, "RequestTimeTooSkewed", "Mon, 01 Jan 1900 00:00:00 GMT", None),
        (403, "RequestTimeTooSkewed", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        (200, "RequestTimeTooSkewed", "Tue, 24 Nov 2026 13:00:00 GMT", None),
    ],
)
def test_a_wrong_clock_is_found_by_code_and_date(
    status: int, code: str, date: str, skew_s: float | None
) -> None:
    """Only codes that a wrong clock may cause, and only a difference that invalidates a signature."""
    answer = ServiceResponse(status, {"x-amzn-errortype": code, "Date": date}, b"{}")
    assert clock_skew_s(answer, now_s=NOON_S) == skew_s
