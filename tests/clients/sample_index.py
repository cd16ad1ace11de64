"""A bucket with an index and a few vectors for one test."""

from __future__ import annotations

from dataclasses import dataclass

from client_programs import Access, Json
from sdks import Sdk

INDEX = "films"
#: Squared distances from the origin: 0, 25 and 289.
VECTORS: tuple[Json, ...] = (
    {"key": "a", "data": {"float32": [0.0, 0.0]}, "metadata": {"year": 1999, "plot": "A ship is lost."}},
    {"key": "b", "data": {"float32": [3.0, 4.0]}, "metadata": {"year": 2004, "tags": ["sea", "war"]}},
    {"key": "c", "data": {"float32": [8.0, 15.0]}},
)


@dataclass(frozen=True, slots=True)
class SampleIndex:
    """The index, addressed *by_arn* or by name."""

    bucket: str
    access: Access
    by_arn: bool = False

    @property
    def bucket_arn(self) -> str:
        return arn_of(self.bucket, self.access)

    @property
    def index_arn(self) -> str:
        return f"{self.bucket_arn}/index/{INDEX}"

    @property
    def bucket_address(self) -> Json:
        """The members of a request that address the bucket."""
        return {"vectorBucketArn": self.bucket_arn} if self.by_arn else {"vectorBucketName": self.bucket}

    @property
    def index_address(self) -> Json:
        """The members of a request that address the index."""
        if self.by_arn:
            return {"indexArn": self.index_arn}
        return {"vectorBucketName": self.bucket, "indexName": INDEX}

    @property
    def resource_arn(self) -> str:
        """The ARN for tagging requests: of the index if addressed *by_arn*, otherwise of the bucket."""
        return self.index_arn if self.by_arn else self.bucket_arn


def arn_of(bucket: str, access: Access) -> str:
    return f"arn:aws:s3vectors:{access.region}:{access.account}:bucket/{bucket}"


def create_sample(sample: SampleIndex, service: Sdk) -> None:
    """Create the bucket and its index, and put the vectors."""
    service.call("CreateVectorBucket", {"vectorBucketName": sample.bucket})
    service.call(
        "CreateIndex",
        {
            "vectorBucketName": sample.bucket,
            "indexName": INDEX,
            "dataType": "float32",
            "dimension": 2,
            "distanceMetric": "euclidean",
            "metadataConfiguration": {"nonFilterableMetadataKeys": ["plot"]},
        },
    )
    service.call(
        "PutVectors", {"vectorBucketName": sample.bucket, "indexName": INDEX, "vectors": list(VECTORS)}
    )
