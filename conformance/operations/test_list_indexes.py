"""ListIndexes: the indexes of one bucket, by prefix and by pages."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Bucket, MakeBucket, MakeIndex

from .asking import index_shown, is_length_to_blame, outcome, pages, unmodelled

NAMES = ("films-1", "films-2", "films-3", "songs")


@pytest.fixture
def shelf(make_bucket: MakeBucket, make_index: MakeIndex) -> Bucket:
    """A bucket with the indexes NAMES."""
    bucket = make_bucket()
    for name in NAMES:
        make_index(bucket, name=name)
    return bucket


@requirement(
    "list-indexes.summary",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes>indexes ListIndexes>indexes.vectorBucketName ListIndexes>indexes.indexName "
    "ListIndexes>indexes.indexArn ListIndexes>indexes.creationTime",
)
def test_an_index_is_listed_with_names_arn_and_time(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """ListIndexes tells names, ARN and creationTime of an index as GetIndex does, and no more."""
    bucket = make_bucket()
    shown = index_shown(client, make_index(bucket))
    told = ("vectorBucketName", "indexName", "indexArn", "creationTime")
    assert bucket.call("ListIndexes")["indexes"] == [{name: shown[name] for name in told}]


@requirement(
    "list-indexes.only-modelled-members", level="must", evidence="model", source=sources.MODEL, needs="raw"
)
def test_the_list_holds_nothing_else(raw: RawClient, make_bucket: MakeBucket, make_index: MakeIndex) -> None:
    """The answer of ListIndexes has no member that the model does not know: no metric, mode or encryption."""
    bucket = make_bucket()
    make_index(bucket)
    answer = raw("/ListIndexes", bucket.address)
    assert answer.status == 200
    assert unmodelled("ListIndexes", answer.json) == []


@requirement("list-indexes.of-one-bucket", level="must", evidence="recorded", source=sources.MOTO_INDEXES)
def test_only_the_indexes_of_the_bucket_are_listed(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """ListIndexes lists the indexes of the bucket it names, and none of another."""
    here, there = make_bucket(), make_bucket()
    make_index(here, name="here")
    make_index(there, name="there")
    assert pages(client, "ListIndexes", vectorBucketName=here.name) == [["here"]]


@pytest.mark.parametrize("prefix", ["films-", "films-1", "s", "f", "ilms", "songs-"])
@requirement("list-indexes.prefix", level="must", evidence="recorded", source=sources.S3MOCK_INDEXES)
def test_a_prefix_selects_the_names_that_start_with_it(shelf: Bucket, prefix: str) -> None:
    """With a prefix the indexes are listed whose names start with it, and no others."""
    listed = shelf.call("ListIndexes", prefix=prefix)["indexes"]
    assert {each["indexName"] for each in listed} == {name for name in NAMES if name.startswith(prefix)}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@requirement(
    "list-indexes.pages",
    level="must",
    evidence="documented",
    source=sources.api("ListIndexes"),
    covers="ListIndexes>nextToken",
)
def test_pages_are_complete_and_disjoint(client: Any, shelf: Bucket, size: int) -> None:
    """The pages together hold every index once, and none holds more than maxResults."""
    found = pages(client, "ListIndexes", **shelf.address, maxResults=size)
    assert sorted(name for page in found for name in page) == sorted(NAMES)
    assert max(len(page) for page in found) <= size


@requirement(
    "list-indexes.pages-of-a-prefix",
    level="must",
    evidence="documented",
    source=sources.api("ListIndexes"),
)
def test_a_prefix_holds_over_all_pages(client: Any, shelf: Bucket) -> None:
    """Pages of a list by prefix hold what has the prefix, and all of it."""
    found = pages(client, "ListIndexes", **shelf.address, maxResults=2, prefix="films")
    assert sorted(name for page in found for name in page) == ["films-1", "films-2", "films-3"]


@pytest.mark.parametrize("size", [2, 4])
@requirement("list-indexes.last-page", level="may", evidence="inferred", source=sources.api("ListIndexes"))
def test_a_last_page_that_is_just_full_has_no_token(client: Any, shelf: Bucket, size: int) -> None:
    """Where the last page is just full, it says that there is no other: no page is empty."""
    found = pages(client, "ListIndexes", **shelf.address, maxResults=size)
    assert [len(page) for page in found] == [size] * (4 // size)


@requirement(
    "list-indexes.default-page", level="must", evidence="documented", source=sources.api("ListIndexes")
)
def test_a_few_indexes_fit_one_page(shelf: Bucket) -> None:
    """Without maxResults a few indexes come in one page without a token."""
    answer = shelf.call("ListIndexes")
    assert {each["indexName"] for each in answer["indexes"]} == set(NAMES)
    assert not answer.get("nextToken")


@requirement(
    "list-indexes.deleted-between-pages",
    level="may",
    evidence="inferred",
    source=sources.api("ListIndexes"),
)
def test_an_index_deleted_between_pages_hides_no_other(client: Any, shelf: Bucket) -> None:
    """An index of the first page, deleted before the second, makes the second leave out nothing."""
    first = shelf.call("ListIndexes", maxResults=2)
    there = {each["indexName"] for each in first["indexes"]}
    client.delete_index(**shelf.address, indexName=min(there))
    second = shelf.call("ListIndexes", maxResults=2, nextToken=first["nextToken"])
    assert there | {each["indexName"] for each in second["indexes"]} == set(NAMES)


@pytest.mark.parametrize("size", [1, 500])
@requirement(
    "list-indexes.page-size-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.maxResults.min ListIndexes.maxResults.max",
)
def test_a_page_may_have_1_to_500_results(make_bucket: MakeBucket, make_index: MakeIndex, size: int) -> None:
    """The limit maxResults may be 1, and may be 500."""
    bucket = make_bucket()
    make_index(bucket)
    assert len(bucket.call("ListIndexes", maxResults=size)["indexes"]) == 1


@pytest.mark.parametrize("size", [-1, 0, 501])
@requirement(
    "list-indexes.page-size",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.maxResults.min-1 ListIndexes.maxResults.max+1 ListIndexes!ValidationException",
)
def test_a_page_of_no_or_too_many_results_is_refused(
    refused: Refused, make_bucket: MakeBucket, size: int
) -> None:
    """The limit maxResults is from 1 to 500."""
    refused("ListIndexes", make_bucket().address, maxResults=size, code="ValidationException")


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "list-indexes.prefix-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.prefix.min ListIndexes.prefix.max",
)
def test_a_prefix_may_have_1_to_63_characters(
    make_bucket: MakeBucket, make_index: MakeIndex, length: int
) -> None:
    """A prefix may have 1 character, and may have 63, as the name of an index may."""
    bucket = make_bucket()
    make_index(bucket, name="a" * 63)
    assert len(bucket.call("ListIndexes", prefix="a" * length)["indexes"]) == 1


@pytest.mark.parametrize("length", [0, 64])
@requirement(
    "list-indexes.prefix-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.prefix.min-1 ListIndexes.prefix.max+1",
)
def test_an_empty_or_overlong_prefix_is_refused(
    refused: Refused, make_bucket: MakeBucket, length: int
) -> None:
    """A prefix has 1 to 63 characters."""
    refused("ListIndexes", make_bucket().address, prefix="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [0, 513])
@requirement(
    "list-indexes.token-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.nextToken.min-1 ListIndexes.nextToken.max+1",
)
def test_an_empty_or_overlong_token_is_refused(
    refused: Refused, make_bucket: MakeBucket, length: int
) -> None:
    """A token has 1 to 512 characters."""
    refused("ListIndexes", make_bucket().address, nextToken="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [1, 512])
@requirement(
    "list-indexes.token-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.nextToken.min ListIndexes.nextToken.max",
)
def test_a_token_may_have_1_to_512_characters(client: Any, make_bucket: MakeBucket, length: int) -> None:
    """A token of 1 or of 512 characters is not refused for its length."""
    members = {**make_bucket().address, "nextToken": "a" * length}
    assert not is_length_to_blame(outcome(client, "ListIndexes", members))


@requirement("list-indexes.bad-token", level="may", evidence="inferred", source=sources.api("ListIndexes"))
def test_a_token_that_nobody_gave_is_refused(refused: Refused, shelf: Bucket) -> None:
    """A token that no answer gave is refused, rather than taken for the start."""
    refused("ListIndexes", shelf.address, nextToken="bm90LWEtdG9rZW4", code="ValidationException")


@requirement(
    "list-indexes.token-of-another-bucket",
    level="may",
    evidence="inferred",
    source=sources.api("ListIndexes"),
)
def test_a_token_of_another_bucket_shows_nothing_of_that(
    client: Any, shelf: Bucket, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """A token that another bucket's list gave leads to no index of that bucket."""
    bucket = make_bucket()
    make_index(bucket, name="own")
    token = shelf.call("ListIndexes", maxResults=1)["nextToken"]
    if outcome(client, "ListIndexes", {**bucket.address, "nextToken": token}) is None:
        listed = bucket.call("ListIndexes", nextToken=token)["indexes"]
        assert {each["indexName"] for each in listed} <= {"own"}


@requirement("list-indexes.new-at-once", level="must", evidence="recorded", source=sources.S3MOCK_INDEXES)
def test_a_list_follows_creation_and_deletion(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """An index is in the list as soon as it is created, and not any more once it is deleted."""
    bucket = make_bucket()
    index = make_index(bucket)
    created = pages(client, "ListIndexes", **bucket.address)
    index.remove()
    assert (created, pages(client, "ListIndexes", **bucket.address)) == ([[index.name]], [[]])
