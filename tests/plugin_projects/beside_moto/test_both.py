import boto3
from moto import mock_aws


@mock_aws
def test_other_services_are_motos(s3vectors_endpoint):
    boto3.client("s3").create_bucket(
        Bucket="documents", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    boto3.client("s3vectors").create_vector_bucket(vectorBucketName="films")
    assert s3vectors_endpoint.bucket_names() == {"films"}
