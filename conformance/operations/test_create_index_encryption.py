"""Encryption of vector buckets and indexes: defaults, which settings go together, and what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket, MakeIndex, Members

from .asking import (
    NO_KEY,
    bucket_shown,
    called,
    called_with_key,
    index_members,
    index_shown,
    is_length_to_blame,
    kms_key_near,
    outcome,
)

AES = {"sseType": "AES256"}
KEY_WITH_AES = "kmsKeyArn must not be specified when sseType is AES256."
KMS_WITHOUT_KEY = "kmsKeyArn must be specified when sseType is set to aws:kms"

creations = pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])


@pytest.fixture
def arn(make_index: MakeIndex) -> str:
    """The ARN of an index."""
    return make_index().arn


@pytest.fixture
def valid(operation: str, arn: str, new_name: Callable[[], str]) -> Members:
    """A request of *operation* that would be taken."""
    if operation == "CreateVectorBucket":
        return {"vectorBucketName": new_name()}
    bucket, _, index = arn.rpartition("bucket/")[2].split("/")
    return {"vectorBucketName": bucket, **index_members(f"{index}-2")}


def shown(client: Any, request: Members) -> Any:
    """The encryption of what *request* has created."""
    if "indexName" not in request:
        return bucket_shown(client, request["vectorBucketName"])["encryptionConfiguration"]
    address = {name: request[name] for name in ("vectorBucketName", "indexName")}
    return client.get_index(**address)["index"]["encryptionConfiguration"]


@creations
@requirement(
    "encryption.default",
    level="must",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    covers="GetVectorBucket>vectorBucket.encryptionConfiguration "
    "GetVectorBucket>vectorBucket.encryptionConfiguration.sseType "
    "GetIndex>index.encryptionConfiguration GetIndex>index.encryptionConfiguration.sseType",
)
def test_encryption_is_aes256_where_nothing_is_said(client: Any, valid: Members, operation: str) -> None:
    """A bucket or an index whose creation says nothing of encryption is shown with AES256."""
    called(client, operation, valid)
    assert shown(client, valid) == AES


@creations
@requirement(
    "encryption.aes256",
    level="must",
    evidence="documented",
    source=sources.ENCRYPTION,
    covers="{operation}.encryptionConfiguration.sseType.enum=AES256",
)
def test_aes256_may_be_asked_for(client: Any, valid: Members, operation: str) -> None:
    """AES256 may be asked for, and is shown."""
    called(client, operation, {**valid, "encryptionConfiguration": AES})
    assert shown(client, valid) == AES


@creations
@requirement(
    "encryption.kms",
    level="must",
    evidence="documented",
    source=sources.ENCRYPTION,
    needs="kms",
    covers="{operation}.encryptionConfiguration.sseType.enum=aws:kms "
    "GetVectorBucket>vectorBucket.encryptionConfiguration.kmsKeyArn "
    "GetIndex>index.encryptionConfiguration.kmsKeyArn",
)
def test_a_kms_key_may_be_asked_for(client: Any, arn: str, valid: Members, operation: str) -> None:
    """The type aws:kms with the ARN of a key is taken, and both are shown."""
    encryption = {"sseType": "aws:kms", "kmsKeyArn": kms_key_near(arn)}
    called_with_key(client, operation, {**valid, "encryptionConfiguration": encryption})
    assert shown(client, valid) == encryption


@requirement(
    "encryption.inherited",
    level="must",
    evidence="documented",
    source=sources.CREATE_INDEX,
    needs="kms",
)
def test_an_index_has_the_encryption_of_its_bucket(
    client: Any, arn: str, new_name: Callable[[], str], make_index: MakeIndex
) -> None:
    """An index whose creation says nothing of encryption is shown with that of its bucket."""
    encryption = {"sseType": "aws:kms", "kmsKeyArn": kms_key_near(arn)}
    bucket = {"vectorBucketName": new_name(), "encryptionConfiguration": encryption}
    called_with_key(client, "CreateVectorBucket", bucket)
    index = make_index(bucket["vectorBucketName"])
    assert index_shown(client, index)["encryptionConfiguration"] == encryption


@requirement(
    "encryption.of-the-index",
    level="must",
    evidence="documented",
    source=sources.CREATE_INDEX,
    needs="kms",
)
def test_an_index_may_have_an_encryption_of_its_own(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """CreateIndex may ask for another encryption than the bucket's, which stays what it was."""
    bucket = make_bucket()
    own = {"sseType": "aws:kms", "kmsKeyArn": kms_key_near(bucket.arn)}
    members = {**bucket.address, **index_members("own"), "encryptionConfiguration": own}
    called_with_key(client, "CreateIndex", members)
    assert shown(client, members) == own
    assert bucket_shown(client, bucket.name)["encryptionConfiguration"] == AES
    assert index_shown(client, make_index(bucket))["encryptionConfiguration"] == AES


@pytest.mark.parametrize("given", ["AES128", "aes256", "aws:kms:dsse", pytest.param("", id="empty")])
@creations
@requirement(
    "encryption.unknown-type",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.encryptionConfiguration.sseType.enum",
)
def test_another_type_is_refused(refused: Refused, valid: Members, operation: str, given: str) -> None:
    """The type of encryption is AES256 or aws:kms."""
    refused(operation, valid, encryptionConfiguration={"sseType": given}, code="ValidationException")


@creations
@requirement(
    "encryption.key-with-aes256", level="must", evidence="recorded", source=sources.probe("index-encryption")
)
def test_aes256_takes_no_key(refused: Refused, arn: str, valid: Members, operation: str) -> None:
    """A KMS key beside the type AES256 is refused."""
    encryption = {**AES, "kmsKeyArn": kms_key_near(arn)}
    refused(operation, valid, encryptionConfiguration=encryption, code="ValidationException")


@creations
@requirement(
    "encryption.key-alone", level="must", evidence="recorded", source=sources.probe("index-encryption")
)
def test_a_key_needs_its_type(refused: Refused, arn: str, valid: Members, operation: str) -> None:
    """A KMS key without a type of encryption is refused: the type is AES256 then."""
    encryption = {"kmsKeyArn": kms_key_near(arn)}
    refused(operation, valid, encryptionConfiguration=encryption, code="ValidationException")


@creations
@requirement(
    "encryption.kms-without-key", level="must", evidence="recorded", source=sources.probe("index-encryption")
)
def test_kms_needs_a_key(refused: Refused, valid: Members, operation: str) -> None:
    """The type aws:kms without a key is refused."""
    refused(operation, valid, encryptionConfiguration={"sseType": "aws:kms"}, code="ValidationException")


@pytest.mark.parametrize("operation", ["CreateIndex"])
@pytest.mark.parametrize("given", ["key-with-aes256", "key-alone", "kms-without-key"])
@requirement(
    "encryption.pairing-message",
    level="should",
    evidence="recorded",
    source=sources.probe("index-encryption"),
)
def test_the_refusal_tells_what_goes_together(
    refused: Refused, arn: str, valid: Members, operation: str, given: str
) -> None:
    """The sentence that refuses an encryption tells which of key and type is too much or missing."""
    key = {"kmsKeyArn": kms_key_near(arn)}
    encryption, message = {
        "key-with-aes256": ({**AES, **key}, KEY_WITH_AES),
        "key-alone": (key, KEY_WITH_AES),
        "kms-without-key": ({"sseType": "aws:kms"}, KMS_WITHOUT_KEY),
    }[given]
    refused(operation, valid, encryptionConfiguration=encryption, code="ValidationException", message=message)


@pytest.mark.parametrize("operation", ["CreateIndex"])
@requirement(
    "encryption.pairing-field",
    level="should",
    evidence="recorded",
    source=sources.probe("index-encryption"),
)
def test_the_refusal_blames_the_encryption(refused: Refused, valid: Members, operation: str) -> None:
    """The fieldList of a refused encryption names EncryptionConfiguration."""
    encryption = {"sseType": "aws:kms"}
    field = "EncryptionConfiguration"
    refused(operation, valid, encryptionConfiguration=encryption, code="ValidationException", field=field)


@pytest.mark.parametrize("operation", ["CreateIndex"])
@requirement(
    "encryption.missing-key",
    level="must",
    evidence="recorded",
    source=sources.probe("index-encryption"),
    needs="kms",
)
def test_a_key_that_does_not_exist_is_denied(
    refused: Refused, arn: str, valid: Members, operation: str
) -> None:
    """A KMS key that does not exist is answered with AccessDeniedException, not with an error of KMS."""
    encryption = {"sseType": "aws:kms", "kmsKeyArn": kms_key_near(arn, NO_KEY)}
    refused(operation, valid, encryptionConfiguration=encryption, code="AccessDeniedException")


@pytest.mark.parametrize("operation", ["CreateIndex"])
@requirement(
    "encryption.missing-key-message",
    level="should",
    evidence="recorded",
    source=sources.probe("index-encryption"),
    needs="kms",
)
def test_the_denial_names_the_missing_key(refused: Refused, arn: str, valid: Members, operation: str) -> None:
    """The answer to a KMS key that does not exist names it."""
    key = kms_key_near(arn, NO_KEY)
    refused(
        operation,
        valid,
        encryptionConfiguration={"sseType": "aws:kms", "kmsKeyArn": key},
        code="AccessDeniedException",
        message=re.compile(rf"^Key '{re.escape(key)}' does not exist \(kms_request_id=\S+\)$"),
    )


@creations
@requirement(
    "encryption.key-elsewhere", level="should", evidence="documented", source=sources.ENCRYPTION, needs="kms"
)
def test_a_key_of_another_region_is_refused(client: Any, arn: str, valid: Members, operation: str) -> None:
    """A KMS key of another region is refused."""
    region = "eu-central-1" if "eu-central-1" not in arn else "us-east-1"
    encryption = {"sseType": "aws:kms", "kmsKeyArn": kms_key_near(arn, region=region)}
    refusal = outcome(client, operation, {**valid, "encryptionConfiguration": encryption})
    assert refusal is not None
    assert 400 <= refusal.status < 500


#: What is no ARN of a key.
NO_ARNS = {
    "id": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "alias": "alias/films",
    "arn-of-alias": "arn:aws:kms:us-east-1:123456789012:alias/films",
    "arn-of-no-key": "arn:aws:kms:us-east-1:123456789012:key/",
    "account-of-11-digits": "arn:aws:kms:us-east-1:12345678901:key/1234abcd-12ab-34cd-56ef-1234567890ab",
}


@pytest.mark.parametrize("given", NO_ARNS)
@creations
@requirement(
    "encryption.key-arn",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.encryptionConfiguration.kmsKeyArn.pattern",
)
def test_a_key_is_named_by_its_whole_arn(
    refused: Refused, valid: Members, operation: str, given: str
) -> None:
    """A KMS key is named by its ARN: its id or an alias is refused."""
    encryption = {"sseType": "aws:kms", "kmsKeyArn": NO_ARNS[given]}
    refused(operation, valid, encryptionConfiguration=encryption, code="ValidationException")


@creations
@requirement(
    "encryption.key-arn-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.encryptionConfiguration.kmsKeyArn.min-1 "
    "{operation}.encryptionConfiguration.kmsKeyArn.max+1",
)
@pytest.mark.parametrize("length", [0, 2049])
def test_an_empty_or_overlong_arn_of_a_key_is_refused(
    refused: Refused, arn: str, valid: Members, operation: str, length: int
) -> None:
    """The ARN of a KMS key has 1 to 2,048 characters."""
    key = kms_key_near(arn, "k" * length)[:length]
    encryption = {"sseType": "aws:kms", "kmsKeyArn": key}
    refused(operation, valid, encryptionConfiguration=encryption, code="ValidationException")


@creations
@pytest.mark.parametrize("length", [1, 2048])
@requirement(
    "encryption.key-arn-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.encryptionConfiguration.kmsKeyArn.min "
    "{operation}.encryptionConfiguration.kmsKeyArn.max",
)
def test_an_arn_of_1_or_2048_characters_is_not_refused_for_its_length(
    client: Any, arn: str, valid: Members, operation: str, length: int
) -> None:
    """The ARN of a KMS key may have 1 to 2,048 characters: the length is not what is wrong."""
    key = kms_key_near(arn, "k" * length)[:length]
    encryption = {"sseType": "aws:kms", "kmsKeyArn": key}
    refusal = outcome(client, operation, {**valid, "encryptionConfiguration": encryption})
    assert not is_length_to_blame(refusal)


@creations
@requirement(
    "encryption.refused-creates-nothing",
    level="must",
    evidence="inferred",
    source=sources.api("CreateIndex"),
)
def test_a_refused_encryption_creates_nothing(
    client: Any, refused: Refused, valid: Members, operation: str
) -> None:
    """What was refused for its encryption is not there: its name is still free."""
    refused(operation, valid, encryptionConfiguration={"sseType": "aws:kms"}, code="ValidationException")
    called(client, operation, valid)
    assert shown(client, valid) == AES
