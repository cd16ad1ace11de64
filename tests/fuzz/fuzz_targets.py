"""Fuzz targets: functions of any bytes that raise an exception if a property does not hold.

`fuzzing.py` runs them guided by coverage; `test_fuzz_targets.py` runs them on mutations of their seeds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from importlib.util import find_spec

import numpy as np

from vecgate.bulk.transport.signing import SigningKey, amz_date, authorization
from vecgate.endpoint.auth.sigv4 import KeyPair, SignatureVerifier, SignedRequest
from vecgate.endpoint.core import _read_put_body
from vecgate.endpoint.requests.body_decoding import PutBodyReader, read_put_with_msgspec
from vecgate.endpoint.requests.messages import ApiError, status_of

READERS: list[PutBodyReader] = [read_put_with_msgspec]
if find_spec("simdjson"):  # it has no wheels for some Python versions
    from vecgate.endpoint.requests.simd_decoding import SimdjsonPutReader

    READERS.append(SimdjsonPutReader())


@dataclass(frozen=True, slots=True)
class FuzzTarget:
    """A property of any bytes, and inputs to start from."""

    check: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def check_put_readers(data: bytes) -> bool:
    """Decode *data* as a PutVectors body: every fast reader must agree with the reference, bit for bit.

    Returns whether the body is valid.
    """
    expected = _decode(lambda _: None, data)
    for reader in READERS:
        found = _decode(reader, data)
        assert found == expected, (reader, data)
    return isinstance(expected[0], dict)


def _decode(reader: PutBodyReader, body: bytes) -> tuple[object, ...]:
    """Return the values in *body*, or the code and the message of the error."""
    try:
        put = _read_put_body(body, reader)
    except ApiError as error:
        return error.code, str(error)
    vectors = [np.asarray(vector, np.float32) for vector in put.vectors]
    with np.errstate(invalid="ignore"):
        values = [(vector.shape, vector.tobytes()) for vector in vectors]
    return dict(put.address), list(put.keys), values, _text(put.metadata)


def _text(metadata: object) -> str:
    """Return *metadata* as text: `1` and `1.0`, `true` and `1` differ."""
    with suppress(RecursionError):
        return json.dumps(metadata)
    return "too deep to be compared"


ACCESS, SECRET, REGION, NOW_S = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY", "us-east-1", 1_795_521_600.0
BODY_SHA256 = hashlib.sha256(b"{}").hexdigest()
VERIFIER = SignatureVerifier([KeyPair(ACCESS, SECRET), KeyPair("TEMP", "other", "token")], region=REGION)


def check_signature(data: bytes) -> bool:
    """Verify *data* as a signed request: only errors of the API, without a secret in them.

    *data* is a method, a path, a query, and headers as `name:value`, one a line. An accepted signature covers
    the path and the body. Returns whether it is accepted.
    """
    request = read_request(data)
    refusal = None
    try:
        assert VERIFIER.verify(request, now=NOW_S) in {ACCESS, "TEMP"}
    except ApiError as error:
        refusal = error
    if refusal:
        assert 400 <= status_of(refusal.code) < 500, data
        assert SECRET not in str(refusal), data
        return False
    for other in (
        SignedRequest(request.method, f"{request.path}x", request.query, request.headers, BODY_SHA256),
        SignedRequest(request.method, request.path, request.query, request.headers, "0" * 64),
    ):
        with suppress(ApiError):
            VERIFIER.verify(other, now=NOW_S)
            raise AssertionError(data)
    return True


def read_request(data: bytes) -> SignedRequest:
    """Return the request in *data*; what is missing is empty."""
    method, path, query, *lines = [*data.split(b"\n"), b"", b"", b""]
    pairs = (line.partition(b":")[::2] for line in lines if line)
    headers = [(name.lower(), value) for name, value in pairs]
    return SignedRequest(
        method.decode("latin-1"), path.decode("latin-1"), query.decode("latin-1"), headers, BODY_SHA256
    )


def _put_seeds() -> tuple[bytes, ...]:
    vector = '{"key":"k","data":{"float32":[1,-2.5,3e5]},"metadata":{"year":1982,"tags":["a","b"]}}'
    parts = (
        vector,
        '{"metadata":{"a":1},"key":"k","metadata":{"b":[2]},"data":{"float32":[-0,1e-0]}}',
        '{"key":"\\u00e9","data":{"float32":[1],"float32":[2]}}',
        '{"key":"[","data":{"float32":[[1],2]},"m\\u0065tadata":null}',
    )
    return tuple(f'{{"indexName":"index","vectors":[{part},{vector}]}}'.encode() for part in parts)


def _signature_seeds() -> tuple[bytes, ...]:
    """Return a valid request, one with an HTTP date, and one without a signature."""
    date = amz_date(NOW_S)
    http_date = format_datetime(datetime.fromtimestamp(NOW_S, UTC), usegmt=True)
    key = SigningKey.derive(ACCESS, SECRET, day=date[:8], region=REGION)
    path = "/GetVectors"
    found = [f"POST\n{path}\na=b&c=%20+\nhost:x\nauthorization:AWS4-HMAC-SHA256 Credential="]
    for dates in ({"x-amz-date": date}, {"x-amz-date": date, "date": http_date}):
        headers = {"host": "localhost:7333", **dates, "x-amz-content-sha256": BODY_SHA256}
        signature = authorization(key, path=path, headers=headers, body_sha256=BODY_SHA256)
        lines = [f"{name}:{value}" for name, value in {**headers, "authorization": signature}.items()]
        found.append("\n".join(["POST", path, "", *lines]))
    return tuple(each.encode() for each in found)


TARGETS = {
    "put-readers": FuzzTarget(check_put_readers, _put_seeds()),
    "signature": FuzzTarget(check_signature, _signature_seeds()),
}
