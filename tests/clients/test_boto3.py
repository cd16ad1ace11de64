"""What boto3 does in its own way, as it comes and accelerated."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import numpy as np
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from client_programs import Access, Json
from places import Place
from sdks import Boto3Sdk, Sdk, refusal_of


@pytest.fixture
def stock(sdks: Callable[[str], Sdk]) -> Boto3Sdk:
    sdk = sdks("boto3")
    assert isinstance(sdk, Boto3Sdk)
    return sdk


@pytest.fixture
def accelerated(sdks: Callable[[str], Sdk]) -> Boto3Sdk:
    sdk = sdks("accelerated boto3")
    assert isinstance(sdk, Boto3Sdk)
    return sdk


def one(values: Any, **metadata: Any) -> Json:
    return {"vectors": [{"key": "k", "data": {"float32": values}, "metadata": metadata}]}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e39])
def test_what_is_no_float32_is_refused_by_the_service(stock: Boto3Sdk, home: Place, value: float) -> None:
    """boto3 sends NaN and infinity as texts; 1e39 is infinite as a float32."""
    refusal = refusal_of(stock, "PutVectors", {**home.index_address, **one([1, value])})
    assert refusal.code == "ValidationException"
    assert refusal.message == "Invalid record for key 'k': vector contains NaNs or Infs"
    query = {**home.index_address, "topK": 1, "queryVector": {"float32": [1, value]}}
    refusal = refusal_of(stock, "QueryVectors", query)
    assert refusal.message == "Query vector contains invalid values or is invalid for this index"
    assert "vector" in refusal.fields


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e39])
def test_what_is_no_float32_is_refused_before_it_is_sent(
    accelerated: Boto3Sdk, home: Place, value: float
) -> None:
    """As boto3 refuses what it cannot send; the key is named."""
    with pytest.raises(
        ParamValidationError, match=r"\(key 'k'\).data holds NaN, infinity or a number beyond"
    ):
        accelerated.call("PutVectors", {**home.index_address, **one([1, value])})


def test_booleans_are_no_numbers(stock: Boto3Sdk, home: Place) -> None:
    """boto3 takes them for such and sends `true`."""
    refusal = refusal_of(stock, "PutVectors", {**home.index_address, **one([True, False])})
    assert (refusal.code, refusal.status) == ("SerializationException", 400)


def test_an_empty_vector_is_refused(stock: Boto3Sdk, home: Place) -> None:
    """boto3 sends it."""
    refusal = refusal_of(stock, "PutVectors", {**home.index_address, **one([])})
    assert refusal.code == "ValidationException"
    assert refusal.message == "Invalid record for key 'k': vector must have length 2, but has length 0"


def test_numpy_needs_the_accelerated_client(stock: Boto3Sdk, accelerated: Boto3Sdk, home: Place) -> None:
    """boto3 refuses float32 itself; the values arrive exactly."""
    row = np.array([0.1, -7.25], np.float32)
    with pytest.raises(ParamValidationError):
        stock.call("PutVectors", {**home.index_address, **one(list(row))})
    accelerated.call("PutVectors", {**home.index_address, **one(row, year=2026)})
    got = stock.call("GetVectors", {**home.index_address, "keys": ["k"], "returnData": True})
    assert got["vectors"][0]["data"]["float32"] == [0.10000000149011612, -7.25]


def test_metadata_keeps_booleans_integers_and_floats_apart(stock: Boto3Sdk, home: Place) -> None:
    """True is not 1, and 2 is not 2.0."""
    stock.call("PutVectors", {**home.index_address, **one([1, 2], flag=True, whole=2, large=2**62, half=0.5)})
    got = stock.call("GetVectors", {**home.index_address, "keys": ["k"], "returnMetadata": True})
    metadata = got["vectors"][0]["metadata"]
    assert metadata == {"flag": True, "whole": 2, "large": 2**62, "half": 0.5}
    assert [type(metadata[name]) for name in ("flag", "whole", "half")] == [bool, int, float]


def test_a_request_without_a_signature_is_refused(access: Access) -> None:
    """With 403."""
    client = boto3.client(
        "s3vectors",
        endpoint_url=access.url,
        region_name=access.region,
        config=Config(signature_version=UNSIGNED),
    )
    with pytest.raises(ClientError) as caught:
        client.list_vector_buckets()
    client.close()
    assert caught.value.response["Error"]["Code"] == "MissingAuthenticationTokenException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("offset_h", [-1, 1])
def test_a_clock_that_is_an_hour_off_is_refused(
    stock: Boto3Sdk, monkeypatch: pytest.MonkeyPatch, offset_h: int
) -> None:
    """boto3 does not mend it."""
    now = datetime.now(UTC) + timedelta(hours=offset_h)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    refusal = refusal_of(stock, "ListVectorBuckets", {})
    assert (refusal.code, refusal.status) == ("InvalidSignatureException", 403)
    assert refusal.message.startswith("Signature expired" if offset_h < 0 else "Signature not yet current")


def test_an_error_is_of_the_class_that_boto3_made_for_it(stock: Boto3Sdk) -> None:
    """Caught by name, with the parsed answer and the request's id."""
    client = stock.client
    with pytest.raises(client.exceptions.NotFoundException) as caught:
        client.get_vector_bucket(vectorBucketName="never-made")
    response = caught.value.response
    assert response["message"] == "The specified vector bucket could not be found"
    assert response["ResponseMetadata"]["RequestId"]
    assert response["ResponseMetadata"]["RetryAttempts"] == 0
