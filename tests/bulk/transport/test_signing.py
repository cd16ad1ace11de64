from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from unittest import mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.transport.signing import SigningKey, amz_date, authorization

NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
header_names = st.from_regex(r"x-[a-z]{1,10}", fullmatch=True)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


def botocores(
    url: str, body: bytes, headers: dict[str, str], credentials: Credentials, region: str
) -> AWSRequest:
    request = AWSRequest(
        "POST", url, {name: value for name, value in headers.items() if name != "host"}, body
    )
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOON.replace(tzinfo=None)):
        SigV4Auth(credentials, "s3vectors", region).add_auth(request)
    return request


@given(
    body=st.binary(max_size=50),
    secret=texts,
    token=st.none() | st.from_regex(r"[A-Za-z0-9/+=]{1,40}", fullmatch=True),
    path=st.sampled_from(["/PutVectors", "/base path/ü/PutVectors", "/a~b/PutVectors"]),
    extra=st.dictionaries(header_names, header_values, max_size=3),
)
def test_the_signature_is_botocores(
    body: bytes, secret: str, token: str | None, path: str, extra: dict[str, str]
) -> None:
    """For the same request at the same time botocore computes the same Authorization header."""
    headers = {**extra, "content-type": "application/json", "host": "localhost:9000"}
    credentials = Credentials("AKIDEXAMPLE", secret, token)
    expected = botocores(f"http://localhost:9000{path}", body, headers, credentials, "eu-central-1")

    headers["x-amz-date"] = amz_date(NOON.timestamp())
    if token:
        headers["x-amz-security-token"] = token
    key = SigningKey.derive("AKIDEXAMPLE", secret, day="20261124", region="eu-central-1")
    signed = authorization(key, path=path, headers=headers, body_sha256=sha256(body).hexdigest())
    assert signed == expected.headers["Authorization"]
    assert headers["x-amz-date"] == expected.headers["X-Amz-Date"]


@pytest.mark.parametrize(
    ("access_key", "secret_key", "day", "serves"),
    [
        ("A", "s", "20261124", True),
        ("A", "s", "20261125", False),
        ("A", "t", "20261124", False),
        ("B", "s", "20261124", False),
    ],
)
def test_a_signing_key_matches_one_credential_on_one_day(
    access_key: str, secret_key: str, day: str, serves: bool
) -> None:
    """Another day, access key or secret key needs another signing key."""
    key = SigningKey.derive("A", "s", day="20261124", region="us-east-1")
    assert key.matches(access_key, secret_key, day=day) is serves


def test_a_signing_key_does_not_show_its_secret() -> None:
    """A logged signing key is useless."""
    assert "hidden" not in repr(SigningKey.derive("A", "hidden", day="20261124", region="us-east-1"))
