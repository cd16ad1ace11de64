"""What the AWS SDK for JavaScript v3 does in its own way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from client_programs import Json
from places import Place
from sdks import LinesSdk, Sdk, refusal_of

#: What stands for the NaN of JavaScript in JSON: see `programs/javascript.cjs`.
NAN = {"$nan": True}


@pytest.fixture
def javascript(sdks: Callable[[str], Sdk]) -> LinesSdk:
    sdk = sdks("javascript")
    assert isinstance(sdk, LinesSdk)
    return sdk


def one(values: object, **metadata: object) -> list[Json]:
    return [{"key": "k", "data": {"float32": values}, "metadata": metadata}]


def test_a_float32_array_is_refused_not_stored_as_something_else(javascript: LinesSdk, home: Place) -> None:
    """The SDK sends it as an object, `{"0":1,"1":2}`: a list is what the service takes."""
    vectors = one({"$float32": [1, 2]})
    refusal = refusal_of(javascript, "PutVectors", {**home.index_address, "vectors": vectors})
    assert (refusal.code, refusal.status) == ("SerializationException", 400)
    query = {**home.index_address, "topK": 1, "queryVector": {"float32": {"$float32": [1, 2]}}}
    assert refusal_of(javascript, "QueryVectors", query).code == "SerializationException"
    assert javascript.call("GetVectors", {**home.index_address, "keys": ["k"]}) == {"vectors": []}


def test_nan_in_a_vector_is_refused(javascript: LinesSdk, home: Place) -> None:
    """The SDK sends the text `NaN`."""
    refusal = refusal_of(javascript, "PutVectors", {**home.index_address, "vectors": one([1, NAN])})
    assert refusal.code == "ValidationException"
    assert refusal.message == "Invalid record for key 'k': vector contains NaNs or Infs"


def test_nan_in_a_filter_is_a_text_that_nothing_equals(javascript: LinesSdk, home: Place) -> None:
    """Which compares with no number."""
    query = {**home.index_address, "topK": 3, "queryVector": {"float32": [0, 0]}}
    assert javascript.call("QueryVectors", {**query, "filter": {"year": NAN}})["vectors"] == []
    refusal = refusal_of(javascript, "QueryVectors", {**query, "filter": {"year": {"$gt": NAN}}})
    assert (refusal.code, refusal.fields) == ("ValidationException", {"filter": "Invalid filter"})


def test_half_of_a_surrogate_pair_is_refused(javascript: LinesSdk, home: Place) -> None:
    """It is no text; the whole pair is."""
    arguments = {**home.index_address, "keys": ["\ud83c"]}
    assert refusal_of(javascript, "GetVectors", arguments).code == "SerializationException"
    whole = [{"key": "🎬", "data": {"float32": [1, 2]}, "metadata": {"🎞": "🎬"}}]
    assert javascript.call("PutVectors", {**home.index_address, "vectors": whole}) == {}
    got = javascript.call("GetVectors", {**home.index_address, "keys": ["🎬"], "returnMetadata": True})
    assert got == {"vectors": [{"key": "🎬", "metadata": {"🎞": "🎬"}}]}


@pytest.mark.parametrize("offset_s", [-3600, 3600])
def test_a_clock_that_is_an_hour_off_is_mended(javascript: LinesSdk, home: Place, offset_s: int) -> None:
    """The SDK learns the time from the Date of the refusal, and signs again."""
    answer = javascript.call("GetIndex", home.index_address, clock_offset_s=offset_s)
    assert answer["index"]["dimension"] == 2


def test_numbers_in_metadata_come_back_as_they_were(javascript: LinesSdk, home: Place) -> None:
    """Up to what JavaScript's numbers hold."""
    numbers = {"large": 2**53 - 1, "tiny": 5e-324, "negative": -0.5, "list": [1, 2.5]}
    javascript.call("PutVectors", {**home.index_address, "vectors": one([1, 2], **numbers)})
    got = javascript.call("GetVectors", {**home.index_address, "keys": ["k"], "returnMetadata": True})
    assert got["vectors"][0]["metadata"] == numbers
