"""An application that creates its own client, as most do."""

import boto3


def save_film(title: str) -> None:
    client = boto3.client("s3vectors")
    client.create_vector_bucket(vectorBucketName="films")
    client.create_index(
        vectorBucketName="films", indexName="titles", dataType="float32", dimension=2, distanceMetric="cosine"
    )
    client.put_vectors(
        vectorBucketName="films",
        indexName="titles",
        vectors=[{"key": title, "data": {"float32": [1.0, 0.0]}}],
    )
