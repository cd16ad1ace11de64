"""The paginator of each client returns everything once."""

from __future__ import annotations

from itertools import chain

import pytest
from client_programs import Json
from sample_index import INDEX, SampleIndex
from sdks import UNSUPPORTED, Sdk

PAGING = [name for name in UNSUPPORTED if name != "awscli"]
#: The pinned version of Go's SDK does not know that queries have pages.
PAGING_QUERIES = [name for name in PAGING if name != "go"]


def numbered_vectors(count: int) -> list[Json]:
    return [{"key": f"n{number}", "data": {"float32": [number, 0]}} for number in range(count)]


@pytest.mark.parametrize("sdk", PAGING, indirect=True)
def test_vectors_are_listed_page_by_page(sdk: Sdk, sample: SampleIndex) -> None:
    """The last page has no token, even if it is full."""
    pages = sdk.pages("ListVectors", {**sample.index_address, "maxResults": 1})
    assert [len(page["vectors"]) for page in pages] == [1, 1, 1]
    assert sorted(page["vectors"][0]["key"] for page in pages) == ["a", "b", "c"]
    assert ["nextToken" in page for page in pages] == [True, True, False]


@pytest.mark.parametrize("sdk", PAGING, indirect=True)
def test_indexes_are_listed_page_by_page(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """By name or ARN of their bucket."""
    for name in ("other-1", "other-2"):
        index = {"indexName": name, "dataType": "float32", "dimension": 1, "distanceMetric": "cosine"}
        service.call("CreateIndex", {**sample.bucket_address, **index})
    pages = sdk.pages("ListIndexes", {**sample.bucket_address, "maxResults": 2})
    names = [[each["indexName"] for each in page["indexes"]] for page in pages]
    assert [len(page) for page in names] == [2, 1]
    assert sorted(chain(*names)) == [INDEX, "other-1", "other-2"]


@pytest.mark.parametrize("sdk", PAGING_QUERIES, indirect=True)
def test_a_query_has_pages_of_a_hundred(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """In ascending distance over all pages."""
    service.call("PutVectors", {**sample.index_address, "vectors": numbered_vectors(250)})
    query = {
        **sample.index_address,
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
