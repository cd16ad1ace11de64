"""ListIndexes: the indexes of one bucket, with prefixes and pages."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.conformance_kit.shared_indexes import ShareIndex
from vecgate.resources.handles import BucketHandle, IndexHandle, MakeBucket, MakeIndex

from .calls import call_error, check_lengths_are_valid, describe_index, list_pages, unmodelled_members

NAMES = ("films-1", "films-2", "films-3", "songs")


def build_indexes(make_index: MakeIndex) -> IndexHandle:
    """Create the indexes NAMES and return the last."""
    return [make_index(name=name) for name in NAMES][-1]


@pytest.fixture
def bucket_of_four(client: Any, share_index: ShareIndex) -> BucketHandle:
    """A bucket with the indexes NAMES, which most of these tests read."""
    return BucketHandle(client, share_index(build_indexes).bucket, "")


@pytest.fixture
def own_bucket_of_four(make_bucket: MakeBucket, make_index: MakeIndex) -> BucketHandle:
    """The same for a test that deletes an index."""
    bucket = make_bucket()
    build_indexes(partial(make_index, bucket))
    return bucket


@requirement(
    "list-indexes.summary",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes>indexes ListIndexes>indexes.vectorBucketName ListIndexes>indexes.indexName "
    "ListIndexes>indexes.indexArn ListIndexes>indexes.creationTime",
)
def test_an_index_is_listed_with_names_arn_and_time(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """ListIndexes returns names, ARN and creationTime as GetIndex does, and nothing else."""
    bucket = make_bucket()
    shown = describe_index(client, make_index(bucket))
    summary = ("vectorBucketName", "indexName", "indexArn", "creationTime")
    assert bucket.call("ListIndexes")["indexes"] == [{name: shown[name] for name in summary}]


@requirement(
    "list-indexes.only-modelled-members", kind="effect", evidence="model", source=sources.MODEL, needs="raw"
)
def test_the_answer_has_only_modelled_members(
    raw: RawClient, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """The answer of ListIndexes has no member that the model does not have: no metric, mode or encryption."""
    bucket = make_bucket()
    make_index(bucket)
    answer = raw("/ListIndexes", bucket.address)
    assert answer.status == 200
    assert unmodelled_members("ListIndexes", answer.json) == []


@requirement("list-indexes.of-one-bucket", kind="effect", evidence="recorded", source=sources.MOTO_INDEXES)
def test_only_the_indexes_of_the_bucket_are_listed(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """ListIndexes returns only indexes of the given bucket."""
    bucket, other = make_bucket(), make_bucket()
    make_index(bucket, name="here")
    make_index(other, name="there")
    assert list_pages(client, "ListIndexes", vectorBucketName=bucket.name) == [["here"]]


@pytest.mark.parametrize("prefix", ["films-", "films-1", "s", "f", "ilms", "songs-"])
@requirement("list-indexes.prefix", kind="effect", evidence="recorded", source=sources.S3MOCK_INDEXES)
def test_a_prefix_selects_the_names_that_start_with_it(bucket_of_four: BucketHandle, prefix: str) -> None:
    """A prefix selects exactly the indexes whose names start with it."""
    listed = bucket_of_four.call("ListIndexes", prefix=prefix)["indexes"]
    assert {each["indexName"] for each in listed} == {name for name in NAMES if name.startswith(prefix)}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@requirement(
    "list-indexes.pages",
    kind="effect",
    evidence="documented",
    source=sources.api("ListIndexes"),
    covers="ListIndexes>nextToken",
)
def test_pages_are_complete_and_disjoint(client: Any, bucket_of_four: BucketHandle, size: int) -> None:
    """The pages together contain every index once, and none has more than maxResults entries."""
    found = list_pages(client, "ListIndexes", **bucket_of_four.address, maxResults=size)
    assert sorted(name for page in found for name in page) == sorted(NAMES)
    assert max(len(page) for page in found) <= size


@requirement(
    "list-indexes.pages-of-a-prefix",
    kind="effect",
    evidence="documented",
    source=sources.api("ListIndexes"),
)
def test_a_prefix_applies_to_all_pages(client: Any, bucket_of_four: BucketHandle) -> None:
    """The pages of a list with a prefix contain exactly the indexes with this prefix."""
    found = list_pages(client, "ListIndexes", **bucket_of_four.address, maxResults=2, prefix="films")
    assert sorted(name for page in found for name in page) == ["films-1", "films-2", "films-3"]


@pytest.mark.parametrize("size", [2, 4])
@requirement("list-indexes.last-page", kind="open", evidence="inferred", source=sources.api("ListIndexes"))
def test_a_full_last_page_has_no_token(client: Any, bucket_of_four: BucketHandle, size: int) -> None:
    """A last page with exactly maxResults entries has no token: no page is empty."""
    found = list_pages(client, "ListIndexes", **bucket_of_four.address, maxResults=size)
    assert [len(page) for page in found] == [size] * (4 // size)


@requirement(
    "list-indexes.default-page", kind="effect", evidence="documented", source=sources.api("ListIndexes")
)
def test_a_few_indexes_fit_one_page(bucket_of_four: BucketHandle) -> None:
    """Without maxResults, a few indexes come in one page without a token."""
    answer = bucket_of_four.call("ListIndexes")
    assert {each["indexName"] for each in answer["indexes"]} == set(NAMES)
    assert not answer.get("nextToken")


@requirement(
    "list-indexes.deleted-between-pages",
    kind="open",
    evidence="inferred",
    source=sources.api("ListIndexes"),
)
def test_an_index_deleted_between_pages_hides_no_other(client: Any, own_bucket_of_four: BucketHandle) -> None:
    """Deleting an index of the first page does not make the second page omit another index."""
    first = own_bucket_of_four.call("ListIndexes", maxResults=2)
    listed = {each["indexName"] for each in first["indexes"]}
    client.delete_index(**own_bucket_of_four.address, indexName=min(listed))
    second = own_bucket_of_four.call("ListIndexes", maxResults=2, nextToken=first["nextToken"])
    assert listed | {each["indexName"] for each in second["indexes"]} == set(NAMES)


@pytest.mark.parametrize("size", [1, 500])
@requirement(
    "list-indexes.page-size-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.maxResults.min ListIndexes.maxResults.max",
)
def test_a_page_may_have_1_to_500_results(make_bucket: MakeBucket, make_index: MakeIndex, size: int) -> None:
    """The limit maxResults may be 1 or 500."""
    bucket = make_bucket()
    make_index(bucket)
    assert len(bucket.call("ListIndexes", maxResults=size)["indexes"]) == 1


@pytest.mark.parametrize("size", [-1, 0, 501])
@requirement(
    "list-indexes.page-size",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.maxResults.min-1 ListIndexes.maxResults.max+1 ListIndexes!ValidationException",
)
def test_a_page_of_no_or_too_many_results_is_rejected(
    expect_error: ErrorExpectation, some_bucket: BucketHandle, size: int
) -> None:
    """The limit maxResults must be from 1 to 500."""
    expect_error("ListIndexes", some_bucket.address, maxResults=size, code="ValidationException")


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "list-indexes.prefix-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.prefix.min ListIndexes.prefix.max",
)
def test_a_prefix_may_have_1_to_63_characters(
    make_bucket: MakeBucket, make_index: MakeIndex, length: int
) -> None:
    """A prefix may have 1 or 63 characters."""
    bucket = make_bucket()
    make_index(bucket, name="a" * 63)
    assert len(bucket.call("ListIndexes", prefix="a" * length)["indexes"]) == 1


@pytest.mark.parametrize("length", [0, 64])
@requirement(
    "list-indexes.prefix-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.prefix.min-1 ListIndexes.prefix.max+1",
)
def test_an_empty_or_overlong_prefix_is_rejected(
    expect_error: ErrorExpectation, some_bucket: BucketHandle, length: int
) -> None:
    """A prefix must have 1 to 63 characters."""
    expect_error("ListIndexes", some_bucket.address, prefix="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [0, 513])
@requirement(
    "list-indexes.token-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.nextToken.min-1 ListIndexes.nextToken.max+1",
)
def test_an_empty_or_overlong_token_is_rejected(
    expect_error: ErrorExpectation, some_bucket: BucketHandle, length: int
) -> None:
    """A token must have 1 to 512 characters."""
    expect_error("ListIndexes", some_bucket.address, nextToken="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [1, 512])
@requirement(
    "list-indexes.token-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListIndexes.nextToken.min ListIndexes.nextToken.max",
)
def test_a_token_may_have_1_to_512_characters(client: Any, some_bucket: BucketHandle, length: int) -> None:
    """A token of 1 or 512 characters is not rejected because of its length."""
    members = {**some_bucket.address, "nextToken": "a" * length}
    check_lengths_are_valid(client, "ListIndexes", members)


@requirement("list-indexes.bad-token", kind="open", evidence="inferred", source=sources.api("ListIndexes"))
def test_an_unknown_token_is_rejected(expect_error: ErrorExpectation, bucket_of_four: BucketHandle) -> None:
    """A token that no answer contained is rejected; it does not mean the first page."""
    expect_error(
        "ListIndexes", bucket_of_four.address, nextToken="bm90LWEtdG9rZW4", code="ValidationException"
    )


@requirement(
    "list-indexes.token-of-another-bucket",
    kind="open",
    evidence="inferred",
    source=sources.api("ListIndexes"),
)
def test_a_token_of_another_bucket_shows_no_foreign_index(
    client: Any, bucket_of_four: BucketHandle, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """With a token from the list of another bucket, no index of that bucket is returned."""
    bucket = make_bucket()
    make_index(bucket, name="own")
    token = bucket_of_four.call("ListIndexes", maxResults=1)["nextToken"]
    if call_error(client, "ListIndexes", {**bucket.address, "nextToken": token}) is None:
        listed = bucket.call("ListIndexes", nextToken=token)["indexes"]
        assert {each["indexName"] for each in listed} <= {"own"}


@requirement("list-indexes.new-at-once", kind="effect", evidence="recorded", source=sources.S3MOCK_INDEXES)
def test_a_list_follows_creation_and_deletion(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """An index is listed as soon as it is created, and no longer once it is deleted."""
    bucket = make_bucket()
    index = make_index(bucket)
    created = list_pages(client, "ListIndexes", **bucket.address)
    index.remove()
    assert (created, list_pages(client, "ListIndexes", **bucket.address)) == ([[index.name]], [[]])
