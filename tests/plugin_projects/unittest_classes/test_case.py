import unittest

import boto3
import pytest


@pytest.mark.vecgate
class TestFilms(unittest.TestCase):
    def setUp(self):
        self.client = boto3.client("s3vectors")
        self.client.create_vector_bucket(vectorBucketName="films")

    def test_a_bucket(self):
        self.assertEqual(len(self.client.list_vector_buckets()["vectorBuckets"]), 1)

    def test_again(self):
        self.assertEqual(len(self.client.list_vector_buckets()["vectorBuckets"]), 1)
