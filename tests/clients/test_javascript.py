"""Behaviour that is specific to the AWS SDK for JavaScript v3."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from client_programs import Json
from sample_index import SampleIndex
from sdks import ProgramSdk, Sdk, expect_error

#: Represents JavaScript's NaN in JSON: see `programs/javascript.cjs`.
NAN = {"$nan": True}


@pytest.fixture
def javascript(sdks: Callable[[str], Sdk]) -> ProgramSdk:
    sdk = sdks("javascript")
    assert isinstance(sdk, ProgramSdk)
    return sdk


def one_vector(values: object, **metadata: object) -> list[Json]:
    return [{"key": "k", "data": {"float32": values}, "metadata": metadata}]


def test_a_float32_array_is_refused(javascript: ProgramSdk, sample_by_name: SampleIndex) -> None:
    """The SDK sends it as an object, `{"0":1,"1":2}`, but the service requires a list."""
    vectors = one_vector({"$float32": [1, 2]})
    error = expect_error(javascript, "PutVectors", {**sample_by_name.index_address, "vectors": vectors})
    assert (error.code, error.status) == ("SerializationException", 400)
    query = {**sample_by_name.index_address, "topK": 1, "queryVector": {"float32": {"$float32": [1, 2]}}}
    assert expect_error(javascript, "QueryVectors", query).code == "SerializationException"
    assert javascript.call("GetVectors", {**sample_by_name.index_address, "keys": ["k"]}) == {"vectors": []}


def test_nan_in_a_vector_is_refused(javascript: ProgramSdk, sample_by_name: SampleIndex) -> None:
    """The SDK sends the text `NaN`."""
    error = expect_error(
        javascript, "PutVectors", {**sample_by_name.index_address, "vectors": one_vector([1, NAN])}
    )
    assert error.code == "ValidationException"
    assert error.message == "Invalid record for key 'k': vector contains NaNs or Infs"


def test_nan_in_a_filter_is_a_text_without_matches(
    javascript: ProgramSdk, sample_by_name: SampleIndex
) -> None:
    """Ranges refuse it, because it is not a number."""
    query = {**sample_by_name.index_address, "topK": 3, "queryVector": {"float32": [0, 0]}}
    assert javascript.call("QueryVectors", {**query, "filter": {"year": NAN}})["vectors"] == []
    error = expect_error(javascript, "QueryVectors", {**query, "filter": {"year": {"$gt": NAN}}})
    assert (error.code, error.fields) == ("ValidationException", {"filter": "Invalid filter"})


def test_half_of_a_surrogate_pair_is_refused(javascript: ProgramSdk, sample_by_name: SampleIndex) -> None:
    """It is not text; the whole pair is."""
    arguments = {**sample_by_name.index_address, "keys": ["\ud83c"]}
    assert expect_error(javascript, "GetVectors", arguments).code == "SerializationException"
    whole = [{"key": "🎬", "data": {"float32": [1, 2]}, "metadata": {"🎞": "🎬"}}]
    assert javascript.call("PutVectors", {**sample_by_name.index_address, "vectors": whole}) == {}
    returned = javascript.call(
        "GetVectors", {**sample_by_name.index_address, "keys": ["🎬"], "returnMetadata": True}
    )
    assert returned == {"vectors": [{"key": "🎬", "metadata": {"🎞": "🎬"}}]}


@pytest.mark.parametrize("offset_s", [-3600, 3600])
def test_a_clock_that_is_an_hour_off_is_corrected(
    javascript: ProgramSdk, sample_by_name: SampleIndex, offset_s: int
) -> None:
    """The SDK reads the time from the Date header of the error and signs again."""
    response = javascript.call("GetIndex", sample_by_name.index_address, clock_offset_s=offset_s)
    assert response["index"]["dimension"] == 2


def test_numbers_in_metadata_read_back_exactly(javascript: ProgramSdk, sample_by_name: SampleIndex) -> None:
    """As far as JavaScript's numbers allow."""
    numbers = {"large": 2**53 - 1, "tiny": 5e-324, "negative": -0.5, "list": [1, 2.5]}
    javascript.call("PutVectors", {**sample_by_name.index_address, "vectors": one_vector([1, 2], **numbers)})
    returned = javascript.call(
        "GetVectors", {**sample_by_name.index_address, "keys": ["k"], "returnMetadata": True}
    )
    assert returned["vectors"][0]["metadata"] == numbers
