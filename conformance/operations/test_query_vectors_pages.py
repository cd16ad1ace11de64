"""QueryVectors: pages of 100 results, and the tokens of the next page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.conformance_kit.shared_indexes import ShareIndex
from vecgate.resources.handles import IndexHandle, MakeIndex

from .calls import check_lengths_are_valid

PAGE = 100
TOKEN_CHARACTERS_MAX = 4_096
QUERY: dict[str, Any] = {"queryVector": {"float32": [1.0, 0.0]}}


#: Of all vectors, the nearest to [1, 0] first.
KEYS = [f"k{number}" for number in range(150)]


def build_index(make_index: MakeIndex) -> IndexHandle:
    """Create an index with 150 vectors; `k0` is nearest to [1, 0], each further one a little farther away."""
    index = make_index()
    index.put(*((f"k{number}", [1, number / 100], {"n": number}) for number in range(150)))
    return index


@pytest.fixture
def filled(share_index: ShareIndex) -> IndexHandle:
    """The index that most of these tests read."""
    return share_index(build_index)


@pytest.fixture
def index(more_than_a_page: None, filled: IndexHandle) -> IndexHandle:  # noqa: ARG001 - it skips
    """The same, on a target that accepts a topK of more than a page."""
    return filled


@pytest.fixture
def own_index(more_than_a_page: None, make_index: MakeIndex) -> IndexHandle:  # noqa: ARG001 - as above
    """The same for a test that writes."""
    return build_index(make_index)


def first_page(index: IndexHandle, **members: Any) -> dict[str, Any]:
    """Return the first of two pages."""
    page = index.call("QueryVectors", **{**QUERY, "topK": 150, **members})
    assert page.get("nextToken"), "150 results of 150 vectors came without a token"
    return page


def second_page(index: IndexHandle, token: str, **members: Any) -> dict[str, Any]:
    return index.call("QueryVectors", **{**QUERY, "topK": 150, "nextToken": token, **members})


def keys_of(*pages: dict[str, Any]) -> list[str]:
    return [each["key"] for page in pages for each in page["vectors"]]


def result_pages(index: IndexHandle, **members: Any) -> Iterator[dict[str, Any]]:
    return index.pages("QueryVectors", **{**QUERY, "topK": 150, **members})


@requirement(
    "query-vectors.pages",
    kind="effect",
    evidence="recorded",
    source=sources.PROBE_CHANGES,
    covers="QueryVectors>nextToken",
)
def test_more_than_100_results_come_in_pages(index: IndexHandle) -> None:
    """150 results of 150 vectors come in more than one page, each vector once."""
    pages = list(result_pages(index))
    assert len(pages) > 1
    assert sorted(keys_of(*pages)) == sorted(f"k{number}" for number in range(150))


@requirement("query-vectors.page-size", kind="effect", evidence="documented", source=sources.LIMITS)
def test_a_page_has_at_most_100_results(index: IndexHandle) -> None:
    """No page has more than 100 results."""
    assert max(len(page["vectors"]) for page in result_pages(index)) <= PAGE


@requirement("query-vectors.page-is-full", kind="detail", evidence="documented", source=sources.LIMITS)
def test_a_first_page_is_full(index: IndexHandle) -> None:
    """The first page of 150 results has 100, and the second has the rest."""
    assert [len(page["vectors"]) for page in result_pages(index)] == [100, 50]


@requirement("query-vectors.pages-order", kind="effect", evidence="documented", source=sources.QUERY)
def test_distances_ascend_over_all_pages(index: IndexHandle) -> None:
    """Distances ascend over all pages together."""
    distances = [
        each["distance"] for page in result_pages(index, returnDistance=True) for each in page["vectors"]
    ]
    assert distances == sorted(distances)


@requirement("query-vectors.one-page", kind="detail", evidence="documented", source=sources.QUERY)
def test_100_results_are_one_page(filled: IndexHandle) -> None:
    """100 results are one page without a token, even if more vectors are stored."""
    page = filled.call("QueryVectors", **QUERY, topK=PAGE)
    assert len(page["vectors"]) == PAGE
    assert not page.get("nextToken")


@requirement("query-vectors.one-more-than-a-page", kind="effect", evidence="documented", source=sources.QUERY)
def test_top_k_counts_over_all_pages(filled: IndexHandle) -> None:
    """A topK of 101 gives 101 results over all pages, even if more vectors are stored."""
    assert keys_of(*result_pages(filled, topK=101)) == [f"k{number}" for number in range(101)]


@requirement("query-vectors.pages-filtered", kind="effect", evidence="documented", source=sources.QUERY)
def test_every_page_is_filtered(index: IndexHandle) -> None:
    """A filter applies to every page."""
    pages = list(result_pages(index, filter={"n": {"$gte": 20}}))
    assert sorted(keys_of(*pages)) == sorted(f"k{number}" for number in range(20, 150))


@requirement(
    "query-vectors.pages-metric", kind="effect", evidence="model", source=sources.api("QueryVectors")
)
def test_every_page_names_the_metric(index: IndexHandle) -> None:
    """Every page contains the distance metric."""
    assert [page["distanceMetric"] for page in result_pages(index)] == ["cosine", "cosine"]


@requirement("query-vectors.pages-flags", kind="effect", evidence="model", source=sources.api("QueryVectors"))
def test_every_page_has_the_requested_members(index: IndexHandle) -> None:
    """Distances and metadata are on every page if they are requested."""
    pages = result_pages(index, returnDistance=True, returnMetadata=True)
    assert {frozenset(each) for page in pages for each in page["vectors"]} == {
        frozenset({"key", "distance", "metadata"})
    }


@requirement("query-vectors.token-again", kind="open", evidence="inferred", source=sources.QUERY)
def test_a_page_may_be_read_again(index: IndexHandle) -> None:
    """A token can be used again and returns the same page: a client may have lost the answer."""
    token = first_page(index)["nextToken"]
    assert keys_of(second_page(index, token)) == keys_of(second_page(index, token))


@requirement("query-vectors.two-walks", kind="effect", evidence="documented", source=sources.QUERY)
def test_pages_of_two_queries_do_not_mix(index: IndexHandle) -> None:
    """The pages of two queries that are read in turn belong to their own query."""
    first, other_first = first_page(index), first_page(index, queryVector={"float32": [-1.0, -0.01]})
    other_second = second_page(index, other_first["nextToken"], queryVector={"float32": [-1.0, -0.01]})
    assert keys_of(first, second_page(index, first["nextToken"])) == [f"k{n}" for n in range(150)]
    assert len(set(keys_of(other_first, other_second))) == 150


@requirement("query-vectors.snapshot-put", kind="detail", evidence="documented", source=sources.QUERY)
def test_a_put_between_pages_does_not_show(own_index: IndexHandle) -> None:
    """A vector that is put between two pages is on neither of them."""
    first = first_page(own_index)
    own_index.put(("new", [1, 1.25]), ("newer", [1, 0]))
    assert keys_of(first, second_page(own_index, first["nextToken"])) == [
        f"k{number}" for number in range(150)
    ]


@requirement("query-vectors.snapshot-delete", kind="detail", evidence="documented", source=sources.QUERY)
def test_a_deletion_between_pages_does_not_show(own_index: IndexHandle) -> None:
    """A vector that is deleted between two pages is still on the second."""
    first = first_page(own_index)
    own_index.delete("k0", "k120")
    assert keys_of(first, second_page(own_index, first["nextToken"])) == [
        f"k{number}" for number in range(150)
    ]


@requirement("query-vectors.snapshot-overwrite", kind="detail", evidence="documented", source=sources.QUERY)
def test_an_overwrite_between_pages_does_not_show(own_index: IndexHandle) -> None:
    """A vector that is overwritten between two pages keeps its place, and is returned once."""
    first = first_page(own_index)
    own_index.put(("k120", [1, 0]), ("k3", [1, 1.3]))
    assert keys_of(first, second_page(own_index, first["nextToken"])) == [
        f"k{number}" for number in range(150)
    ]


@requirement("query-vectors.token-text", kind="effect", evidence="model", source=sources.MODEL)
def test_a_token_is_not_longer_than_a_request_accepts(index: IndexHandle) -> None:
    """A token is not longer than a request accepts."""
    assert 0 < len(first_page(index)["nextToken"]) <= TOKEN_CHARACTERS_MAX


INVALID_TOKENS = {"word": "nonsense", "base64": "AAAAAAAAAAAAAAAAAAAA", "symbols": "!?", "text": "ключ"}


@pytest.mark.parametrize("token", INVALID_TOKENS.values(), ids=INVALID_TOKENS.keys())
@requirement("query-vectors.bad-token", kind="open", evidence="inferred", source=sources.PROBE_METHOD)
def test_an_unknown_token_is_rejected(index: IndexHandle, expect_error: ErrorExpectation, token: str) -> None:
    """A token that the service never returned is rejected."""
    members = {**index.address, **QUERY, "topK": 150, "nextToken": token}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement("query-vectors.bad-token-message", kind="open", evidence="inferred", source=sources.PROBE_METHOD)
def test_the_error_of_an_unknown_token(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """The error for an unknown token is the same as for an expired one."""
    members = {**index.address, **QUERY, "topK": 150, "nextToken": "nonsense"}
    expect_error("QueryVectors", members, code="ValidationException", message="Invalid page token")


@requirement("query-vectors.token-of-a-list", kind="open", evidence="inferred", source=sources.PROBE_METHOD)
def test_a_token_of_a_list_is_rejected(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A token from ListVectors is rejected."""
    token = index.call("ListVectors", maxResults=5)["nextToken"]
    members = {**index.address, **QUERY, "topK": 150, "nextToken": token}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.token-of-another-index", kind="open", evidence="inferred", source=sources.PROBE_METHOD
)
def test_a_token_of_another_index_is_rejected(
    index: IndexHandle, make_index: MakeIndex, expect_error: ErrorExpectation
) -> None:
    """A token from a query of another index is rejected."""
    other = make_index()
    other.put(("other", [1, 0]))
    members = {**other.address, **QUERY, "topK": 150, "nextToken": first_page(index)["nextToken"]}
    expect_error("QueryVectors", members, code="ValidationException")


CHANGES: dict[str, dict[str, Any]] = {
    "top-k": {"topK": 149},
    "vector": {"queryVector": {"float32": [0.0, 1.0]}},
    "filter": {"filter": {"n": {"$lt": 5}}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@requirement("query-vectors.token-of-another-query", kind="open", evidence="inferred", source=sources.QUERY)
def test_a_token_of_another_query_is_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, change: dict[str, Any]
) -> None:
    """A token is valid only for the query that returned it."""
    members = {**index.address, **QUERY, "topK": 150, "nextToken": first_page(index)["nextToken"]}
    expect_error("QueryVectors", {**members, **change}, code="ValidationException")


@pytest.mark.parametrize(
    ("covered", "length"), [("min-1", 0), ("max+1", TOKEN_CHARACTERS_MAX + 1)], ids=["empty", "too-long"]
)
@requirement(
    "query-vectors.token-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.nextToken.{covered}",
)
def test_the_length_of_a_token_is_bounded(
    index: IndexHandle, expect_error: ErrorExpectation, covered: str, length: int
) -> None:
    """A token must have 1 to 4,096 characters."""
    assert covered
    members = {**index.address, **QUERY, "topK": 150, "nextToken": "a" * length}
    expect_error("QueryVectors", members, code="ValidationException")


@pytest.mark.parametrize(
    ("covered", "length"), [("min", 1), ("max", TOKEN_CHARACTERS_MAX)], ids=["shortest", "longest"]
)
@requirement(
    "query-vectors.token-length-bounds",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.nextToken.{covered}",
)
def test_a_token_may_have_1_to_4096_characters(
    client: Any, index: IndexHandle, covered: str, length: int
) -> None:
    """A token of 1 or 4,096 characters is not rejected because of its length."""
    assert covered
    members = {**index.address, **QUERY, "topK": 100, "nextToken": "a" * length}
    check_lengths_are_valid(client, "QueryVectors", members)


@pytest.mark.usefixtures("more_than_a_page")
@requirement(
    "query-vectors.many-pages", kind="effect", evidence="documented", source=sources.LIMITS, slow=True
)
def test_1000_results_are_returned_once_each(make_index: MakeIndex) -> None:
    """1,000 results of 1,000 vectors come in pages of at most 100, nearly all of them and none twice."""
    index = make_index()
    index.put(*((f"k{number}", [1, number / 1_000]) for number in range(1_000)))
    pages = list(result_pages(index, topK=1_000))
    found = keys_of(*pages)
    assert max(len(page["vectors"]) for page in pages) <= PAGE
    assert len(set(found)) == len(found) >= 900
