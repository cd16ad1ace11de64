"""Each client's own paginator gives everything once."""

from __future__ import annotations

from itertools import chain

import pytest
from client_programs import Json
from places import INDEX, Place
from sdks import LACKING, Sdk

PAGING = [name for name in LACKING if name != "awscli"]


def numbered(count: int) -> list[Json]:
    return [{"key": f"n{number}", "data": {"float32": [number, 0]}} for number in range(count)]


@pytest.mark.parametrize("sdk", PAGING, indirect=True)
def test_vectors_are_listed_page_by_page(sdk: Sdk, place: Place) -> None:
    """The last page has no token, even when it is full."""
    pages = sdk.pages("ListVectors", {**place.index_address, "maxResults": 1})
    assert [len(page["vectors"]) for page in pages] == [1, 1, 1]
    assert sorted(page["vectors"][0]["key"] for page in pages) == ["a", "b", "c"]
    assert ["nextToken" in page for page in pages] == [True, True, False]


@pytest.mark.parametrize("sdk", PAGING, indirect=True)
def test_indexes_are_listed_page_by_page(sdk: Sdk, place: Place, service: Sdk) -> None:
    """By name or ARN of their bucket."""
    for name in ("other-1", "other-2"):
        made = {"indexName": name, "dataType": "float32", "dimension": 1, "distanceMetric": "cosine"}
        service.call("CreateIndex", {**place.bucket_address, **made})
    pages = sdk.pages("ListIndexes", {**place.bucket_address, "maxResults": 2})
    names = [[each["indexName"] for each in page["indexes"]] for page in pages]
    assert [len(page) for page in names] == [2, 1]
    assert sorted(chain(*names)) == [INDEX, "other-1", "other-2"]


@pytest.mark.parametrize("sdk", PAGING, indirect=True)
def test_a_query_is_answered_a_hundred_at_a_time(sdk: Sdk, place: Place, service: Sdk) -> None:
    """In ascending distance over all pages."""
    service.call("PutVectors", {**place.index_address, "vectors": numbered(250)})
    query = {
        **place.index_address,
        "topK": 230,
        "queryVector": {"float32": [-1, 0]},
        "returnDistance": True,
    }
    pages = sdk.pages("QueryVectors", query)
    found = [each for page in pages for each in page["vectors"]]
    assert [len(page["vectors"]) for page in pages] == [100, 100, 30]
    assert found[1:4] == [
        {"key": "n0", "distance": 1.0},
        {"key": "n1", "distance": 4.0},
        {"key": "n2", "distance": 9.0},
    ]
    assert len({each["key"] for each in found}) == 230
