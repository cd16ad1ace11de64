"""QueryVectors: pages of 100 results, and the tokens that lead from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

PAGE = 100
TOKEN_CHARACTERS_MAX = 4_096
ASKED: dict[str, Any] = {"queryVector": {"float32": [1.0, 0.0]}}


@pytest.fixture
def index(make_index: MakeIndex) -> Index:
    """An index with 150 vectors, `k0` nearest to [1, 0] and each a little farther than the one before."""
    made = make_index()
    made.put(*((f"k{number}", [1, number / 100], {"n": number}) for number in range(150)))
    return made


def first_page(index: Index, **members: Any) -> dict[str, Any]:
    """The first of two pages."""
    page = index.call("QueryVectors", **{**ASKED, "topK": 150, **members})
    assert page.get("nextToken"), "150 results of 150 vectors came without a token"
    return page


def second_page(index: Index, token: str, **members: Any) -> dict[str, Any]:
    return index.call("QueryVectors", **{**ASKED, "topK": 150, "nextToken": token, **members})


def keys_of(*pages: dict[str, Any]) -> list[str]:
    return [each["key"] for page in pages for each in page["vectors"]]


def walked(index: Index, **members: Any) -> Iterator[dict[str, Any]]:
    return index.pages("QueryVectors", **{**ASKED, "topK": 150, **members})


@requirement(
    "query-vectors.pages",
    level="must",
    evidence="recorded",
    source=sources.PROBE_CHANGES,
    covers="QueryVectors>nextToken",
)
def test_more_than_a_hundred_come_in_pages(index: Index) -> None:
    """150 results of 150 vectors come in more than one page, each vector once."""
    pages = list(walked(index))
    assert len(pages) > 1
    assert sorted(keys_of(*pages)) == sorted(f"k{number}" for number in range(150))


@requirement("query-vectors.page-size", level="must", evidence="documented", source=sources.LIMITS)
def test_a_page_holds_at_most_a_hundred(index: Index) -> None:
    """No page holds more than 100 results."""
    assert max(len(page["vectors"]) for page in walked(index)) <= PAGE


@requirement("query-vectors.page-is-full", level="should", evidence="documented", source=sources.LIMITS)
def test_a_first_page_is_full(index: Index) -> None:
    """The first page of 150 results holds 100, the second the rest."""
    assert [len(page["vectors"]) for page in walked(index)] == [100, 50]


@requirement("query-vectors.pages-order", level="must", evidence="documented", source=sources.QUERY)
def test_pages_go_on_outwards(index: Index) -> None:
    """Distances ascend over all pages together."""
    distances = [each["distance"] for page in walked(index, returnDistance=True) for each in page["vectors"]]
    assert distances == sorted(distances)


@requirement("query-vectors.one-page", level="should", evidence="documented", source=sources.QUERY)
def test_a_hundred_are_one_page(index: Index) -> None:
    """100 results are one page, without a token, although more is stored."""
    page = index.call("QueryVectors", **ASKED, topK=PAGE)
    assert len(page["vectors"]) == PAGE
    assert not page.get("nextToken")


@requirement("query-vectors.one-more-than-a-page", level="must", evidence="documented", source=sources.QUERY)
def test_top_k_counts_over_all_pages(index: Index) -> None:
    """A topK of 101 gives 101 results over all pages, though more is stored."""
    assert keys_of(*walked(index, topK=101)) == [f"k{number}" for number in range(101)]


@requirement("query-vectors.pages-filtered", level="must", evidence="documented", source=sources.QUERY)
def test_every_page_is_filtered(index: Index) -> None:
    """A filter holds on every page."""
    pages = list(walked(index, filter={"n": {"$gte": 20}}))
    assert sorted(keys_of(*pages)) == sorted(f"k{number}" for number in range(20, 150))


@requirement("query-vectors.pages-metric", level="must", evidence="model", source=sources.api("QueryVectors"))
def test_every_page_names_the_metric(index: Index) -> None:
    """Every page names the distance metric."""
    assert [page["distanceMetric"] for page in walked(index)] == ["cosine", "cosine"]


@requirement("query-vectors.pages-flags", level="must", evidence="model", source=sources.api("QueryVectors"))
def test_every_page_returns_what_is_asked_for(index: Index) -> None:
    """Distances and metadata are on every page when they are asked for."""
    pages = walked(index, returnDistance=True, returnMetadata=True)
    assert {frozenset(each) for page in pages for each in page["vectors"]} == {
        frozenset({"key", "distance", "metadata"})
    }


@requirement("query-vectors.token-again", level="may", evidence="inferred", source=sources.QUERY)
def test_a_page_may_be_read_again(index: Index) -> None:
    """A token that was used gives the same page again: a client may have lost the answer."""
    token = first_page(index)["nextToken"]
    assert keys_of(second_page(index, token)) == keys_of(second_page(index, token))


@requirement("query-vectors.two-walks", level="must", evidence="documented", source=sources.QUERY)
def test_two_walks_do_not_mix(index: Index) -> None:
    """Pages of two queries, read by turns, belong to their own query."""
    outward, homeward = first_page(index), first_page(index, queryVector={"float32": [-1.0, -0.01]})
    last = second_page(index, homeward["nextToken"], queryVector={"float32": [-1.0, -0.01]})
    assert keys_of(outward, second_page(index, outward["nextToken"])) == [f"k{n}" for n in range(150)]
    assert len(set(keys_of(homeward, last))) == 150


@requirement("query-vectors.snapshot-put", level="should", evidence="documented", source=sources.QUERY)
def test_a_put_between_pages_does_not_show(index: Index) -> None:
    """A vector that is put between two pages is on none of them."""
    first = first_page(index)
    index.put(("new", [1, 1.25]), ("newer", [1, 0]))
    assert keys_of(first, second_page(index, first["nextToken"])) == [f"k{number}" for number in range(150)]


@requirement("query-vectors.snapshot-delete", level="should", evidence="documented", source=sources.QUERY)
def test_a_deletion_between_pages_does_not_show(index: Index) -> None:
    """A vector that is deleted between two pages is still on the second."""
    first = first_page(index)
    index.delete("k0", "k120")
    assert keys_of(first, second_page(index, first["nextToken"])) == [f"k{number}" for number in range(150)]


@requirement("query-vectors.snapshot-overwrite", level="should", evidence="documented", source=sources.QUERY)
def test_an_overwrite_between_pages_does_not_show(index: Index) -> None:
    """A vector that moves between two pages stays where it was, and comes once."""
    first = first_page(index)
    index.put(("k120", [1, 0]), ("k3", [1, 1.3]))
    assert keys_of(first, second_page(index, first["nextToken"])) == [f"k{number}" for number in range(150)]


@requirement("query-vectors.token-text", level="may", evidence="documented", source=sources.LIST)
def test_a_token_is_short_text(index: Index) -> None:
    """A token is no longer than the service takes back."""
    assert 0 < len(first_page(index)["nextToken"]) <= TOKEN_CHARACTERS_MAX


MADE_UP = {"word": "nonsense", "base64": "AAAAAAAAAAAAAAAAAAAA", "symbols": "!?", "text": "ключ"}


@pytest.mark.parametrize("token", MADE_UP.values(), ids=MADE_UP.keys())
@requirement("query-vectors.bad-token", level="must", evidence="recorded", source=sources.PROBE_METHOD)
def test_a_token_of_our_own_is_refused(index: Index, refused: Refused, token: str) -> None:
    """A token that the service never gave is refused."""
    asked = {**index.address, **ASKED, "topK": 150, "nextToken": token}
    refused("QueryVectors", asked, code="ValidationException")


@requirement("query-vectors.bad-token-message", level="may", evidence="inferred", source=sources.PROBE_METHOD)
def test_a_bad_token_is_named_as_such(index: Index, refused: Refused) -> None:
    """The refusal of a token that the service never gave reads as that of one that is too old."""
    asked = {**index.address, **ASKED, "topK": 150, "nextToken": "nonsense"}
    refused("QueryVectors", asked, code="ValidationException", message="Invalid page token")


@requirement("query-vectors.token-of-a-list", level="may", evidence="inferred", source=sources.PROBE_METHOD)
def test_a_token_of_a_list_is_refused(index: Index, refused: Refused) -> None:
    """A token that ListVectors gave leads to no page of results."""
    token = index.call("ListVectors", maxResults=5)["nextToken"]
    asked = {**index.address, **ASKED, "topK": 150, "nextToken": token}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.token-of-another-index", level="may", evidence="inferred", source=sources.PROBE_METHOD
)
def test_a_token_of_another_index_is_refused(index: Index, make_index: MakeIndex, refused: Refused) -> None:
    """A token leads to no page of another index."""
    other = make_index()
    other.put(("other", [1, 0]))
    asked = {**other.address, **ASKED, "topK": 150, "nextToken": first_page(index)["nextToken"]}
    refused("QueryVectors", asked, code="ValidationException")


CHANGES: dict[str, dict[str, Any]] = {
    "top-k": {"topK": 149},
    "vector": {"queryVector": {"float32": [0.0, 1.0]}},
    "filter": {"filter": {"n": {"$lt": 5}}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@requirement("query-vectors.token-of-another-query", level="may", evidence="inferred", source=sources.QUERY)
def test_a_token_of_another_query_is_refused(index: Index, refused: Refused, change: dict[str, Any]) -> None:
    """A token is good for the query that it came from, not for another one."""
    asked = {**index.address, **ASKED, "topK": 150, "nextToken": first_page(index)["nextToken"]}
    refused("QueryVectors", {**asked, **change}, code="ValidationException")


@pytest.mark.parametrize(
    ("covered", "length"), [("min-1", 0), ("max+1", TOKEN_CHARACTERS_MAX + 1)], ids=["empty", "too-long"]
)
@requirement(
    "query-vectors.token-length",
    level="should",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.nextToken.{covered}",
)
def test_the_length_of_a_token_is_bounded(index: Index, refused: Refused, covered: str, length: int) -> None:
    """A token has 1 to 4,096 characters; another one is refused."""
    assert covered
    asked = {**index.address, **ASKED, "topK": 150, "nextToken": "a" * length}
    refused("QueryVectors", asked, code="ValidationException")


@pytest.mark.parametrize(
    ("covered", "length"), [("min", 1), ("max", TOKEN_CHARACTERS_MAX)], ids=["shortest", "longest"]
)
@requirement(
    "query-vectors.token-length-bounds",
    level="may",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.nextToken.{covered}",
)
def test_a_token_at_its_bounds_is_not_too_long(
    index: Index, refused: Refused, covered: str, length: int
) -> None:
    """A token of 1 or of 4,096 characters is not refused for its length."""
    assert covered
    asked = {**index.address, **ASKED, "topK": 150, "nextToken": "a" * length}
    assert "length" not in refused("QueryVectors", asked, code="ValidationException").message


@requirement(
    "query-vectors.many-pages", level="must", evidence="documented", source=sources.LIMITS, slow=True
)
def test_a_thousand_results_come_once_each(make_index: MakeIndex) -> None:
    """1,000 results of 1,000 vectors come in pages of at most 100, nearly all and none twice."""
    index = make_index()
    index.put(*((f"k{number}", [1, number / 1_000]) for number in range(1_000)))
    pages = list(walked(index, topK=1_000))
    found = keys_of(*pages)
    assert max(len(page["vectors"]) for page in pages) <= PAGE
    assert len(set(found)) == len(found) >= 900
