"""Addresses by name and by ARN."""

from __future__ import annotations

import pytest

from vecgate.errors import UsageError
from vecgate.s3vectors import arn
from vecgate.s3vectors.arn import IndexAddress, bucket_arn, index_arn

ARN = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films.v2"


def test_names_are_sent_as_names() -> None:
    """An index by name needs its bucket, and both are sent."""
    address = IndexAddress.parse(bucket="media", index="films")
    assert address == IndexAddress(bucket="media", index="films")
    assert address.members() == {"vectorBucketName": "media", "indexName": "films"}
    assert (address.bucket_name, address.index_name, str(address)) == ("media", "films", "media/films")


@pytest.mark.parametrize("bucket", ["", "ignored"])
def test_an_arn_is_sent_alone(bucket: str) -> None:
    """The service rejects an ARN together with a bucket's name."""
    address = IndexAddress.parse(bucket=bucket, index=ARN)
    assert address.members() == {"indexArn": ARN}
    assert (address.bucket_name, address.index_name, str(address)) == ("media", "films.v2", "media/films.v2")


@pytest.mark.parametrize(
    "wrong",
    [
        "arn:",
        "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media",
        "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/",
        "arn:aws:s3vectors:eu-west-1:123456789012:bucket//index/films",
        "arn:aws:s3vectors:eu-west-1:12345:bucket/media/index/films",
        "arn:aws:s3:eu-west-1:123456789012:bucket/media/index/films",
        "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films\n",
        "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films/more",
        " arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films",
    ],
)
def test_an_invalid_arn_is_rejected(wrong: str) -> None:
    """The error comes before anything is sent and shows the right form."""
    with pytest.raises(UsageError) as caught:
        IndexAddress.parse(index=wrong)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("bucket", "index", "missing"), [("", "films", "bucket"), ("media", "", "index"), ("", "", "index")]
)
def test_half_an_address_is_rejected(bucket: str, index: str, missing: str) -> None:
    """Neither name is enough alone, and the error says which one is missing."""
    with pytest.raises(UsageError, match=f"no {missing} is named") as caught:
        IndexAddress.parse(bucket=bucket, index=index)
    assert caught.value.hint


def test_the_form_of_an_arn_is_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a newer botocore that has another pattern, that pattern applies."""
    monkeypatch.setattr(arn, "shapes", lambda: {"IndexArn": {"pattern": "arn:new:[a-z]+"}})
    assert IndexAddress.parse(index="arn:new:form").members() == {"indexArn": "arn:new:form"}
    with pytest.raises(UsageError):
        IndexAddress.parse(index=ARN)


def test_arns_are_built_as_the_service_builds_them() -> None:
    """The partition is `aws` by default."""
    assert bucket_arn("media", region="eu-west-1", account="123456789012") == (
        "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media"
    )
    assert index_arn("media", "films", region="cn-north-1", account="123456789012", partition="aws-cn") == (
        "arn:aws-cn:s3vectors:cn-north-1:123456789012:bucket/media/index/films"
    )
