import subprocess
import sys

PROGRAM = "import boto3; boto3.client('s3vectors').create_vector_bucket(vectorBucketName='of-a-child')"


def test_children_use_the_endpoint(s3vectors_endpoint):
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
    assert s3vectors_endpoint.bucket_names() == {"of-a-child"}
