from __future__ import annotations

import pytest
from paged_index import PagedIndex

from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.index_settings import IndexSettings, TextSearch
from vecgate.bulk.index_setup import read_index
from vecgate.bulk.transfer.destination import (
    IndexSide,
    check_change,
    check_destination,
    copied_settings,
    create_destination,
    find_index,
)
from vecgate.errors import IndexUnusable, UsageError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted_service import modelled_error

SETTINGS = IndexSettings(
    IndexRules(2, "euclidean", frozenset({"a"})), (TextSearch("t", "en"),), "arn:key", "CLASSIC"
)
FILMS = IndexAddress(bucket="media", index="films")


def side(index: PagedIndex, name: str = "films", url: str = "") -> IndexSide:
    """Return an index as a side of a copy, behind the endpoint at *url*."""
    index.endpoint_url = url
    return IndexSide(IndexAddress(bucket="media", index=name), read_index(index, FILMS), index)


def test_a_copy_has_the_settings_of_its_source_but_not_its_key() -> None:
    """A key belongs to an account and a region, and the mode to a bucket."""
    assert copied_settings(SETTINGS) == IndexSettings(SETTINGS.rules, SETTINGS.text_search)
    changed = copied_settings(SETTINGS, metric="cosine", non_filterable=frozenset())
    assert changed.rules == IndexRules(2, "cosine")


def test_every_difference_of_a_destination_that_exists_is_named() -> None:
    """Its key and mode may differ."""
    check_destination(FILMS, SETTINGS, copied_settings(SETTINGS))
    other = IndexSettings(IndexRules(3, "cosine"))
    with pytest.raises(IndexUnusable) as caught:
        check_destination(FILMS, other, copied_settings(SETTINGS))
    assert str(caught.value).endswith(
        "dimension 3, not 2; metric cosine, not euclidean; non-filterable keys none, not a; "
        "text search none, not t:en"
    )


def test_two_sides_are_one_index_if_endpoint_and_arn_agree() -> None:
    """Without ARNs, if the names agree. Another URL may lead to the same server."""
    films, twin, other = PagedIndex(), PagedIndex(), PagedIndex(name="copy")
    assert side(films).is_same_as(side(films))
    assert not side(films).is_same_as(side(other))
    assert not side(films, url="http://a:1").is_same_as(side(twin, url="http://b:1"))
    assert side(films, url="http://a:1").may_be_same_as(side(twin, url="http://b:1"))
    assert not side(films).may_be_same_as(side(other))
    for index in (films, other):
        del index.index["indexArn"]
    assert side(films).is_same_as(side(other))
    assert not side(films).is_same_as(side(other, "other"))
    identity = side(films, url="http://a:1").identity("source")
    assert identity == {
        "source endpoint": "http://a:1",
        "source": "media/films",
        "creation time of the source": "1800000000",
    }


def test_a_destination_is_created_by_name() -> None:
    """An ARN names something that exists."""

    def absent(operation: str, _: object) -> None:
        raise modelled_error("NotFoundException", operation=operation)

    assert find_index(PagedIndex(before=absent), FILMS) is None
    arn = IndexAddress(arn="arn:aws:s3vectors:us-east-1:123456789012:bucket/media/index/films")
    with pytest.raises(IndexUnusable, match="there is no index arn:"):
        create_destination(PagedIndex(), arn, copied_settings(SETTINGS))
    index = PagedIndex()
    found = create_destination(index, FILMS, copied_settings(SETTINGS))
    assert found.rules.dimension == 2
    assert [name for name, _ in index.requests] == ["CreateIndex", "GetIndex", "GetIndex"]


def test_a_copy_onto_itself_needs_a_change() -> None:
    """Otherwise it is a mistake."""
    check_change(is_same=True, has_change=True)
    check_change(is_same=False, has_change=False)
    with pytest.raises(UsageError, match="are the same index"):
        check_change(is_same=True, has_change=False)
