from app import save_film


def test_the_application_writes_one_film(s3vectors_endpoint, s3vectors_requests):
    save_film("alien")
    assert s3vectors_requests.operations == ["CreateVectorBucket", "CreateIndex", "PutVectors"]
    (put,) = s3vectors_requests.of("PutVectors")
    assert [each["key"] for each in put.members["vectors"]] == ["alien"]


def test_each_test_begins_without_the_buckets_of_others(s3vectors_endpoint):
    assert s3vectors_endpoint.bucket_names() == set()
    save_film("brazil")
