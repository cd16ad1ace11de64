import boto3
import numpy as np

import vecgate


def test_accelerated_and_batched(s3vectors_endpoint, vector_index):
    client = vecgate.accelerate(boto3.client("s3vectors"))
    client.put_vectors(
        **vector_index.address, vectors=[{"key": "a", "data": {"float32": np.ones(2, np.float32)}}]
    )
    writer = vecgate.BulkWriter(client, bucket=vector_index.bucket, index=vector_index.name)
    assert writer.put([("b", np.ones(2, np.float32))]).acknowledged == 1
    assert vector_index.keys() == {"a", "b"}
