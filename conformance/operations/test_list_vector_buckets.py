"""ListVectorBuckets: by prefix and by pages. Accounts are shared: nothing here looks at buckets of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket, Resources

from .asking import bucket_shown, is_length_to_blame, outcome, padded, pages, unmodelled

#: Makes buckets whose names share a prefix that no other bucket has: the prefix, and the names.
Family: TypeAlias = Callable[[int], tuple[str, set[str]]]


@pytest.fixture
def make_family(resources: Resources) -> Family:
    """Makes families of buckets, which are removed with all that a test makes."""

    def make(number: int) -> tuple[str, set[str]]:
        prefix = f"{resources.new_name()}-"
        names = {f"{prefix}{position}" for position in range(number)}
        for name in sorted(names):
            resources.make_bucket(name)
        return prefix, names

    return make


@requirement(
    "list-vector-buckets.summary",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets>vectorBuckets ListVectorBuckets>vectorBuckets.vectorBucketName "
    "ListVectorBuckets>vectorBuckets.vectorBucketArn ListVectorBuckets>vectorBuckets.creationTime",
)
def test_a_bucket_is_listed_with_name_arn_and_time(client: Any, make_bucket: MakeBucket) -> None:
    """ListVectorBuckets tells name, ARN and creationTime of a bucket as GetVectorBucket does, and no more."""
    bucket = make_bucket()
    shown = bucket_shown(client, bucket.name)
    summary = {name: shown[name] for name in ("vectorBucketName", "vectorBucketArn", "creationTime")}
    assert client.list_vector_buckets(prefix=bucket.name)["vectorBuckets"] == [summary]


@requirement(
    "list-vector-buckets.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_list_holds_nothing_else(raw: RawClient, make_bucket: MakeBucket) -> None:
    """The answer of ListVectorBuckets has no member that the model does not know."""
    answer = raw("/ListVectorBuckets", {"prefix": make_bucket().name})
    assert answer.status == 200
    assert unmodelled("ListVectorBuckets", answer.json) == []


@requirement("list-vector-buckets.prefix", level="must", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_a_prefix_selects_the_names_that_start_with_it(client: Any, make_family: Family) -> None:
    """With a prefix only buckets are listed whose names start with it, and all of these."""
    prefix, names = make_family(2)
    other, _ = make_family(1)
    assert other != prefix
    listed = client.list_vector_buckets(prefix=prefix)["vectorBuckets"]
    assert {each["vectorBucketName"] for each in listed} == names


@requirement(
    "list-vector-buckets.prefix-of-nothing", level="must", evidence="recorded", source=sources.MOTO_BUCKETS
)
def test_a_prefix_that_nothing_has_gives_an_empty_list(client: Any, new_name: Callable[[], str]) -> None:
    """A prefix that no name starts with gives an empty list without a token."""
    answer = client.list_vector_buckets(prefix=new_name())
    assert answer["vectorBuckets"] == []
    assert not answer.get("nextToken")


@requirement(
    "list-vector-buckets.prefix-is-a-start", level="must", evidence="recorded", source=sources.MOTO_BUCKETS
)
def test_what_stands_inside_a_name_is_no_prefix(client: Any, make_bucket: MakeBucket) -> None:
    """A text that stands in a name, but not at its start, does not select it."""
    bucket = make_bucket()
    listed = client.list_vector_buckets(prefix=bucket.name[1:])["vectorBuckets"]
    assert bucket.name not in {each["vectorBucketName"] for each in listed}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@requirement(
    "list-vector-buckets.pages",
    level="must",
    evidence="documented",
    source=sources.api("ListVectorBuckets"),
    covers="ListVectorBuckets>nextToken",
)
def test_pages_are_complete_and_disjoint(client: Any, make_family: Family, size: int) -> None:
    """The pages together hold every bucket once, and none holds more than maxResults."""
    prefix, names = make_family(4)
    found = pages(client, "ListVectorBuckets", prefix=prefix, maxResults=size)
    assert sorted(name for page in found for name in page) == sorted(names)
    assert max(len(page) for page in found) <= size


@pytest.mark.parametrize("size", [2, 4])
@requirement(
    "list-vector-buckets.last-page",
    level="may",
    evidence="inferred",
    source=sources.api("ListVectorBuckets"),
)
def test_a_last_page_that_is_just_full_has_no_token(client: Any, make_family: Family, size: int) -> None:
    """Where the last page is just full, it says that there is no other: no page is empty."""
    prefix, _ = make_family(4)
    assert [len(page) for page in pages(client, "ListVectorBuckets", prefix=prefix, maxResults=size)] == [
        size
    ] * (4 // size)


@requirement(
    "list-vector-buckets.default-page",
    level="must",
    evidence="documented",
    source=sources.api("ListVectorBuckets"),
)
def test_a_few_buckets_fit_one_page(client: Any, make_family: Family) -> None:
    """Without maxResults a few buckets come in one page without a token."""
    prefix, names = make_family(3)
    answer = client.list_vector_buckets(prefix=prefix)
    assert {each["vectorBucketName"] for each in answer["vectorBuckets"]} == names
    assert not answer.get("nextToken")


@pytest.mark.parametrize("size", [1, 500])
@requirement(
    "list-vector-buckets.page-size-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.maxResults.min ListVectorBuckets.maxResults.max",
)
def test_a_page_may_have_1_to_500_results(client: Any, make_bucket: MakeBucket, size: int) -> None:
    """The limit maxResults may be 1, and may be 500."""
    listed = client.list_vector_buckets(prefix=make_bucket().name, maxResults=size)["vectorBuckets"]
    assert len(listed) == 1


@pytest.mark.parametrize("size", [-1, 0, 501])
@requirement(
    "list-vector-buckets.page-size",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.maxResults.min-1 ListVectorBuckets.maxResults.max+1 "
    "ListVectorBuckets!ValidationException",
)
def test_a_page_of_no_or_too_many_results_is_refused(refused: Refused, size: int) -> None:
    """The limit maxResults is from 1 to 500."""
    refused("ListVectorBuckets", maxResults=size, code="ValidationException")


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "list-vector-buckets.prefix-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.prefix.min ListVectorBuckets.prefix.max",
)
def test_a_prefix_may_have_1_to_63_characters(client: Any, make_bucket: MakeBucket, length: int) -> None:
    """A prefix may have 1 character, and may have 63."""
    prefix = padded(make_bucket().name, 63)[:length]
    listed = client.list_vector_buckets(prefix=prefix)["vectorBuckets"]
    assert bool(listed) == (length == 1)


@pytest.mark.parametrize("length", [0, 64])
@requirement(
    "list-vector-buckets.prefix-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.prefix.min-1 ListVectorBuckets.prefix.max+1",
)
def test_an_empty_or_overlong_prefix_is_refused(refused: Refused, length: int) -> None:
    """A prefix has 1 to 63 characters."""
    refused("ListVectorBuckets", prefix="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [0, 513])
@requirement(
    "list-vector-buckets.token-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.nextToken.min-1 ListVectorBuckets.nextToken.max+1",
)
def test_an_empty_or_overlong_token_is_refused(refused: Refused, length: int) -> None:
    """A token has 1 to 512 characters."""
    refused("ListVectorBuckets", nextToken="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [1, 512])
@requirement(
    "list-vector-buckets.token-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectorBuckets.nextToken.min ListVectorBuckets.nextToken.max",
)
def test_a_token_may_have_1_to_512_characters(client: Any, length: int) -> None:
    """A token of 1 or of 512 characters is not refused for its length."""
    members = {"maxResults": 1, "nextToken": "a" * length}
    assert not is_length_to_blame(outcome(client, "ListVectorBuckets", members))


@requirement(
    "list-vector-buckets.bad-token",
    level="may",
    evidence="inferred",
    source=sources.api("ListVectorBuckets"),
)
def test_a_token_that_nobody_gave_is_refused(refused: Refused) -> None:
    """A token that no answer gave is refused, rather than taken for the start."""
    refused("ListVectorBuckets", nextToken="bm90LWEtdG9rZW4", code="ValidationException")


@requirement(
    "list-vector-buckets.new-at-once", level="must", evidence="recorded", source=sources.S3MOCK_BUCKETS
)
def test_a_new_bucket_is_listed_at_once(client: Any, make_family: Family) -> None:
    """A bucket is in the list as soon as CreateVectorBucket has answered."""
    prefix, names = make_family(1)
    assert pages(client, "ListVectorBuckets", prefix=prefix) == [list(names)]
