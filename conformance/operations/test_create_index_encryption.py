"""Encryption of vector buckets and indexes: defaults, valid combinations of settings, and descriptions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.tolerant_reading import TolerantBucket
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import BucketHandle, MakeBucket, MakeIndex, Members

from .calls import (
    UNKNOWN_KMS_KEY,
    call,
    call_error,
    call_with_kms_key,
    check_lengths_are_valid,
    describe_bucket,
    describe_index,
    index_members,
    kms_key_arn,
)

AES = {"sseType": "AES256"}
KEY_WITH_AES = "kmsKeyArn must not be specified when sseType is AES256."
KMS_WITHOUT_KEY = "kmsKeyArn must be specified when sseType is set to aws:kms"

creations: pytest.MarkDecorator = pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])


@pytest.fixture
def arn(some_bucket: TolerantBucket) -> str:
    """The ARN of a bucket, whose account and region a key should have. Empty if the target tells none."""
    return some_bucket.known_arn


@pytest.fixture
def valid_request(
    operation: str, some_bucket: BucketHandle, index_name: str, new_name: Callable[[], str]
) -> Members:
    """The members of a valid request to *operation*."""
    if operation == "CreateVectorBucket":
        return {"vectorBucketName": new_name()}
    return {"vectorBucketName": some_bucket.name, **index_members(index_name)}


@pytest.fixture
def checked_keys(client: Any, arn: str, new_name: Callable[[], str]) -> None:
    """Skip a test if the target has no KMS: it accepts any key for a bucket."""
    encryption = {"sseType": "aws:kms", "kmsKeyArn": kms_key_arn(arn, UNKNOWN_KMS_KEY)}
    members = {"vectorBucketName": new_name(), "encryptionConfiguration": encryption}
    if call_error(client, "CreateVectorBucket", members) is None:
        pytest.skip("kms: the target accepts a key that does not exist, so it has no KMS")


def described_encryption(client: Any, request: Members) -> Any:
    """Return the encryption of the resource that *request* created."""
    if "indexName" not in request:
        return describe_bucket(client, request["vectorBucketName"])["encryptionConfiguration"]
    address = {name: request[name] for name in ("vectorBucketName", "indexName")}
    return client.get_index(**address)["index"]["encryptionConfiguration"]


@creations
@requirement(
    "encryption.default",
    kind="effect",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    covers="GetVectorBucket>vectorBucket.encryptionConfiguration "
    "GetVectorBucket>vectorBucket.encryptionConfiguration.sseType "
    "GetIndex>index.encryptionConfiguration GetIndex>index.encryptionConfiguration.sseType",
)
def test_the_default_encryption_is_aes256(client: Any, valid_request: Members, operation: str) -> None:
    """A bucket or an index that is created without an encryption is described with AES256."""
    call(client, operation, valid_request)
    assert described_encryption(client, valid_request) == AES


@creations
@requirement(
    "encryption.aes256",
    kind="effect",
    evidence="documented",
    source=sources.ENCRYPTION,
    covers="{operation}.encryptionConfiguration.sseType.enum=AES256",
)
def test_aes256_is_accepted(client: Any, valid_request: Members, operation: str) -> None:
    """AES256 may be requested, and is returned in the description."""
    call(client, operation, {**valid_request, "encryptionConfiguration": AES})
    assert described_encryption(client, valid_request) == AES


@creations
@requirement(
    "encryption.kms",
    kind="effect",
    evidence="documented",
    source=sources.ENCRYPTION,
    needs="kms",
    covers="{operation}.encryptionConfiguration.sseType.enum=aws:kms "
    "GetVectorBucket>vectorBucket.encryptionConfiguration.kmsKeyArn "
    "GetIndex>index.encryptionConfiguration.kmsKeyArn",
)
def test_a_kms_key_is_accepted(client: Any, arn: str, valid_request: Members, operation: str) -> None:
    """The type aws:kms with the ARN of a key is accepted, and both are returned in the description."""
    encryption = {"sseType": "aws:kms", "kmsKeyArn": kms_key_arn(arn)}
    call_with_kms_key(client, operation, {**valid_request, "encryptionConfiguration": encryption})
    assert described_encryption(client, valid_request) == encryption


@requirement(
    "encryption.inherited",
    kind="effect",
    evidence="documented",
    source=sources.CREATE_INDEX,
    needs="kms",
)
def test_an_index_has_the_encryption_of_its_bucket(
    client: Any, arn: str, new_name: Callable[[], str], make_index: MakeIndex
) -> None:
    """An index that is created without an encryption has the encryption of its bucket."""
    encryption = {"sseType": "aws:kms", "kmsKeyArn": kms_key_arn(arn)}
    bucket = {"vectorBucketName": new_name(), "encryptionConfiguration": encryption}
    call_with_kms_key(client, "CreateVectorBucket", bucket)
    index = make_index(bucket["vectorBucketName"])
    assert describe_index(client, index)["encryptionConfiguration"] == encryption


@requirement(
    "encryption.of-the-index",
    kind="effect",
    evidence="documented",
    source=sources.CREATE_INDEX,
    needs="kms",
    slow=True,
)
def test_an_index_may_have_another_encryption_than_its_bucket(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """CreateIndex may request another encryption than that of the bucket, which stays unchanged."""
    bucket = make_bucket()
    own = {"sseType": "aws:kms", "kmsKeyArn": kms_key_arn(bucket.arn)}
    members = {**bucket.address, **index_members("own"), "encryptionConfiguration": own}
    call_with_kms_key(client, "CreateIndex", members)
    assert described_encryption(client, members) == own
    assert describe_bucket(client, bucket.name)["encryptionConfiguration"] == AES
    assert describe_index(client, make_index(bucket))["encryptionConfiguration"] == AES


@pytest.mark.parametrize("given", ["AES128", "aes256", "aws:kms:dsse", pytest.param("", id="empty")])
@creations
@requirement(
    "encryption.unknown-type",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.encryptionConfiguration.sseType.enum",
)
def test_an_unknown_type_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, operation: str, given: str
) -> None:
    """The type of encryption must be AES256 or aws:kms."""
    expect_error(
        operation, valid_request, encryptionConfiguration={"sseType": given}, code="ValidationException"
    )


@creations
@requirement(
    "encryption.key-with-aes256",
    kind="refusal",
    evidence={"CreateIndex": "recorded", "": "inferred"},
    source=sources.probe("index-encryption"),
)
def test_aes256_with_a_key_is_rejected(
    expect_error: ErrorExpectation, arn: str, valid_request: Members, operation: str
) -> None:
    """A KMS key together with the type AES256 is rejected."""
    encryption = {**AES, "kmsKeyArn": kms_key_arn(arn)}
    expect_error(operation, valid_request, encryptionConfiguration=encryption, code="ValidationException")


@creations
@requirement(
    "encryption.key-alone",
    kind="refusal",
    evidence={"CreateIndex": "recorded", "": "inferred"},
    source=sources.probe("index-encryption"),
)
def test_a_key_without_a_type_is_rejected(
    expect_error: ErrorExpectation, arn: str, valid_request: Members, operation: str
) -> None:
    """A KMS key without a type is rejected, because the type is then AES256."""
    encryption = {"kmsKeyArn": kms_key_arn(arn)}
    expect_error(operation, valid_request, encryptionConfiguration=encryption, code="ValidationException")


@creations
@requirement(
    "encryption.kms-without-key",
    kind="refusal",
    evidence={"CreateIndex": "recorded", "": "inferred"},
    source=sources.probe("index-encryption"),
)
def test_kms_without_a_key_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """The type aws:kms without a key is rejected."""
    expect_error(
        operation, valid_request, encryptionConfiguration={"sseType": "aws:kms"}, code="ValidationException"
    )


@pytest.mark.parametrize("operation", ["CreateIndex"])
@pytest.mark.parametrize("given", ["key-with-aes256", "key-alone", "kms-without-key"])
@requirement(
    "encryption.pairing-message",
    kind="detail",
    evidence="recorded",
    source=sources.probe("index-encryption"),
)
def test_the_error_names_the_invalid_combination(
    expect_error: ErrorExpectation, arn: str, valid_request: Members, operation: str, given: str
) -> None:
    """The error message says whether the key must be specified or must not be specified."""
    key = {"kmsKeyArn": kms_key_arn(arn)}
    encryption, message = {
        "key-with-aes256": ({**AES, **key}, KEY_WITH_AES),
        "key-alone": (key, KEY_WITH_AES),
        "kms-without-key": ({"sseType": "aws:kms"}, KMS_WITHOUT_KEY),
    }[given]
    expect_error(
        operation,
        valid_request,
        encryptionConfiguration=encryption,
        code="ValidationException",
        message=message,
    )


@pytest.mark.parametrize("operation", ["CreateIndex"])
@requirement(
    "encryption.pairing-field",
    kind="detail",
    evidence="recorded",
    source=sources.probe("index-encryption"),
)
def test_the_error_gives_the_path_of_the_encryption(
    expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """The `fieldList` of the error names EncryptionConfiguration."""
    encryption = {"sseType": "aws:kms"}
    field = "EncryptionConfiguration"
    expect_error(
        operation, valid_request, encryptionConfiguration=encryption, code="ValidationException", field=field
    )


@pytest.mark.usefixtures("checked_keys")
@pytest.mark.parametrize("operation", ["CreateIndex"])
@requirement(
    "encryption.missing-key",
    kind="refusal",
    evidence="recorded",
    source=sources.probe("index-encryption"),
    needs="kms",
)
def test_a_key_that_does_not_exist_is_denied(
    expect_error: ErrorExpectation, arn: str, valid_request: Members, operation: str
) -> None:
    """A KMS key that does not exist is answered with AccessDeniedException, not with a KMS error."""
    encryption = {"sseType": "aws:kms", "kmsKeyArn": kms_key_arn(arn, UNKNOWN_KMS_KEY)}
    expect_error(operation, valid_request, encryptionConfiguration=encryption, code="AccessDeniedException")


@pytest.mark.usefixtures("checked_keys")
@pytest.mark.parametrize("operation", ["CreateIndex"])
@requirement(
    "encryption.missing-key-message",
    kind="detail",
    evidence="recorded",
    source=sources.probe("index-encryption"),
    needs="kms",
)
def test_the_denial_names_the_missing_key(
    expect_error: ErrorExpectation, arn: str, valid_request: Members, operation: str
) -> None:
    """The error for a KMS key that does not exist names the key."""
    key = kms_key_arn(arn, UNKNOWN_KMS_KEY)
    expect_error(
        operation,
        valid_request,
        encryptionConfiguration={"sseType": "aws:kms", "kmsKeyArn": key},
        code="AccessDeniedException",
        message=re.compile(rf"^Key '{re.escape(key)}' does not exist \(kms_request_id=\S+\)$"),
    )


@creations
@requirement(
    "encryption.key-elsewhere", kind="refusal", evidence="documented", source=sources.ENCRYPTION, needs="kms"
)
def test_a_key_of_another_region_is_rejected(
    client: Any, arn: str, valid_request: Members, operation: str
) -> None:
    """A KMS key of another region is rejected."""
    region = "eu-central-1" if "eu-central-1" not in arn else "us-east-1"
    encryption = {"sseType": "aws:kms", "kmsKeyArn": kms_key_arn(arn, region=region)}
    error = call_error(client, operation, {**valid_request, "encryptionConfiguration": encryption})
    assert error is not None
    assert 400 <= error.status < 500


#: Texts that are not the ARN of a KMS key.
INVALID_ARNS = {
    "id": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "alias": "alias/films",
    "arn-of-alias": "arn:aws:kms:us-east-1:123456789012:alias/films",
    "arn-of-no-key": "arn:aws:kms:us-east-1:123456789012:key/",
    "account-of-11-digits": "arn:aws:kms:us-east-1:12345678901:key/1234abcd-12ab-34cd-56ef-1234567890ab",
}


@pytest.mark.parametrize("given", INVALID_ARNS)
@creations
@requirement(
    "encryption.key-arn",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.encryptionConfiguration.kmsKeyArn.pattern",
)
def test_a_key_must_be_given_as_an_arn(
    expect_error: ErrorExpectation, valid_request: Members, operation: str, given: str
) -> None:
    """A KMS key must be given as its ARN: its id or an alias is rejected."""
    encryption = {"sseType": "aws:kms", "kmsKeyArn": INVALID_ARNS[given]}
    expect_error(operation, valid_request, encryptionConfiguration=encryption, code="ValidationException")


@creations
@requirement(
    "encryption.key-arn-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.encryptionConfiguration.kmsKeyArn.min-1 "
    "{operation}.encryptionConfiguration.kmsKeyArn.max+1",
)
@pytest.mark.parametrize("length", [0, 2049])
def test_an_empty_or_overlong_arn_of_a_key_is_rejected(
    expect_error: ErrorExpectation, arn: str, valid_request: Members, operation: str, length: int
) -> None:
    """The ARN of a KMS key must have 1 to 2,048 characters."""
    key = kms_key_arn(arn, "k" * length)[:length]
    encryption = {"sseType": "aws:kms", "kmsKeyArn": key}
    expect_error(operation, valid_request, encryptionConfiguration=encryption, code="ValidationException")


@creations
@pytest.mark.parametrize("length", [1, 2048])
@requirement(
    "encryption.key-arn-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.encryptionConfiguration.kmsKeyArn.min "
    "{operation}.encryptionConfiguration.kmsKeyArn.max",
)
def test_an_arn_of_1_or_2048_characters_is_not_rejected_for_its_length(
    client: Any, arn: str, valid_request: Members, operation: str, length: int
) -> None:
    """The ARN of a KMS key may have 1 or 2,048 characters: any error is not about its length."""
    key = kms_key_arn(arn, "k" * length)[:length]
    encryption = {"sseType": "aws:kms", "kmsKeyArn": key}
    members = {**valid_request, "encryptionConfiguration": encryption}
    check_lengths_are_valid(client, operation, members)


@creations
@requirement(
    "encryption.refused-creates-nothing",
    kind="effect",
    evidence="inferred",
    source=sources.api("CreateIndex"),
)
def test_a_rejected_encryption_creates_nothing(
    client: Any, expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """A creation that is rejected because of its encryption creates nothing: the name is still free."""
    if expect_error.is_refused(operation, valid_request, encryptionConfiguration={"sseType": "aws:kms"}):
        call(client, operation, valid_request)
        assert described_encryption(client, valid_request) == AES
