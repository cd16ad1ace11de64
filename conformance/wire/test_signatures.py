"""Signatures: requests are signed with Signature Version 4 for `s3vectors`; others are rejected with 403."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.exchanges import ExchangeLog
from vecgate.conformance_kit.requests.raw_client import RawAnswer, RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex
from vecgate.targets.target import Target

SOURCE = sources.SIGNATURE_ERRORS
#: Codes for an invalid signature in Amazon's services. Which of them S3 Vectors uses is not documented.
CODES = {
    "AccessDeniedException",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


def list_body(index: IndexHandle) -> bytes:
    return json.dumps(index.address).encode()


def credentials_of(target: Target) -> Credentials:
    keys = target.credentials.get_frozen_credentials()
    return Credentials(keys.access_key, keys.secret_key, keys.token)


def with_wrong_secret(target: Target) -> Credentials:
    keys = credentials_of(target)
    return Credentials(keys.access_key, keys.secret_key + "x", keys.token)


def with_authorization(text: str) -> Callable[[dict[str, str]], None]:
    def alter(headers: dict[str, str]) -> None:
        headers["Authorization"] = text

    return alter


def with_edited_authorization(part: str, other: str) -> Callable[[dict[str, str]], None]:
    """Return a function that edits the Authorization header after signing."""

    def alter(headers: dict[str, str]) -> None:
        assert part in headers["Authorization"]
        headers["Authorization"] = headers["Authorization"].replace(part, other)

    return alter


def without_header(name: str) -> Callable[[dict[str, str]], None]:
    def alter(headers: dict[str, str]) -> None:
        del headers[name]

    return alter


def change_date(headers: dict[str, str]) -> None:
    headers["X-Amz-Date"] = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%Y%m%dT%H%M%SZ")


def change_content_type(headers: dict[str, str]) -> None:
    headers["Content-Type"] = "application/x-amz-json-1.0"


#: Ways to make a signature invalid, as options of `raw`.
INVALID_SIGNATURES: Mapping[str, Callable[[Target], dict[str, Any]]] = {
    "unsigned": lambda _: {"sign": False},
    "wrong-secret": lambda target: {"credentials": with_wrong_secret(target)},
    "unknown-key": lambda _: {"credentials": Credentials("AKIAIOSFODNN7EXAMPLE", "not-the-secret")},
    "an-hour-late": lambda _: {"at": datetime.now(UTC) - timedelta(hours=1)},
    "an-hour-early": lambda _: {"at": datetime.now(UTC) + timedelta(hours=1)},
    "a-year-late": lambda _: {"at": datetime.now(UTC) - timedelta(days=365)},
    "altered-date": lambda _: {"alter": change_date},
    "altered-header": lambda _: {"alter": change_content_type},
    "removed-header": lambda _: {"alter": without_header("Content-Type")},
    "altered-signature": lambda _: {"alter": with_edited_authorization("Signature=", "Signature=0")},
    "altered-scope": lambda _: {"alter": with_edited_authorization("/s3vectors/", "/s3/")},
}
#: Authorization headers that are not a signature.
GARBLED_HEADERS = {
    "no-scheme": "x",
    "bearer": "Bearer abcdef",
    "basic": "Basic dXNlcjpwYXNz",
    "scheme-alone": "AWS4-HMAC-SHA256",
    "no-signature": "AWS4-HMAC-SHA256 Credential=A/20261124/us-east-1/s3vectors/aws4_request",
    "no-scope": "AWS4-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature=0",
    "version-2": "AWS AKIAIOSFODNN7EXAMPLE:abcdef",
}


def list_with(raw: RawClient, target: Target, index: IndexHandle, kind: str) -> RawAnswer:
    return raw("/ListVectors", list_body(index), **INVALID_SIGNATURES[kind](target))


@requirement("wire.signed", kind="effect", evidence="model", source=sources.SIGNATURES, needs="auth raw")
def test_a_signed_request_is_answered(raw: RawClient, make_index: MakeIndex) -> None:
    """A request with a correct signature is answered."""
    assert raw("/ListVectors", list_body(make_index())).status == 200


@requirement("wire.unsigned", kind="guard", evidence="documented", source=SOURCE, needs="auth raw")
def test_an_unsigned_request_is_rejected(raw: RawClient, make_index: MakeIndex) -> None:
    """A request without a signature is rejected with 403."""
    assert raw("/ListVectors", list_body(make_index()), sign=False).status == 403


@pytest.mark.parametrize("kind", [each for each in INVALID_SIGNATURES if each != "unsigned"])
@requirement("wire.bad-signature", kind="guard", evidence="documented", source=SOURCE, needs="auth raw")
def test_an_invalid_signature_is_rejected(
    raw: RawClient, target: Target, make_index: MakeIndex, kind: str
) -> None:
    """A signature with a wrong secret, unknown key, wrong time or changed headers is rejected."""
    assert list_with(raw, target, make_index(), kind).status == 403


@pytest.mark.parametrize("kind", list(INVALID_SIGNATURES))
@requirement("wire.bad-signature-code", kind="detail", evidence="documented", source=SOURCE, needs="auth raw")
def test_an_invalid_signature_has_a_known_code(
    raw: RawClient, target: Target, make_index: MakeIndex, kind: str
) -> None:
    """The code is one of those that Amazon's services use for invalid signatures."""
    assert list_with(raw, target, make_index(), kind).code in CODES


@pytest.mark.parametrize("text", list(GARBLED_HEADERS.values()), ids=list(GARBLED_HEADERS))
@requirement("wire.garbled-signature", kind="guard", evidence="documented", source=SOURCE, needs="auth raw")
def test_a_garbled_header_is_rejected(raw: RawClient, make_index: MakeIndex, text: str) -> None:
    """An Authorization header without a signature is rejected with 400, 401 or 403."""
    answer = raw("/ListVectors", list_body(make_index()), alter=with_authorization(text))
    assert answer.status in {400, 401, 403}


@requirement("wire.altered-body", kind="guard", evidence="documented", source=SOURCE, needs="auth raw")
def test_an_altered_body_is_rejected(
    client: Any, raw: RawClient, target: Target, make_index: MakeIndex
) -> None:
    """A signature covers the body: a changed body is rejected with 403."""
    index = make_index()
    headers = signed_headers(client, target, list_body(index))
    altered = json.dumps({**index.address, "maxResults": 5}).encode()
    assert raw("/ListVectors", altered, sign=False, headers=headers).status == 403


@requirement("wire.altered-path", kind="guard", evidence="documented", source=SOURCE, needs="auth raw")
def test_an_altered_path_is_rejected(
    client: Any, raw: RawClient, target: Target, make_index: MakeIndex
) -> None:
    """A signature covers the path: one for ListVectors does not delete an index."""
    index = make_index()
    headers = signed_headers(client, target, list_body(index))
    assert raw("/DeleteIndex", list_body(index), sign=False, headers=headers).status == 403
    assert index.keys() == set()


@requirement("wire.foreign-signature", kind="effect", evidence="documented", source=SOURCE, needs="auth raw")
def test_a_signature_of_botocore_is_accepted(
    client: Any, raw: RawClient, target: Target, make_index: MakeIndex
) -> None:
    """A signature from botocore's own signer is accepted. The two tests before rely on it."""
    index = make_index()
    headers = signed_headers(client, target, list_body(index))
    assert raw("/ListVectors", list_body(index), sign=False, headers=headers).status == 200


@requirement("wire.wrong-service", kind="guard", evidence="documented", source=SOURCE, needs="auth raw")
def test_a_signature_for_another_service_is_rejected(
    client: Any, raw: RawClient, target: Target, make_index: MakeIndex
) -> None:
    """A correct signature for the service `s3` is rejected with 403."""
    index = make_index()
    headers = signed_headers(client, target, list_body(index), service="s3")
    assert raw("/ListVectors", list_body(index), sign=False, headers=headers).status == 403


@requirement("wire.wrong-region", kind="guard", evidence="documented", source=SOURCE, needs="auth raw")
def test_a_signature_for_another_region_is_rejected(
    client: Any, target: Target, log: ExchangeLog, make_index: MakeIndex
) -> None:
    """A correct signature for another region is rejected with 403."""
    other_region = RawClient(replace(target, region="xx-nowhere-1"), target.resolve_url(client), log)
    assert other_region("/ListVectors", list_body(make_index())).status == 403


@pytest.mark.parametrize("kind", ["unsigned", "wrong-secret", "an-hour-late", "altered-date"])
@requirement(
    "wire.bad-signature-changes-nothing", kind="guard", evidence="documented", source=SOURCE, needs="auth raw"
)
def test_a_rejected_signature_changes_nothing(
    raw: RawClient, target: Target, make_index: MakeIndex, kind: str
) -> None:
    """A request with an invalid signature has no effect."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    raw(
        "/DeleteVectors",
        json.dumps({**index.address, "keys": ["k"]}).encode(),
        **INVALID_SIGNATURES[kind](target),
    )
    assert index.keys() == {"k"}


@requirement(
    "wire.bad-signature-tells-nothing", kind="guard", evidence="inferred", source=SOURCE, needs="auth raw"
)
def test_a_rejected_signature_reveals_nothing(raw: RawClient, make_index: MakeIndex) -> None:
    """Without a signature, existing and unknown indexes are answered alike."""
    index = make_index()
    absent = json.dumps({**index.address, "indexName": "vecgate-absent"}).encode()
    answers = [raw("/ListVectors", body, sign=False) for body in (list_body(index), absent)]
    assert (answers[0].status, answers[0].code) == (answers[1].status, answers[1].code)


@requirement(
    "wire.clock-skew", kind="effect", evidence="documented", source=sources.SIGNATURES, needs="auth raw"
)
def test_a_clock_may_be_a_minute_off(raw: RawClient, make_index: MakeIndex) -> None:
    """A client whose clock is a minute late or early is served."""
    body = list_body(make_index())
    times = [datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (-1, 1)]
    assert [raw("/ListVectors", body, at=at).status for at in times] == [200, 200]


@requirement(
    "wire.payload-hash", kind="effect", evidence="documented", source=sources.SIGNATURES, needs="auth raw"
)
def test_the_hash_of_a_body_may_be_in_a_header(raw: RawClient, make_index: MakeIndex) -> None:
    """A request may have the SHA-256 of its body in `X-Amz-Content-SHA256`."""
    body = list_body(make_index())
    headers = {"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}
    assert raw("/ListVectors", body, headers=headers).status == 200


@requirement(
    "wire.unsigned-headers", kind="effect", evidence="documented", source=sources.SIGNATURES, needs="auth raw"
)
def test_headers_may_be_added_after_signing(raw: RawClient, make_index: MakeIndex) -> None:
    """Unsigned headers, such as a proxy adds, are ignored."""

    def add(headers: dict[str, str]) -> None:
        headers["X-Forwarded-For"] = "192.0.2.1"

    assert raw("/ListVectors", list_body(make_index()), alter=add).status == 200


@requirement(
    "wire.signed-header", kind="effect", evidence="documented", source=sources.SIGNATURES, needs="auth raw"
)
def test_additional_headers_may_be_signed(raw: RawClient, make_index: MakeIndex) -> None:
    """A signature may cover additional headers, even with white space in their values."""
    headers = {"X-Vecgate-Note": "  several   words  "}
    assert raw("/ListVectors", list_body(make_index()), headers=headers).status == 200


@requirement(
    "wire.altered-signed-header", kind="guard", evidence="documented", source=SOURCE, needs="auth raw"
)
def test_an_altered_additional_header_is_rejected(raw: RawClient, make_index: MakeIndex) -> None:
    """A signed additional header must not change."""

    def change(headers: dict[str, str]) -> None:
        headers["X-Vecgate-Note"] = "other"

    answer = raw("/ListVectors", list_body(make_index()), headers={"X-Vecgate-Note": "one"}, alter=change)
    assert answer.status == 403


def signed_headers(client: Any, target: Target, body: bytes, *, service: str = "s3vectors") -> dict[str, str]:
    """Return the headers of a correctly signed ListVectors request for *service*."""
    url = f"{target.resolve_url(client).rstrip('/')}/ListVectors"
    request = AWSRequest("POST", url, {"Content-Type": "application/json"}, body)
    SigV4Auth(credentials_of(target), service, target.region).add_auth(request)
    return dict(request.headers.items())
