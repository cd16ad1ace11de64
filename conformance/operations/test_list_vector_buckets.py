"""ListVectorBuckets: prefixes and pages. Accounts are shared, so no test relies on buckets of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket
from vecgate.resources.resource_factory import ResourceFactory

from .calls import check_lengths_are_valid, describe_bucket, list_pages, pad_name, unmodelled_members

#: Creates a number of buckets whose names share a unique prefix, and returns the prefix and the names.
MakeBuckets: TypeAlias = Callable[[int], tuple[str, set[str]]]


@pytest.fixture
def make_buckets(resources: ResourceFactory) -> MakeBuckets:
    """Creates buckets whose names share a unique prefix, and returns the prefix and the names."""

    def make(number: int) -> tuple[str, set[str]]:
        prefix = f"{resources.new_name()}-"
        names = {f"{prefix}{position}" for position in range(number)}
        for name in sorted(names):
            resources.make_bucket(name)
        return prefix, names

    return make


@requirement(
    "list-vector-buckets.summary",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets>vectorBuckets ListVectorBuckets>vectorBuckets.vectorBucketName "
    "ListVectorBuckets>vectorBuckets.vectorBucketArn ListVectorBuckets>vectorBuckets.creationTime",
)
def test_a_bucket_is_listed_with_name_arn_and_time(client: Any, make_bucket: MakeBucket) -> None:
    """ListVectorBuckets returns name, ARN and creationTime as GetVectorBucket does, and nothing else."""
    bucket = make_bucket()
    shown = describe_bucket(client, bucket.name)
    summary = {name: shown[name] for name in ("vectorBucketName", "vectorBucketArn", "creationTime")}
    listed = client.list_vector_buckets(prefix=bucket.name)["vectorBuckets"]
    assert [each for each in listed if each["vectorBucketName"] == bucket.name] == [summary]


@requirement(
    "list-vector-buckets.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_has_only_modelled_members(raw: RawClient, make_bucket: MakeBucket) -> None:
    """The answer of ListVectorBuckets has no member that the model does not have."""
    answer = raw("/ListVectorBuckets", {"prefix": make_bucket().name})
    assert answer.status == 200
    assert unmodelled_members("ListVectorBuckets", answer.json) == []


@requirement("list-vector-buckets.prefix", kind="effect", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_a_prefix_selects_the_names_that_start_with_it(client: Any, make_buckets: MakeBuckets) -> None:
    """A prefix selects exactly the buckets whose names start with it."""
    prefix, names = make_buckets(2)
    other, _ = make_buckets(1)
    assert other != prefix
    listed = client.list_vector_buckets(prefix=prefix)["vectorBuckets"]
    assert {each["vectorBucketName"] for each in listed} == names


@requirement(
    "list-vector-buckets.prefix-of-nothing", kind="effect", evidence="recorded", source=sources.MOTO_BUCKETS
)
def test_an_unknown_prefix_gives_an_empty_list(client: Any, new_name: Callable[[], str]) -> None:
    """A prefix that no name starts with gives an empty list without a token."""
    answer = client.list_vector_buckets(prefix=new_name())
    assert answer["vectorBuckets"] == []
    assert not answer.get("nextToken")


@requirement(
    "list-vector-buckets.prefix-is-a-start", kind="effect", evidence="recorded", source=sources.MOTO_BUCKETS
)
def test_a_prefix_matches_only_the_start_of_a_name(client: Any, make_bucket: MakeBucket) -> None:
    """A prefix that occurs in a name, but not at its start, does not select it."""
    bucket = make_bucket()
    listed = client.list_vector_buckets(prefix=bucket.name[1:])["vectorBuckets"]
    assert bucket.name not in {each["vectorBucketName"] for each in listed}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@requirement(
    "list-vector-buckets.pages",
    kind="effect",
    evidence="documented",
    source=sources.api("ListVectorBuckets"),
    covers="ListVectorBuckets>nextToken",
)
def test_pages_are_complete_and_disjoint(client: Any, make_buckets: MakeBuckets, size: int) -> None:
    """The pages together contain every bucket once, and none has more than maxResults entries."""
    prefix, names = make_buckets(4)
    found = list_pages(client, "ListVectorBuckets", prefix=prefix, maxResults=size)
    # Whether the list has foreign names, too, is a matter of the prefix.
    assert sorted(name for page in found for name in page if name in names) == sorted(names)
    assert max(len(page) for page in found) <= size


@pytest.mark.parametrize("size", [2, 4])
@requirement(
    "list-vector-buckets.last-page",
    kind="open",
    evidence="inferred",
    source=sources.api("ListVectorBuckets"),
)
def test_a_full_last_page_has_no_token(client: Any, make_buckets: MakeBuckets, size: int) -> None:
    """A last page with exactly maxResults entries has no token: no page is empty."""
    prefix, _ = make_buckets(4)
    assert [
        len(page) for page in list_pages(client, "ListVectorBuckets", prefix=prefix, maxResults=size)
    ] == [size] * (4 // size)


@requirement(
    "list-vector-buckets.default-page",
    kind="effect",
    evidence="documented",
    source=sources.api("ListVectorBuckets"),
)
def test_a_few_buckets_fit_one_page(client: Any, make_buckets: MakeBuckets) -> None:
    """Without maxResults, a few buckets come in one page without a token."""
    prefix, names = make_buckets(3)
    answer = client.list_vector_buckets(prefix=prefix)
    listed = {each["vectorBucketName"] for each in answer["vectorBuckets"]}
    assert names <= listed
    assert listed > names or not answer.get("nextToken")


@pytest.mark.parametrize("size", [1, 500])
@requirement(
    "list-vector-buckets.page-size-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.maxResults.min ListVectorBuckets.maxResults.max",
)
def test_a_page_may_have_1_to_500_results(client: Any, make_bucket: MakeBucket, size: int) -> None:
    """The limit maxResults may be 1 or 500."""
    listed = client.list_vector_buckets(prefix=make_bucket().name, maxResults=size)["vectorBuckets"]
    assert len(listed) == 1


@pytest.mark.parametrize("size", [-1, 0, 501])
@requirement(
    "list-vector-buckets.page-size",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.maxResults.min-1 ListVectorBuckets.maxResults.max+1 "
    "ListVectorBuckets!ValidationException",
)
def test_a_page_of_no_or_too_many_results_is_rejected(expect_error: ErrorExpectation, size: int) -> None:
    """The limit maxResults must be from 1 to 500."""
    expect_error("ListVectorBuckets", maxResults=size, code="ValidationException")


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "list-vector-buckets.prefix-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.prefix.min ListVectorBuckets.prefix.max",
)
def test_a_prefix_may_have_1_to_63_characters(client: Any, make_bucket: MakeBucket, length: int) -> None:
    """A prefix may have 1 or 63 characters."""
    prefix = pad_name(make_bucket().name, 63)[:length]
    listed = client.list_vector_buckets(prefix=prefix)["vectorBuckets"]
    assert bool(listed) == (length == 1)


@pytest.mark.parametrize("length", [0, 64])
@requirement(
    "list-vector-buckets.prefix-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.prefix.min-1 ListVectorBuckets.prefix.max+1",
)
def test_an_empty_or_overlong_prefix_is_rejected(expect_error: ErrorExpectation, length: int) -> None:
    """A prefix must have 1 to 63 characters."""
    expect_error("ListVectorBuckets", prefix="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [0, 513])
@requirement(
    "list-vector-buckets.token-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.nextToken.min-1 ListVectorBuckets.nextToken.max+1",
)
def test_an_empty_or_overlong_token_is_rejected(expect_error: ErrorExpectation, length: int) -> None:
    """A token must have 1 to 512 characters."""
    expect_error("ListVectorBuckets", nextToken="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [1, 512])
@requirement(
    "list-vector-buckets.token-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.nextToken.min ListVectorBuckets.nextToken.max",
)
def test_a_token_may_have_1_to_512_characters(client: Any, length: int) -> None:
    """A token of 1 or 512 characters is not rejected because of its length."""
    members = {"maxResults": 1, "nextToken": "a" * length}
    check_lengths_are_valid(client, "ListVectorBuckets", members)


@requirement(
    "list-vector-buckets.bad-token",
    kind="open",
    evidence="inferred",
    source=sources.api("ListVectorBuckets"),
)
def test_an_unknown_token_is_rejected(expect_error: ErrorExpectation) -> None:
    """A token that no answer contained is rejected; it does not mean the first page."""
    expect_error("ListVectorBuckets", nextToken="bm90LWEtdG9rZW4", code="ValidationException")


@requirement(
    "list-vector-buckets.new-at-once", kind="effect", evidence="recorded", source=sources.S3MOCK_BUCKETS
)
def test_a_new_bucket_is_listed_at_once(client: Any, make_buckets: MakeBuckets) -> None:
    """A bucket is in the list as soon as CreateVectorBucket has answered."""
    prefix, names = make_buckets(1)
    assert list_pages(client, "ListVectorBuckets", prefix=prefix) == [list(names)]
