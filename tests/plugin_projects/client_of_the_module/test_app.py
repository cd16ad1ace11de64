import boto3

# Created before any fixture: it does not know the endpoint.
CLIENT = boto3.client(
    "s3vectors", region_name="eu-west-1", aws_access_key_id="key", aws_secret_access_key="secret"
)


def test_its_requests_arrive_too(s3vectors_endpoint):
    CLIENT.create_vector_bucket(vectorBucketName="films")
    assert "films" in s3vectors_endpoint.bucket_names()
