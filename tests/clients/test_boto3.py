"""Behaviour that is specific to boto3, plain and accelerated."""

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
from sample_index import SampleIndex
from sdks import Boto3Sdk, Sdk, expect_error


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


def one_vector(values: Any, **metadata: Any) -> Json:
    return {"vectors": [{"key": "k", "data": {"float32": values}, "metadata": metadata}]}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e39])
def test_a_number_outside_float32_is_refused_by_the_service(
    stock: Boto3Sdk, sample_by_name: SampleIndex, value: float
) -> None:
    """boto3 sends NaN and infinity as texts; 1e39 is infinite as a float32."""
    error = expect_error(stock, "PutVectors", {**sample_by_name.index_address, **one_vector([1, value])})
    assert error.code == "ValidationException"
    assert error.message == "Invalid record for key 'k': vector contains NaNs or Infs"
    query = {**sample_by_name.index_address, "topK": 1, "queryVector": {"float32": [1, value]}}
    error = expect_error(stock, "QueryVectors", query)
    assert error.message == "Query vector contains invalid values or is invalid for this index"
    assert "vector" in error.fields


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e39])
def test_a_number_outside_float32_is_refused_before_it_is_sent(
    accelerated: Boto3Sdk, sample_by_name: SampleIndex, value: float
) -> None:
    """As boto3 does with other arguments that it cannot send. The message contains the key."""
    with pytest.raises(
        ParamValidationError, match=r"\(key 'k'\).data holds NaN, infinity or a number beyond"
    ):
        accelerated.call("PutVectors", {**sample_by_name.index_address, **one_vector([1, value])})


def test_booleans_are_not_numbers(stock: Boto3Sdk, sample_by_name: SampleIndex) -> None:
    """boto3 accepts them as numbers and sends `true`."""
    error = expect_error(stock, "PutVectors", {**sample_by_name.index_address, **one_vector([True, False])})
    assert (error.code, error.status) == ("SerializationException", 400)


def test_an_empty_vector_is_refused(stock: Boto3Sdk, sample_by_name: SampleIndex) -> None:
    """boto3 sends it."""
    error = expect_error(stock, "PutVectors", {**sample_by_name.index_address, **one_vector([])})
    assert error.code == "ValidationException"
    assert error.message == "Invalid record for key 'k': vector must have length 2, but has length 0"


def test_numpy_needs_the_accelerated_client(
    stock: Boto3Sdk, accelerated: Boto3Sdk, sample_by_name: SampleIndex
) -> None:
    """boto3 refuses float32 values itself; accelerated, they arrive exactly."""
    row = np.array([0.1, -7.25], np.float32)
    with pytest.raises(ParamValidationError):
        stock.call("PutVectors", {**sample_by_name.index_address, **one_vector(list(row))})
    accelerated.call("PutVectors", {**sample_by_name.index_address, **one_vector(row, year=2026)})
    returned = stock.call("GetVectors", {**sample_by_name.index_address, "keys": ["k"], "returnData": True})
    assert returned["vectors"][0]["data"]["float32"] == [0.10000000149011612, -7.25]


def test_metadata_keeps_the_types_of_booleans_integers_and_floats(
    stock: Boto3Sdk, sample_by_name: SampleIndex
) -> None:
    """True is not 1, and 2 is not 2.0."""
    stock.call(
        "PutVectors",
        {**sample_by_name.index_address, **one_vector([1, 2], flag=True, whole=2, large=2**62, half=0.5)},
    )
    returned = stock.call(
        "GetVectors", {**sample_by_name.index_address, "keys": ["k"], "returnMetadata": True}
    )
    metadata = returned["vectors"][0]["metadata"]
    assert metadata == {"flag": True, "whole": 2, "large": 2**62, "half": 0.5}
    assert [type(metadata[name]) for name in ("flag", "whole", "half")] == [bool, int, float]


def test_a_request_without_a_signature_is_refused(access: Access) -> None:
    """With a 403."""
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
    """boto3 does not correct it."""
    now = datetime.now(UTC) + timedelta(hours=offset_h)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    error = expect_error(stock, "ListVectorBuckets", {})
    assert (error.code, error.status) == ("InvalidSignatureException", 403)
    assert error.message.startswith("Signature expired" if offset_h < 0 else "Signature not yet current")


def test_an_error_has_the_class_that_boto3_generated_for_it(stock: Boto3Sdk) -> None:
    """It contains the parsed response and the request id."""
    client = stock.client
    with pytest.raises(client.exceptions.NotFoundException) as caught:
        client.get_vector_bucket(vectorBucketName="missing")
    response = caught.value.response
    assert response["message"] == "The specified vector bucket could not be found"
    assert response["ResponseMetadata"]["RequestId"]
    assert response["ResponseMetadata"]["RetryAttempts"] == 0
