"""CreateVectorBucket: names, the state of a new bucket, and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket
from vecgate.resources.resource_factory import ResourceFactory

from .calls import check_lengths_are_valid, describe_bucket, list_pages, pad_name, unmodelled_members

NAME_IN_USE = "A vector bucket with the specified name already exists"


@requirement(
    "create-vector-bucket.arn",
    kind="effect",
    evidence="documented",
    source=sources.api("CreateVectorBucket"),
    covers="CreateVectorBucket>vectorBucketArn",
)
def test_the_answer_has_the_arn(client: Any, new_name: Callable[[], str]) -> None:
    """CreateVectorBucket answers with the ARN of the new bucket, which ends with its name."""
    name = new_name()
    arn = client.create_vector_bucket(vectorBucketName=name)["vectorBucketArn"]
    assert arn.split(":")[2] == "s3vectors"
    assert arn.split(":")[5] == f"bucket/{name}"


@requirement(
    "create-vector-bucket.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_has_only_modelled_members(raw: RawClient, new_name: Callable[[], str]) -> None:
    """The answer of CreateVectorBucket has no member that the model does not have."""
    answer = raw("/CreateVectorBucket", {"vectorBucketName": new_name()})
    assert answer.status == 200
    assert unmodelled_members("CreateVectorBucket", answer.json) == []


@requirement(
    "create-vector-bucket.name-required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="CreateVectorBucket.vectorBucketName.required CreateVectorBucket!ValidationException",
)
def test_a_name_is_required(expect_error: ErrorExpectation) -> None:
    """CreateVectorBucket without a name is rejected."""
    expect_error("CreateVectorBucket", code="ValidationException")


@requirement(
    "create-vector-bucket.null-name", kind="refusal", evidence="model", source=sources.MODEL, needs="raw"
)
def test_a_name_must_not_be_null(raw: RawClient) -> None:
    """CreateVectorBucket with a name that is null is rejected, as one without a name."""
    assert raw("/CreateVectorBucket", {"vectorBucketName": None}).status == 400


@requirement(
    "create-vector-bucket.null-name-breaks-nothing",
    kind="guard",
    evidence="inferred",
    source=sources.api("ListVectorBuckets"),
    needs="raw",
)
def test_a_null_name_breaks_no_list(raw: RawClient, client: Any, make_bucket: MakeBucket) -> None:
    """After a creation with a name that is null, buckets are still listed."""
    raw("/CreateVectorBucket", {"vectorBucketName": None})
    bucket = make_bucket()
    assert bucket.name in {name for page in list_pages(client, "ListVectorBuckets") for name in page}


@pytest.mark.parametrize("length", [1, 2, 64, 255])
@requirement(
    "create-vector-bucket.name-length",
    kind="refusal",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    covers="CreateVectorBucket.vectorBucketName.min-1 CreateVectorBucket.vectorBucketName.max+1",
)
def test_a_name_too_short_or_too_long_is_rejected(expect_error: ErrorExpectation, length: int) -> None:
    """The name of a vector bucket must have 3 to 63 characters."""
    expect_error("CreateVectorBucket", vectorBucketName="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [2, 64])
@requirement(
    "create-vector-bucket.name-length-message",
    kind="detail",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
)
def test_the_error_gives_the_length(expect_error: ErrorExpectation, length: int) -> None:
    """The error for the length of a name gives the length and the allowed range."""
    expect_error(
        "CreateVectorBucket",
        vectorBucketName="a" * length,
        code="ValidationException",
        message=f"1 validation error detected. Value with length {length} at '/vectorBucketName' failed to "
        "satisfy constraint: Member must have length between 3 and 63, inclusive",
    )


@requirement(
    "create-vector-bucket.shortest-name",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="CreateVectorBucket.vectorBucketName.min",
)
def test_a_name_may_have_3_characters(client: Any, new_name: Callable[[], str]) -> None:
    """A name of 3 characters is not rejected because of its length."""
    # The encryption is invalid, so that no bucket without the prefix of the run is created.
    name = new_name()[-3:].replace("-", "x")
    members = {"vectorBucketName": name, "encryptionConfiguration": {"sseType": "aws:kms"}}
    check_lengths_are_valid(client, "CreateVectorBucket", members)


@requirement(
    "create-vector-bucket.longest-name",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="CreateVectorBucket.vectorBucketName.max",
)
def test_a_name_may_have_63_characters(client: Any, resources: ResourceFactory) -> None:
    """A name may have 63 characters, and reads back unchanged."""
    bucket = resources.make_bucket(pad_name(resources.new_name(), 63))
    assert describe_bucket(client, bucket.name)["vectorBucketName"] == bucket.name


#: Invalid names, by what is wrong with them.
BAD_NAMES = {
    "underscore": "with_under_score",
    "ampersand": "special&char",
    "upper-case": "With-capitals",
    "space": "with space",
    "slash": "with/slash",
    "letter-beyond-ascii": "grün-bucket",
    "leading-hyphen": "-leading-hyphen",
    "trailing-hyphen": "trailing-hyphen-",
    "trailing-line-break": "trailing-line-break\n",
}


@pytest.mark.parametrize("fault", BAD_NAMES)
@requirement(
    "create-vector-bucket.name-characters", kind="refusal", evidence="documented", source=sources.BUCKET_NAMES
)
def test_a_name_with_invalid_characters_is_rejected(expect_error: ErrorExpectation, fault: str) -> None:
    """A name has lower-case letters, digits and hyphens, and starts and ends with a letter or digit."""
    expect_error("CreateVectorBucket", vectorBucketName=BAD_NAMES[fault], code="ValidationException")


@requirement(
    "create-vector-bucket.name-with-a-dot", kind="refusal", evidence="documented", source=sources.BUCKET_NAMES
)
def test_a_name_with_a_dot_is_rejected(expect_error: ErrorExpectation) -> None:
    """The name of a vector bucket must not contain a dot, although the pattern of its ARN allows one."""
    expect_error("CreateVectorBucket", vectorBucketName="with.dot", code="ValidationException")


@pytest.mark.parametrize("fault", ["underscore", "ampersand"])
@requirement(
    "create-vector-bucket.name-characters-message",
    kind="detail",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
)
def test_the_error_of_an_invalid_character(expect_error: ErrorExpectation, fault: str) -> None:
    """The error for a name with an invalid character is `Invalid vector bucket name`."""
    expect_error(
        "CreateVectorBucket",
        vectorBucketName=BAD_NAMES[fault],
        code="ValidationException",
        message="Invalid vector bucket name",
    )


@pytest.mark.parametrize("ending", ["-0", "-a--b", "-007"])
@requirement(
    "create-vector-bucket.name-allowed", kind="effect", evidence="documented", source=sources.BUCKET_NAMES
)
def test_names_of_letters_digits_and_inner_hyphens_are_accepted(
    resources: ResourceFactory, ending: str
) -> None:
    """A name may contain lower-case letters, digits and inner hyphens in any combination."""
    assert resources.make_bucket(resources.new_name() + ending).arn.endswith(ending)


@requirement(
    "create-vector-bucket.twice",
    kind="effect",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    covers="CreateVectorBucket!ConflictException",
)
def test_a_name_in_use_is_rejected(expect_error: ErrorExpectation, make_bucket: MakeBucket) -> None:
    """CreateVectorBucket with the name of an existing bucket is rejected with ConflictException."""
    expect_error("CreateVectorBucket", vectorBucketName=make_bucket().name, code="ConflictException")


@requirement(
    "create-vector-bucket.twice-message", kind="detail", evidence="recorded", source=sources.MOTO_BUCKETS
)
def test_the_error_of_a_name_in_use(expect_error: ErrorExpectation, make_bucket: MakeBucket) -> None:
    """The error for the name of an existing bucket says that the bucket exists."""
    expect_error(
        "CreateVectorBucket",
        vectorBucketName=make_bucket().name,
        code="ConflictException",
        message=NAME_IN_USE,
    )


@requirement(
    "create-vector-bucket.twice-changes-nothing",
    kind="guard",
    evidence="inferred",
    source=sources.api("CreateVectorBucket"),
)
def test_a_rejected_second_creation_changes_nothing(
    client: Any, expect_error: ErrorExpectation, make_bucket: MakeBucket, make_index: Any
) -> None:
    """A second CreateVectorBucket of the same name changes neither the existing bucket nor its contents."""
    bucket = make_bucket()
    index = make_index(bucket)
    before = describe_bucket(client, bucket.name)
    expect_error.is_refused("CreateVectorBucket", vectorBucketName=bucket.name)
    assert describe_bucket(client, bucket.name) == before
    assert [each["indexName"] for each in bucket.call("ListIndexes")["indexes"]] == [index.name]


@requirement(
    "create-vector-bucket.starts-empty",
    kind="guard",
    evidence="inferred",
    source=sources.api("CreateVectorBucket"),
)
def test_a_new_bucket_has_no_indexes(make_bucket: MakeBucket) -> None:
    """ListIndexes of a new bucket returns an empty list without a token."""
    answer = make_bucket().call("ListIndexes")
    assert answer["indexes"] == []
    assert not answer.get("nextToken")


@requirement(
    "create-vector-bucket.default-mode",
    kind="effect",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="modes",
    covers="GetVectorBucket>vectorBucket.defaultIndexMode",
)
def test_a_new_bucket_is_enhanced(client: Any, make_bucket: MakeBucket) -> None:
    """The default index mode of a new bucket is ENHANCED."""
    assert describe_bucket(client, make_bucket().name)["defaultIndexMode"] == "ENHANCED"
