from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket"
NOT_FOUND = "The specified vector bucket could not be found"
KMS = "arn:aws:kms:us-east-1:111122223333:key/1234"


def names(response: dict[str, Any]) -> list[str]:
    return [each["vectorBucketName"] for each in response["vectorBuckets"]]


@pytest.mark.parametrize("address", [{"vectorBucketName": "bucket"}, {"vectorBucketArn": ARN}])
def test_a_bucket_reads_back_by_name_and_by_arn(service: Service, address: dict[str, str]) -> None:
    """Name, ARN, whole epoch seconds, and by default AES256 and ENHANCED."""
    assert service("CreateVectorBucket", vectorBucketName="bucket") == {"vectorBucketArn": ARN}
    assert service("GetVectorBucket", **address) == {
        "vectorBucket": {
            "vectorBucketName": "bucket",
            "vectorBucketArn": ARN,
            "creationTime": 1_800_000_000,
            "encryptionConfiguration": {"sseType": "AES256"},
            "defaultIndexMode": "ENHANCED",
        }
    }


def test_a_second_bucket_of_the_same_name_is_a_conflict(service: Service) -> None:
    """409 with the service's message."""
    service.bucket()
    error = service.error("CreateVectorBucket", vectorBucketName="bucket")
    assert (error.status, error.code) == (409, "ConflictException")
    assert error.message == "A vector bucket with the specified name already exists"


@pytest.mark.parametrize(
    "name", ["with_under_score", "special&char", "Upper", "dotted.name", "-ab", "ab-", "a\nb", "aé1"]
)
@pytest.mark.parametrize("operation", ["CreateVectorBucket", "GetVectorBucket", "ListIndexes"])
def test_a_bucket_name_contains_only_lower_case_letters_digits_and_hyphens(
    service: Service, operation: str, name: str
) -> None:
    """It begins and ends with a letter or a digit."""
    error = service.error(operation, vectorBucketName=name)
    assert (error.status, error.message) == (400, "Invalid vector bucket name")


@pytest.mark.parametrize("name", ["abc", "a" * 63, "0-9", "a--b"])
def test_a_valid_bucket_name_is_accepted(service: Service, name: str) -> None:
    """3 to 63 characters."""
    service("CreateVectorBucket", vectorBucketName=name)


@pytest.mark.parametrize("operation", ["GetVectorBucket", "DeleteVectorBucket", "ListIndexes"])
@pytest.mark.parametrize("address", [{}, {"vectorBucketName": "bucket", "vectorBucketArn": ARN}])
def test_a_bucket_is_named_in_exactly_one_way(
    service: Service, operation: str, address: dict[str, str]
) -> None:
    """Neither and both are refused, whether or not the bucket exists."""
    error = service.error(operation, **address)
    assert (error.status, error.code) == (400, "ValidationException")
    assert error.message == "Must specify either vectorBucketName or vectorBucketArn but not both"


@pytest.mark.parametrize("operation", ["GetVectorBucket", "DeleteVectorBucket", "ListIndexes"])
@pytest.mark.parametrize(
    "address",
    [
        {"vectorBucketName": "other"},
        {"vectorBucketArn": ARN.replace("bucket/bucket", "bucket/other")},
        {"vectorBucketArn": ARN.replace("us-east-1", "eu-west-1")},
        {"vectorBucketArn": ARN.replace("000000000000", "111111111111")},
    ],
)
def test_an_unknown_bucket_is_not_found(service: Service, operation: str, address: dict[str, str]) -> None:
    """404. Region and account of an ARN must match."""
    service.bucket()
    error = service.error(operation, **address)
    assert (error.status, error.code, error.message) == (404, "NotFoundException", NOT_FOUND)


def test_a_bucket_with_an_index_cannot_be_deleted(service: Service) -> None:
    """409 until its last index is deleted."""
    address = service.index()
    error = service.error("DeleteVectorBucket", vectorBucketName="bucket")
    assert (error.status, error.message) == (409, "The specified vector bucket is not empty")
    service("DeleteIndex", **address)
    assert service("DeleteVectorBucket", vectorBucketName="bucket") == {}
    assert service.error("GetVectorBucket", vectorBucketName="bucket").message == NOT_FOUND


def test_buckets_are_listed_by_prefix_without_details(service: Service) -> None:
    """A summary has name, ARN and time."""
    for name in ("beta", "alpha-2", "alpha-1"):
        service.bucket(name)
    assert names(service("ListVectorBuckets")) == ["alpha-1", "alpha-2", "beta"]
    assert names(service("ListVectorBuckets", prefix="alpha")) == ["alpha-1", "alpha-2"]
    assert names(service("ListVectorBuckets", prefix="lpha")) == []
    one = service("ListVectorBuckets", prefix="beta")["vectorBuckets"]
    assert [sorted(each) for each in one] == [["creationTime", "vectorBucketArn", "vectorBucketName"]]


@pytest.mark.parametrize("size", range(1, 8))
def test_pages_of_buckets_are_complete_and_disjoint(service: Service, size: int) -> None:
    """For any page size; the last page has no token."""
    expected = [f"bucket-{number}" for number in range(6)]
    for name in expected:
        service.bucket(name)
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = service("ListVectorBuckets", maxResults=size, prefix="bucket-", **token)
        assert 1 <= len(page["vectorBuckets"]) <= size
        seen += names(page)
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert seen == expected


def test_a_page_of_buckets_is_500_by_default(service: Service) -> None:
    """The default is not documented; the maximum is 500."""
    for number in range(501):
        service.bucket(f"bucket-{number}")
    page = service("ListVectorBuckets")
    assert len(page["vectorBuckets"]) == 500
    assert len(service("ListVectorBuckets", nextToken=page["nextToken"])["vectorBuckets"]) == 1


@pytest.mark.parametrize("token", ["x", "AAAA", "é", "====", "a" * 512])
def test_an_invented_token_is_refused(service: Service, token: str) -> None:
    """400 with the message for an expired one."""
    error = service.error("ListVectorBuckets", nextToken=token)
    assert (error.status, error.code, error.message) == (
        400,
        "ValidationException",
        "Invalid page token",
    )


def test_a_token_of_another_prefix_is_refused(service: Service) -> None:
    """A token is valid only for the list that issued it."""
    for name in ("one", "two", "oak"):
        service.bucket(name)
    token = service("ListVectorBuckets", prefix="o", maxResults=1)["nextToken"]
    assert service.error("ListVectorBuckets", prefix="t", nextToken=token).message == "Invalid page token"
    assert (
        service.error("ListIndexes", vectorBucketName="one", nextToken=token).message == "Invalid page token"
    )


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ({"kmsKeyArn": KMS}, "kmsKeyArn must not be specified when sseType is AES256."),
        ({"sseType": "AES256", "kmsKeyArn": KMS}, "kmsKeyArn must not be specified when sseType is AES256."),
        ({"sseType": "aws:kms"}, "kmsKeyArn must be specified when sseType is set to aws:kms"),
    ],
)
@pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])
def test_key_and_type_of_encryption_must_match(
    service: Service, operation: str, requested: dict[str, str], message: str
) -> None:
    """Observed on AWS for CreateIndex, 2026-09."""
    settings: dict[str, Any] = {"vectorBucketName": "bucket"}
    if operation == "CreateIndex":
        service.bucket()
        settings |= {"indexName": "abc", "dataType": "float32", "dimension": 1, "distanceMetric": "cosine"}
    error = service.error(operation, **settings, encryptionConfiguration=requested)
    assert (error.status, error.message) == (400, message)
    assert error.paths == ("EncryptionConfiguration",)


@pytest.mark.parametrize("encryption", [{"sseType": "AES256"}, {"sseType": "aws:kms", "kmsKeyArn": KMS}])
def test_encryption_reads_back_as_given(service: Service, encryption: dict[str, str]) -> None:
    """Type and key."""
    service("CreateVectorBucket", vectorBucketName="bucket", encryptionConfiguration=encryption)
    shown = service("GetVectorBucket", vectorBucketName="bucket")["vectorBucket"]
    assert shown["encryptionConfiguration"] == encryption


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({f"t{n}": "" for n in range(51)}, "Too many tags specified"),
        ({"aws:owner": "x"}, "System tags cannot be added/updated by requester"),
        ({"AWS:owner": "x"}, 'Invalid System Tag: AWS:owner must be prefixed with "aws:" in lowercase.'),
    ],
)
def test_system_tags_are_refused(service: Service, tags: dict[str, str], message: str) -> None:
    """Observed on AWS, 2026-09."""
    error = service.error("CreateVectorBucket", vectorBucketName="bucket", tags=tags)
    assert (error.status, error.message) == (400, message)


def test_tags_are_stored(service: Service) -> None:
    """50 of them, with any values."""
    tags = {**{f"t{n}": " x" for n in range(49)}, "owner": "aws:x"}
    service("CreateVectorBucket", vectorBucketName="bucket", tags=tags)
    assert service.state.buckets["bucket"].tags == tags


def test_an_account_has_10_000_buckets(service: Service) -> None:
    """One more is a 402."""
    for number in range(10_000):
        service.bucket(f"bucket-{number}")
    error = service.error("CreateVectorBucket", vectorBucketName="one-more")
    assert (error.status, error.code) == (402, "ServiceQuotaExceededException")


@pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])
def test_a_key_that_does_not_exist_is_refused(service: Service, operation: str) -> None:
    """403, not one of the Kms errors. Observed on AWS, 2026-09. The missing key here is always the nil
    UUID.
    """
    key = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000"
    service.bucket()
    settings: dict[str, Any] = {
        "vectorBucketName": "other" if operation == "CreateVectorBucket" else "bucket"
    }
    if operation == "CreateIndex":
        settings |= {"indexName": "new", "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    error = service.error(
        operation, **settings, encryptionConfiguration={"sseType": "aws:kms", "kmsKeyArn": key}
    )
    assert (error.status, error.code) == (403, "AccessDeniedException")
    assert re.fullmatch(
        rf"Key '{key}' does not exist \(kms_request_id=[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\)",
        error.message,
    )


def test_a_key_must_be_in_the_region_of_its_bucket(service: Service) -> None:
    """Otherwise a 400 (documented; the text is inferred). The account may differ."""
    far = KMS.replace("us-east-1", "eu-west-1")
    error = service.error(
        "CreateVectorBucket",
        vectorBucketName="bucket",
        encryptionConfiguration={"sseType": "aws:kms", "kmsKeyArn": far},
    )
    assert (error.status, error.paths) == (400, ("EncryptionConfiguration",))


@pytest.mark.parametrize("key", ["1234", "alias/mine", "arn:aws:kms:us-east-1:111122223333:alias/mine"])
def test_key_ids_and_aliases_are_refused(service: Service, key: str) -> None:
    """The model's pattern requires the full ARN of a key."""
    error = service.error(
        "CreateVectorBucket",
        vectorBucketName="bucket",
        encryptionConfiguration={"sseType": "aws:kms", "kmsKeyArn": key},
    )
    assert error.paths == ("/encryptionConfiguration/kmsKeyArn",)
