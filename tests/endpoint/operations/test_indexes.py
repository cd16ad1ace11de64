from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vecgate.endpoint.operations import indexes

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

BUCKET_ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket"
ARN = f"{BUCKET_ARN}/index/index"
NEW = {
    "vectorBucketName": "bucket",
    "indexName": "index",
    "dataType": "float32",
    "dimension": 3,
    "distanceMetric": "cosine",
}
KMS = {"sseType": "aws:kms", "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1234"}
ON_AN_INDEX: list[tuple[str, dict[str, Any]]] = [
    ("GetIndex", {}),
    ("DeleteIndex", {}),
    ("PutVectors", {"vectors": [{"key": "k", "data": {"float32": [1.0, 2.0]}}]}),
    ("GetVectors", {"keys": ["k"]}),
    ("DeleteVectors", {"keys": ["k"]}),
    ("ListVectors", {}),
    ("QueryVectors", {"topK": 1, "queryVector": {"float32": [1.0, 2.0]}}),
]


@pytest.mark.parametrize("address", [{"vectorBucketName": "bucket", "indexName": "index"}, {"indexArn": ARN}])
def test_an_index_reads_back_by_name_and_by_arn(service: Service, address: dict[str, str]) -> None:
    """With the bucket's encryption and mode, and without metadataConfiguration if none was set."""
    service.bucket()
    assert service("CreateIndex", **NEW) == {"indexArn": ARN}
    assert service("GetIndex", **address) == {
        "index": {
            "vectorBucketName": "bucket",
            "indexName": "index",
            "indexArn": ARN,
            "creationTime": 1_800_000_000,
            "dataType": "float32",
            "dimension": 3,
            "distanceMetric": "cosine",
            "encryptionConfiguration": {"sseType": "AES256"},
            "indexMode": "ENHANCED",
        }
    }


def test_an_index_can_be_created_by_the_arn_of_its_bucket(service: Service) -> None:
    """CreateIndex accepts both forms of a bucket address."""
    service.bucket()
    by_arn = {name: value for name, value in NEW.items() if name != "vectorBucketName"}
    assert service("CreateIndex", vectorBucketArn=BUCKET_ARN, **by_arn) == {"indexArn": ARN}


def test_non_filterable_keys_read_back(service: Service) -> None:
    configuration = {"nonFilterableMetadataKeys": ["text", "source"]}
    address = service.index(metadataConfiguration=configuration)
    assert service("GetIndex", **address)["index"]["metadataConfiguration"] == configuration


@pytest.mark.parametrize(
    "configuration", [{}, {"nonFilterableMetadataKeys": []}, {"textSearchConfigurations": []}]
)
def test_an_empty_metadata_configuration_is_the_same_as_none(
    service: Service, configuration: dict[str, Any]
) -> None:
    """GetIndex returns none."""
    address = service.index(metadataConfiguration=configuration)
    assert "metadataConfiguration" not in service("GetIndex", **address)["index"]


def test_an_index_has_its_own_encryption_or_that_of_its_bucket(service: Service) -> None:
    service("CreateVectorBucket", vectorBucketName="bucket", encryptionConfiguration=KMS)
    inherited = service.index("inherited")
    overridden = service.index("overridden", encryptionConfiguration={"sseType": "AES256"})
    assert service("GetIndex", **inherited)["index"]["encryptionConfiguration"] == KMS
    assert service("GetIndex", **overridden)["index"]["encryptionConfiguration"] == {"sseType": "AES256"}


def test_a_second_index_of_the_same_name_is_a_conflict(service: Service) -> None:
    """409, also if everything else is equal."""
    service.bucket()
    service("CreateIndex", **NEW)
    error = service.error("CreateIndex", **NEW)
    assert (error.status, error.code) == (409, "ConflictException")
    assert error.message == "An index with the specified name already exists"


def test_creating_an_index_in_a_missing_bucket_reports_the_bucket(service: Service) -> None:
    """404 for the bucket."""
    error = service.error("CreateIndex", **NEW)
    assert (error.status, error.message) == (404, "The specified vector bucket could not be found")


@pytest.mark.parametrize("name", ["with_under", "Upper", "-ab", "ab.", "a b", "a/b"])
def test_an_index_name_contains_only_lower_case_letters_digits_hyphens_and_dots(
    service: Service, name: str
) -> None:
    """It begins and ends with a letter or a digit."""
    service.bucket()
    error = service.error("CreateIndex", **{**NEW, "indexName": name})
    assert (error.status, error.message) == (400, "Invalid index name")


def test_an_index_name_may_have_dots(service: Service) -> None:
    """A bucket name may not."""
    service.index("v1.2.3")


@pytest.mark.parametrize(("operation", "rest"), ON_AN_INDEX)
@pytest.mark.parametrize(
    "address",
    [
        {},
        {"vectorBucketName": "bucket"},
        {"indexName": "index"},
        {"vectorBucketName": "bucket", "indexArn": ARN},
        {"indexName": "index", "indexArn": ARN},
        {"vectorBucketName": "bucket", "indexName": "index", "indexArn": ARN},
    ],
)
def test_an_index_is_named_in_exactly_one_way(
    service: Service, operation: str, rest: dict[str, Any], address: dict[str, str]
) -> None:
    """By its ARN or by both names; this is checked before existence."""
    error = service.error(operation, **address, **rest)
    assert (error.status, error.code) == (400, "ValidationException")
    assert error.message == "Must specify either indexArn or both vectorBucketName and indexName"


@pytest.mark.parametrize(("operation", "rest"), ON_AN_INDEX)
@pytest.mark.parametrize(
    "address",
    [
        {"vectorBucketName": "bucket", "indexName": "other"},
        {"vectorBucketName": "other", "indexName": "index"},
        {"indexArn": ARN.replace("bucket/bucket", "bucket/other")},
        {"indexArn": ARN.replace("index/index", "index/other")},
        {"indexArn": ARN.replace("us-east-1", "us-west-2")},
    ],
)
def test_an_unknown_index_is_not_found(
    service: Service, operation: str, rest: dict[str, Any], address: dict[str, str]
) -> None:
    """404 for the index, even if the bucket is missing."""
    service.index()
    error = service.error(operation, **address, **rest)
    assert (error.status, error.code) == (404, "NotFoundException")
    assert error.message == "The specified index could not be found"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"vectorBucketName": "under_score", "indexName": "index"}, "Invalid vector bucket name"),
        ({"vectorBucketName": "bucket", "indexName": "under_score"}, "Invalid index name"),
    ],
)
def test_names_are_checked_before_existence(service: Service, address: dict[str, str], message: str) -> None:
    """An invalid name is not a 404."""
    assert service.error("GetIndex", **address).message == message


def test_indexes_are_listed_by_prefix_and_in_pages(service: Service) -> None:
    """Only those of one bucket, without metric and mode."""
    for name in ("beta", "alpha-2", "alpha-1"):
        service.index(name)
    first = service("ListIndexes", vectorBucketName="bucket", maxResults=2)
    rest = service("ListIndexes", vectorBucketArn=BUCKET_ARN, maxResults=2, nextToken=first["nextToken"])
    assert [each["indexName"] for each in (*first["indexes"], *rest["indexes"])] == [
        "alpha-1",
        "alpha-2",
        "beta",
    ]
    assert "nextToken" not in rest
    (one,) = service("ListIndexes", vectorBucketName="bucket", prefix="b")["indexes"]
    assert sorted(one) == ["creationTime", "indexArn", "indexName", "vectorBucketName"]


def test_deleting_an_index_deletes_its_vectors(service: Service) -> None:
    """A new index of the same name is empty."""
    address = service.index()
    service("PutVectors", **address, vectors=[{"key": "k", "data": {"float32": [1.0, 2.0]}}])
    assert service("DeleteIndex", **address) == {}
    assert service.error("DeleteIndex", **address).status == 404
    assert service("ListVectors", **service.index()) == {"vectors": []}


def test_tags_of_an_index_follow_the_rules_for_tags(service: Service) -> None:
    """Valid tags are stored."""
    service.bucket()
    assert service.error("CreateIndex", **NEW, tags={"aws:x": "y"}).status == 400
    service("CreateIndex", **NEW, tags={"team": "search"})
    assert service.state.buckets["bucket"].indexes["index"].tags == {"team": "search"}


def test_the_number_of_indexes_in_a_bucket_is_limited(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is 10,000; one more is a 402."""
    assert indexes.INDEXES_MAX == 10_000
    monkeypatch.setattr(indexes, "INDEXES_MAX", 2)
    service.index("one")
    service.index("two")
    error = service.error("CreateIndex", **NEW)
    assert (error.status, error.code) == (402, "ServiceQuotaExceededException")
