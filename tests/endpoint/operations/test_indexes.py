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
    """Without metadataConfiguration where none was set; with the bucket's encryption and mode."""
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


def test_an_index_is_created_by_the_arn_of_its_bucket(service: Service) -> None:
    """A bucket-level address, in either form."""
    service.bucket()
    by_arn = {name: value for name, value in NEW.items() if name != "vectorBucketName"}
    assert service("CreateIndex", vectorBucketArn=BUCKET_ARN, **by_arn) == {"indexArn": ARN}


def test_non_filterable_keys_read_back(service: Service) -> None:
    """As they were given."""
    configuration = {"nonFilterableMetadataKeys": ["text", "source"]}
    address = service.index(metadataConfiguration=configuration)
    assert service("GetIndex", **address)["index"]["metadataConfiguration"] == configuration


@pytest.mark.parametrize(
    "configuration", [{}, {"nonFilterableMetadataKeys": []}, {"textSearchConfigurations": []}]
)
def test_an_empty_metadata_configuration_is_as_good_as_none(
    service: Service, configuration: dict[str, Any]
) -> None:
    """Nothing was set, so nothing is shown."""
    address = service.index(metadataConfiguration=configuration)
    assert "metadataConfiguration" not in service("GetIndex", **address)["index"]


def test_an_index_has_its_own_encryption_or_its_buckets(service: Service) -> None:
    """An index may override what its bucket says."""
    service("CreateVectorBucket", vectorBucketName="bucket", encryptionConfiguration=KMS)
    inherited = service.index("inherited")
    overridden = service.index("overridden", encryptionConfiguration={"sseType": "AES256"})
    assert service("GetIndex", **inherited)["index"]["encryptionConfiguration"] == KMS
    assert service("GetIndex", **overridden)["index"]["encryptionConfiguration"] == {"sseType": "AES256"}


def test_a_second_index_of_the_same_name_is_a_conflict(service: Service) -> None:
    """409, also when all else is the same."""
    service.bucket()
    service("CreateIndex", **NEW)
    refusal = service.refusal("CreateIndex", **NEW)
    assert (refusal.status, refusal.code) == (409, "ConflictException")
    assert refusal.message == "An index with the specified name already exists"


def test_an_index_in_a_missing_bucket_is_refused_for_the_bucket(service: Service) -> None:
    """404 of the bucket."""
    refusal = service.refusal("CreateIndex", **NEW)
    assert (refusal.status, refusal.message) == (404, "The specified vector bucket could not be found")


@pytest.mark.parametrize("name", ["with_under", "Upper", "-ab", "ab.", "a b", "a/b"])
def test_an_index_name_has_only_lower_case_letters_digits_hyphens_and_dots(
    service: Service, name: str
) -> None:
    """And begins and ends with a letter or a digit."""
    service.bucket()
    refusal = service.refusal("CreateIndex", **{**NEW, "indexName": name})
    assert (refusal.status, refusal.message) == (400, "Invalid index name")


def test_an_index_name_may_have_dots(service: Service) -> None:
    """Unlike that of a bucket."""
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
    """By its ARN, or by both names; checked before the index is looked for."""
    refusal = service.refusal(operation, **address, **rest)
    assert (refusal.status, refusal.code) == (400, "ValidationException")
    assert refusal.message == "Must specify either indexArn or both vectorBucketName and indexName"


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
    """404 of the index, even where the bucket is what is missing."""
    service.index()
    refusal = service.refusal(operation, **address, **rest)
    assert (refusal.status, refusal.code) == (404, "NotFoundException")
    assert refusal.message == "The specified index could not be found"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"vectorBucketName": "under_score", "indexName": "index"}, "Invalid vector bucket name"),
        ({"vectorBucketName": "bucket", "indexName": "under_score"}, "Invalid index name"),
    ],
)
def test_names_are_judged_before_existence(service: Service, address: dict[str, str], message: str) -> None:
    """A name that nothing can have is no 404."""
    assert service.refusal("GetIndex", **address).message == message


def test_indexes_are_listed_by_prefix_and_in_pages(service: Service) -> None:
    """Of one bucket alone, without metric or mode."""
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


def test_a_deleted_index_takes_its_vectors_along(service: Service) -> None:
    """An index made anew under its name is empty."""
    address = service.index()
    service("PutVectors", **address, vectors=[{"key": "k", "data": {"float32": [1.0, 2.0]}}])
    assert service("DeleteIndex", **address) == {}
    assert service.refusal("DeleteIndex", **address).status == 404
    assert service("ListVectors", **service.index()) == {"vectors": []}


def test_tags_of_an_index_follow_the_rules_for_tags(service: Service) -> None:
    """Kept where they are good."""
    service.bucket()
    assert service.refusal("CreateIndex", **NEW, tags={"aws:x": "y"}).status == 400
    service("CreateIndex", **NEW, tags={"team": "search"})
    assert service.state.buckets["bucket"].indexes["index"].tags == {"team": "search"}


def test_a_bucket_has_a_bounded_number_of_indexes(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is a 402; the bound itself is 10,000."""
    assert indexes.INDEXES_MAX == 10_000
    monkeypatch.setattr(indexes, "INDEXES_MAX", 2)
    service.index("one")
    service.index("two")
    refusal = service.refusal("CreateIndex", **NEW)
    assert (refusal.status, refusal.code) == (402, "ServiceQuotaExceededException")
