import pytest


@pytest.fixture(scope="module")
def films(vector_index_factory):
    index = vector_index_factory(dimension=3, metric="euclidean", scope="module")
    index.put(("alien", [1.0, 2.0, 3.0]))
    return index


def test_an_index_of_the_module(films):
    assert films.keys() == {"alien"}


class TestMore:
    def test_it_is_still_there(self, films, vector_index_factory):
        assert films.keys() == {"alien"}
        vector_index_factory(name="of-a-class", scope="class")

    def test_an_index_of_the_class(self, vector_bucket, s3vectors_client):
        assert s3vectors_client.get_index(vectorBucketName=vector_bucket, indexName="of-a-class")


def test_the_index_of_the_class_is_removed(vector_bucket, s3vectors_client):
    with pytest.raises(s3vectors_client.exceptions.NotFoundException):
        s3vectors_client.get_index(vectorBucketName=vector_bucket, indexName="of-a-class")
