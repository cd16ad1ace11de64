"""CreateVectorBucket: names, what a new bucket is like, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket, Resources

from .asking import bucket_shown, is_length_to_blame, outcome, padded, unmodelled

TAKEN = "A vector bucket with the specified name already exists"


@requirement(
    "create-vector-bucket.arn",
    level="must",
    evidence="documented",
    source=sources.api("CreateVectorBucket"),
    covers="CreateVectorBucket>vectorBucketArn",
)
def test_the_answer_holds_the_arn(client: Any, new_name: Callable[[], str]) -> None:
    """CreateVectorBucket answers with the ARN of the new bucket, which ends in its name."""
    name = new_name()
    arn = client.create_vector_bucket(vectorBucketName=name)["vectorBucketArn"]
    assert arn.split(":")[2] == "s3vectors"
    assert arn.split(":")[5] == f"bucket/{name}"


@requirement(
    "create-vector-bucket.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_holds_nothing_else(raw: RawClient, new_name: Callable[[], str]) -> None:
    """The answer of CreateVectorBucket has no member that the model does not know."""
    answer = raw("/CreateVectorBucket", {"vectorBucketName": new_name()})
    assert answer.status == 200
    assert unmodelled("CreateVectorBucket", answer.json) == []


@requirement(
    "create-vector-bucket.name-required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="CreateVectorBucket.vectorBucketName.required CreateVectorBucket!ValidationException",
)
def test_a_bucket_needs_a_name(refused: Refused) -> None:
    """CreateVectorBucket without a name is refused."""
    refused("CreateVectorBucket", code="ValidationException")


@pytest.mark.parametrize("length", [1, 2, 64, 255])
@requirement(
    "create-vector-bucket.name-length",
    level="must",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    covers="CreateVectorBucket.vectorBucketName.min-1 CreateVectorBucket.vectorBucketName.max+1",
)
def test_a_name_too_short_or_too_long_is_refused(refused: Refused, length: int) -> None:
    """The name of a vector bucket has 3 to 63 characters."""
    refused("CreateVectorBucket", vectorBucketName="a" * length, code="ValidationException")


@pytest.mark.parametrize("length", [2, 64])
@requirement(
    "create-vector-bucket.name-length-message",
    level="should",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
)
def test_the_refusal_tells_the_length(refused: Refused, length: int) -> None:
    """The sentence that refuses a name for its length tells the length and what is allowed."""
    refused(
        "CreateVectorBucket",
        vectorBucketName="a" * length,
        code="ValidationException",
        message=f"1 validation error detected. Value with length {length} at '/vectorBucketName' failed to "
        "satisfy constraint: Member must have length between 3 and 63, inclusive",
    )


@requirement(
    "create-vector-bucket.shortest-name",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="CreateVectorBucket.vectorBucketName.min",
)
def test_a_name_may_have_3_characters(client: Any, new_name: Callable[[], str]) -> None:
    """A name of 3 characters is none that is too short."""
    # Refused for its encryption: no bucket is made whose name does not tell whose it is.
    name = new_name()[-3:].replace("-", "x")
    members = {"vectorBucketName": name, "encryptionConfiguration": {"sseType": "aws:kms"}}
    assert not is_length_to_blame(outcome(client, "CreateVectorBucket", members))


@requirement(
    "create-vector-bucket.longest-name",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="CreateVectorBucket.vectorBucketName.max",
)
def test_a_name_may_have_63_characters(client: Any, resources: Resources) -> None:
    """A name may have 63 characters, and reads back whole."""
    bucket = resources.make_bucket(padded(resources.new_name(), 63))
    assert bucket_shown(client, bucket.name)["vectorBucketName"] == bucket.name


#: What is wrong to a name that has it.
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
    "create-vector-bucket.name-characters", level="must", evidence="documented", source=sources.BUCKET_NAMES
)
def test_a_name_of_other_characters_is_refused(refused: Refused, fault: str) -> None:
    """A name has lower-case letters, digits and hyphens, and starts and ends with a letter or digit."""
    refused("CreateVectorBucket", vectorBucketName=BAD_NAMES[fault], code="ValidationException")


@requirement(
    "create-vector-bucket.name-with-a-dot", level="should", evidence="documented", source=sources.BUCKET_NAMES
)
def test_a_name_with_a_dot_is_refused(refused: Refused) -> None:
    """The name of a vector bucket has no dot, though the pattern of its ARN would let one through."""
    refused("CreateVectorBucket", vectorBucketName="with.dot", code="ValidationException")


@pytest.mark.parametrize("fault", ["underscore", "ampersand"])
@requirement(
    "create-vector-bucket.name-characters-message",
    level="should",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
)
def test_the_refusal_of_a_character_has_a_sentence_of_its_own(refused: Refused, fault: str) -> None:
    """A name with a character that is not allowed is refused as `Invalid vector bucket name`."""
    refused(
        "CreateVectorBucket",
        vectorBucketName=BAD_NAMES[fault],
        code="ValidationException",
        message="Invalid vector bucket name",
    )


@pytest.mark.parametrize("ending", ["-0", "-a--b", "-007"])
@requirement(
    "create-vector-bucket.name-allowed", level="must", evidence="documented", source=sources.BUCKET_NAMES
)
def test_letters_digits_and_inner_hyphens_make_a_name(resources: Resources, ending: str) -> None:
    """Lower-case letters, digits and hyphens inside are allowed in a name, in any mixture."""
    assert resources.make_bucket(resources.new_name() + ending).arn.endswith(ending)


@requirement(
    "create-vector-bucket.twice",
    level="must",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    covers="CreateVectorBucket!ConflictException",
)
def test_a_name_is_given_once(refused: Refused, make_bucket: MakeBucket) -> None:
    """CreateVectorBucket with the name of a bucket that is there is refused with ConflictException."""
    refused("CreateVectorBucket", vectorBucketName=make_bucket().name, code="ConflictException")


@requirement(
    "create-vector-bucket.twice-message", level="should", evidence="recorded", source=sources.MOTO_BUCKETS
)
def test_the_refusal_of_a_second_bucket_says_that_there_is_one(
    refused: Refused, make_bucket: MakeBucket
) -> None:
    """The second CreateVectorBucket of a name is refused with the sentence that says so."""
    refused(
        "CreateVectorBucket", vectorBucketName=make_bucket().name, code="ConflictException", message=TAKEN
    )


@requirement(
    "create-vector-bucket.twice-changes-nothing",
    level="must",
    evidence="inferred",
    source=sources.api("CreateVectorBucket"),
)
def test_a_refused_second_creation_changes_nothing(
    client: Any, refused: Refused, make_bucket: MakeBucket, make_index: Any
) -> None:
    """A bucket, and what is in it, is as before after its name was asked for again."""
    bucket = make_bucket()
    index = make_index(bucket)
    before = bucket_shown(client, bucket.name)
    refused("CreateVectorBucket", vectorBucketName=bucket.name, code="ConflictException")
    assert bucket_shown(client, bucket.name) == before
    assert [each["indexName"] for each in bucket.call("ListIndexes")["indexes"]] == [index.name]


@requirement(
    "create-vector-bucket.starts-empty",
    level="must",
    evidence="inferred",
    source=sources.api("CreateVectorBucket"),
)
def test_a_new_bucket_has_no_indexes(make_bucket: MakeBucket) -> None:
    """ListIndexes on a new bucket is an empty list without a token."""
    answer = make_bucket().call("ListIndexes")
    assert answer["indexes"] == []
    assert not answer.get("nextToken")


@requirement(
    "create-vector-bucket.default-mode",
    level="must",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="modes",
    covers="GetVectorBucket>vectorBucket.defaultIndexMode",
)
def test_a_new_bucket_is_enhanced(client: Any, make_bucket: MakeBucket) -> None:
    """The default index mode of a new bucket is ENHANCED."""
    assert bucket_shown(client, make_bucket().name)["defaultIndexMode"] == "ENHANCED"
