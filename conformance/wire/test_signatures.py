"""Signatures: requests are signed with Signature Version 4 for `s3vectors`; others are refused with 403."""

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

from vecgate.targets.target import Target
from vecgate.testing import sources
from vecgate.testing.exchanges import ExchangeLog
from vecgate.testing.raw import RawAnswer, RawClient
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

SOURCE = sources.SIGNATURE_ERRORS
#: Codes that Amazon's services have for a bad signature; which of them are this one's is not written down.
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


def listing(index: Index) -> bytes:
    return json.dumps(index.address).encode()


def keys_of(target: Target) -> Credentials:
    keys = target.credentials.get_frozen_credentials()
    return Credentials(keys.access_key, keys.secret_key, keys.token)


def with_wrong_secret(target: Target) -> Credentials:
    keys = keys_of(target)
    return Credentials(keys.access_key, keys.secret_key + "x", keys.token)


def with_authorization(text: str) -> Callable[[dict[str, str]], None]:
    def alter(headers: dict[str, str]) -> None:
        headers["Authorization"] = text

    return alter


def edited(part: str, other: str) -> Callable[[dict[str, str]], None]:
    """Changes the Authorization header once it is written."""

    def alter(headers: dict[str, str]) -> None:
        assert part in headers["Authorization"]
        headers["Authorization"] = headers["Authorization"].replace(part, other)

    return alter


def without(name: str) -> Callable[[dict[str, str]], None]:
    def alter(headers: dict[str, str]) -> None:
        del headers[name]

    return alter


def later_date(headers: dict[str, str]) -> None:
    headers["X-Amz-Date"] = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%Y%m%dT%H%M%SZ")


def other_content_type(headers: dict[str, str]) -> None:
    headers["Content-Type"] = "application/x-amz-json-1.0"


#: How a request is spoiled, as options of `raw`.
SPOILED: Mapping[str, Callable[[Target], dict[str, Any]]] = {
    "unsigned": lambda _: {"sign": False},
    "wrong-secret": lambda target: {"credentials": with_wrong_secret(target)},
    "unknown-key": lambda _: {"credentials": Credentials("AKIAIOSFODNN7EXAMPLE", "not-the-secret")},
    "an-hour-late": lambda _: {"at": datetime.now(UTC) - timedelta(hours=1)},
    "an-hour-early": lambda _: {"at": datetime.now(UTC) + timedelta(hours=1)},
    "a-year-late": lambda _: {"at": datetime.now(UTC) - timedelta(days=365)},
    "altered-date": lambda _: {"alter": later_date},
    "altered-header": lambda _: {"alter": other_content_type},
    "removed-header": lambda _: {"alter": without("Content-Type")},
    "altered-signature": lambda _: {"alter": edited("Signature=", "Signature=0")},
    "altered-scope": lambda _: {"alter": edited("/s3vectors/", "/s3/")},
}
#: What is hardly a signature at all.
GARBLED = {
    "no-scheme": "x",
    "bearer": "Bearer abcdef",
    "basic": "Basic dXNlcjpwYXNz",
    "scheme-alone": "AWS4-HMAC-SHA256",
    "no-signature": "AWS4-HMAC-SHA256 Credential=A/20261124/us-east-1/s3vectors/aws4_request",
    "no-scope": "AWS4-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature=0",
    "version-2": "AWS AKIAIOSFODNN7EXAMPLE:abcdef",
}


def spoiled(raw: RawClient, target: Target, index: Index, how: str) -> RawAnswer:
    return raw("/ListVectors", listing(index), **SPOILED[how](target))


@requirement("wire.signed", level="must", evidence="model", source=sources.SIGNATURES, needs="auth raw")
def test_a_signed_request_is_answered(raw: RawClient, make_index: MakeIndex) -> None:
    """A request with a correct signature is answered."""
    assert raw("/ListVectors", listing(make_index())).status == 200


@requirement("wire.unsigned", level="must", evidence="documented", source=SOURCE, needs="auth raw")
def test_an_unsigned_request_is_refused(raw: RawClient, make_index: MakeIndex) -> None:
    """A request without a signature is refused with 403."""
    assert raw("/ListVectors", listing(make_index()), sign=False).status == 403


@pytest.mark.parametrize("how", [each for each in SPOILED if each != "unsigned"])
@requirement("wire.bad-signature", level="must", evidence="documented", source=SOURCE, needs="auth raw")
def test_a_bad_signature_is_refused(raw: RawClient, target: Target, make_index: MakeIndex, how: str) -> None:
    """A signature with another secret, by an unknown key, of another time or of other headers is refused."""
    assert spoiled(raw, target, make_index(), how).status == 403


@pytest.mark.parametrize("how", list(SPOILED))
@requirement(
    "wire.bad-signature-code", level="should", evidence="documented", source=SOURCE, needs="auth raw"
)
def test_a_bad_signature_has_a_code(raw: RawClient, target: Target, make_index: MakeIndex, how: str) -> None:
    """The code is one of those that Amazon's services have for it."""
    assert spoiled(raw, target, make_index(), how).code in CODES


@pytest.mark.parametrize("text", list(GARBLED.values()), ids=list(GARBLED))
@requirement("wire.garbled-signature", level="must", evidence="documented", source=SOURCE, needs="auth raw")
def test_what_is_no_signature_is_refused(raw: RawClient, make_index: MakeIndex, text: str) -> None:
    """An Authorization header that holds no signature is refused with 400, 401 or 403."""
    answer = raw("/ListVectors", listing(make_index()), alter=with_authorization(text))
    assert answer.status in {400, 401, 403}


@requirement("wire.altered-body", level="must", evidence="documented", source=SOURCE, needs="auth raw")
def test_an_altered_body_is_refused(
    client: Any, raw: RawClient, target: Target, make_index: MakeIndex
) -> None:
    """A signature covers the body: with another body it is refused with 403."""
    index = make_index()
    headers = signed_headers(client, target, listing(index))
    altered = json.dumps({**index.address, "maxResults": 5}).encode()
    assert raw("/ListVectors", altered, sign=False, headers=headers).status == 403


@requirement("wire.altered-path", level="must", evidence="documented", source=SOURCE, needs="auth raw")
def test_another_path_is_refused(client: Any, raw: RawClient, target: Target, make_index: MakeIndex) -> None:
    """A signature covers the path: one for ListVectors deletes no index."""
    index = make_index()
    headers = signed_headers(client, target, listing(index))
    assert raw("/DeleteIndex", listing(index), sign=False, headers=headers).status == 403
    assert index.keys() == set()


@requirement("wire.foreign-signature", level="must", evidence="documented", source=SOURCE, needs="auth raw")
def test_a_signature_made_elsewhere_is_taken(
    client: Any, raw: RawClient, target: Target, make_index: MakeIndex
) -> None:
    """A signature that botocore's own signer made is taken: what the two tests before this one spoil."""
    index = make_index()
    headers = signed_headers(client, target, listing(index))
    assert raw("/ListVectors", listing(index), sign=False, headers=headers).status == 200


@requirement("wire.wrong-service", level="must", evidence="documented", source=SOURCE, needs="auth raw")
def test_a_signature_for_another_service_is_refused(
    client: Any, raw: RawClient, target: Target, make_index: MakeIndex
) -> None:
    """A request that is correctly signed, but for `s3`, is refused with 403."""
    index = make_index()
    headers = signed_headers(client, target, listing(index), service="s3")
    assert raw("/ListVectors", listing(index), sign=False, headers=headers).status == 403


@requirement("wire.wrong-region", level="must", evidence="documented", source=SOURCE, needs="auth raw")
def test_a_signature_for_another_region_is_refused(
    client: Any, target: Target, log: ExchangeLog, make_index: MakeIndex
) -> None:
    """A request that is correctly signed, but for another region, is refused with 403."""
    elsewhere = RawClient(replace(target, region="xx-nowhere-1"), target.url_of(client), log)
    assert elsewhere("/ListVectors", listing(make_index())).status == 403


@pytest.mark.parametrize("how", ["unsigned", "wrong-secret", "an-hour-late", "altered-date"])
@requirement(
    "wire.bad-signature-changes-nothing", level="must", evidence="documented", source=SOURCE, needs="auth raw"
)
def test_a_refused_signature_changes_nothing(
    raw: RawClient, target: Target, make_index: MakeIndex, how: str
) -> None:
    """What a request with a bad signature asks for does not happen."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    raw("/DeleteVectors", json.dumps({**index.address, "keys": ["k"]}).encode(), **SPOILED[how](target))
    assert index.keys() == {"k"}


@requirement(
    "wire.bad-signature-tells-nothing", level="must", evidence="inferred", source=SOURCE, needs="auth raw"
)
def test_a_refused_signature_tells_nothing(raw: RawClient, make_index: MakeIndex) -> None:
    """Without a signature an index that is there and one that is not are answered alike."""
    index = make_index()
    absent = json.dumps({**index.address, "indexName": "vecgate-absent"}).encode()
    answers = [raw("/ListVectors", body, sign=False) for body in (listing(index), absent)]
    assert (answers[0].status, answers[0].code) == (answers[1].status, answers[1].code)


@requirement(
    "wire.clock-skew", level="must", evidence="documented", source=sources.SIGNATURES, needs="auth raw"
)
def test_a_clock_may_be_a_minute_off(raw: RawClient, make_index: MakeIndex) -> None:
    """A client whose clock is a minute late or early is served."""
    body = listing(make_index())
    times = [datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (-1, 1)]
    assert [raw("/ListVectors", body, at=at).status for at in times] == [200, 200]


@requirement(
    "wire.payload-hash", level="must", evidence="documented", source=sources.SIGNATURES, needs="auth raw"
)
def test_the_hash_of_a_body_may_come_in_a_header(raw: RawClient, make_index: MakeIndex) -> None:
    """A request may carry the SHA-256 of its body in `X-Amz-Content-SHA256`, and is served."""
    body = listing(make_index())
    headers = {"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}
    assert raw("/ListVectors", body, headers=headers).status == 200


@requirement(
    "wire.unsigned-headers", level="must", evidence="documented", source=sources.SIGNATURES, needs="auth raw"
)
def test_headers_may_be_added_after_signing(raw: RawClient, make_index: MakeIndex) -> None:
    """A header that is not among the signed ones, as a proxy adds it, changes nothing."""

    def add(headers: dict[str, str]) -> None:
        headers["X-Forwarded-For"] = "192.0.2.1"

    assert raw("/ListVectors", listing(make_index()), alter=add).status == 200


@requirement(
    "wire.signed-header", level="must", evidence="documented", source=sources.SIGNATURES, needs="auth raw"
)
def test_further_headers_may_be_signed(raw: RawClient, make_index: MakeIndex) -> None:
    """A signature may cover headers of the client's own, with white space in them."""
    headers = {"X-Vecgate-Note": "  several   words  "}
    assert raw("/ListVectors", listing(make_index()), headers=headers).status == 200


@requirement(
    "wire.altered-signed-header", level="must", evidence="documented", source=SOURCE, needs="auth raw"
)
def test_a_further_header_that_is_altered_is_refused(raw: RawClient, make_index: MakeIndex) -> None:
    """A header of the client's own that was signed may not change."""

    def change(headers: dict[str, str]) -> None:
        headers["X-Vecgate-Note"] = "other"

    answer = raw("/ListVectors", listing(make_index()), headers={"X-Vecgate-Note": "one"}, alter=change)
    assert answer.status == 403


def signed_headers(client: Any, target: Target, body: bytes, *, service: str = "s3vectors") -> dict[str, str]:
    """The headers of a correct signature of a ListVectors for *service*."""
    url = f"{target.url_of(client).rstrip('/')}/ListVectors"
    request = AWSRequest("POST", url, {"Content-Type": "application/json"}, body)
    SigV4Auth(keys_of(target), service, target.region).add_auth(request)
    return dict(request.headers.items())
