from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vecgate.endpoint.core import apply
from vecgate.endpoint.requests.messages import Request

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

BUCKET_ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket"
INDEX_ARN = f"{BUCKET_ARN}/index/index"
BOTH = pytest.mark.parametrize("arn", [BUCKET_ARN, INDEX_ARN])


def tags_of(service: Service, arn: str) -> dict[str, str]:
    tags: dict[str, str] = service("ListTagsForResource", resourceArn=arn)["tags"]
    return tags


@BOTH
def test_tags_are_added_listed_and_removed_by_arn(service: Service, arn: str) -> None:
    """On buckets and on indexes. Observed on AWS, 2026."""
    service.index()
    assert tags_of(service, arn) == {}
    assert service("TagResource", resourceArn=arn, tags={"a": "1", "b": "2"}) == {}
    assert service("TagResource", resourceArn=arn, tags={"b": "3", "c": ""}) == {}
    assert tags_of(service, arn) == {"a": "1", "b": "3", "c": ""}
    assert service("UntagResource", resourceArn=arn, tagKeys=["a", "c"]) == {}
    assert tags_of(service, arn) == {"b": "3"}


def test_a_bucket_and_its_index_have_separate_tags(service: Service) -> None:
    """Tagging changes nothing else of them."""
    service.index(tags={"of": "index"})
    service("TagResource", resourceArn=BUCKET_ARN, tags={"of": "bucket"})
    assert (tags_of(service, BUCKET_ARN), tags_of(service, INDEX_ARN)) == ({"of": "bucket"}, {"of": "index"})
    assert len(service("ListIndexes", vectorBucketName="bucket")["indexes"]) == 1


@BOTH
def test_tags_of_creation_are_listed(service: Service, arn: str) -> None:
    """CreateVectorBucket and CreateIndex accept tags too."""
    service("CreateVectorBucket", vectorBucketName="bucket", tags={"team": "search"})
    service.index(tags={"team": "search"})
    assert tags_of(service, arn) == {"team": "search"}


def test_tag_keys_of_any_script_are_decoded_from_the_query(service: Service) -> None:
    """Each is a percent-encoded query parameter; an encoded `+` is a plus sign."""
    service(
        "CreateVectorBucket", vectorBucketName="bucket", tags={"größe 大": "", "a+b": "", "a b": "", "x": ""}
    )
    service("UntagResource", resourceArn=BUCKET_ARN, tagKeys=["größe 大", "a+b"])
    assert tags_of(service, BUCKET_ARN) == {"a b": "", "x": ""}
    service("UntagResource", resourceArn=BUCKET_ARN, tagKeys=["a b"])
    assert tags_of(service, BUCKET_ARN) == {"x": ""}


def test_removing_a_missing_tag_is_a_success(service: Service) -> None:
    """The model calls the operation idempotent."""
    service.bucket()
    assert service("UntagResource", resourceArn=BUCKET_ARN, tagKeys=["nope"]) == {}


def test_untagging_nothing_is_refused(service: Service) -> None:
    """The keys are required. The text is inferred."""
    service.bucket()
    path = f"/tags/{BUCKET_ARN.replace(':', '%3A').replace('/', '%2F')}"
    error = service.parse_error(apply(service.state, Request("DELETE", path), 0.0))
    assert (error.status, error.paths) == (400, ("/tagKeys",))


def test_a_resource_has_at_most_50_tags(service: Service) -> None:
    """Existing tags count, and a replaced one counts once. A refused request changes nothing."""
    service("CreateVectorBucket", vectorBucketName="bucket", tags={f"t{n}": "" for n in range(49)})
    service("TagResource", resourceArn=BUCKET_ARN, tags={"t0": "new", "last": ""})
    error = service.error("TagResource", resourceArn=BUCKET_ARN, tags={"more": ""})
    assert (error.status, error.code) == (400, "ValidationException")
    assert error.message == "Too many tags specified"
    assert len(tags_of(service, BUCKET_ARN)) == 50
    assert "more" not in tags_of(service, BUCKET_ARN)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("aws:owner", "System tags cannot be added/updated by requester"),
        ("AWS:owner", 'Invalid System Tag: AWS:owner must be prefixed with "aws:" in lowercase.'),
    ],
)
def test_system_tags_are_refused(service: Service, key: str, message: str) -> None:
    """Observed on AWS for CreateIndex, 2026-09; that they cannot be removed either is inferred."""
    service.bucket()
    assert service.error("TagResource", resourceArn=BUCKET_ARN, tags={key: "x"}).message == message
    assert service.error("UntagResource", resourceArn=BUCKET_ARN, tagKeys=[key]).message == message


@pytest.mark.parametrize(("tags", "path"), [({"a&b": "x"}, "/tags"), ({"team": "a&b"}, "/tags/team")])
def test_a_tag_with_invalid_characters_is_refused_at_its_path(
    service: Service, tags: dict[str, str], path: str
) -> None:
    """A key at `/tags`, a value at `/tags/<key>`. Observed on AWS, 2026-09."""
    service.bucket()
    error = service.error("TagResource", resourceArn=BUCKET_ARN, tags=tags)
    assert error.paths == (path,)
    assert error.message.endswith(r"regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$")


@pytest.mark.parametrize("operation", ["ListTagsForResource", "TagResource", "UntagResource"])
@pytest.mark.parametrize(
    ("arn", "what"),
    [
        (BUCKET_ARN.replace("bucket/bucket", "bucket/other"), "vector bucket"),
        (BUCKET_ARN.replace("us-east-1", "us-west-2"), "vector bucket"),
        (BUCKET_ARN.replace("000000000000", "111111111111"), "vector bucket"),
        (f"{BUCKET_ARN}/index/other", "index"),
        (INDEX_ARN.replace("bucket/bucket", "bucket/other"), "index"),
    ],
)
def test_an_unknown_resource_is_not_found(service: Service, operation: str, arn: str, what: str) -> None:
    """404 for a bucket or for an index, by the form of the ARN. Inferred."""
    service.index()
    error = service.error(operation, resourceArn=arn, tags={}, tagKeys=["a"])
    assert (error.status, error.code) == (404, "NotFoundException")
    assert error.message == f"The specified {what} could not be found"


@pytest.mark.parametrize("operation", ["ListTagsForResource", "TagResource", "UntagResource"])
@pytest.mark.parametrize(
    "arn", ["", "bucket", "arn:aws:s3:::bucket", f"{BUCKET_ARN}/index", f"{INDEX_ARN}/x", BUCKET_ARN + "\n"]
)
def test_another_arn_is_refused(service: Service, operation: str, arn: str) -> None:
    """With a 400. Inferred."""
    service.index()
    error = service.error(operation, resourceArn=arn, tags={}, tagKeys=["a"])
    assert (error.status, error.code) == (400, "ValidationException")
