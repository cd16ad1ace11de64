import pytest


@pytest.mark.parametrize("vector_index", [{"dimension": 384, "non_filterable": ["text"]}], indirect=True)
def test_the_nearest_comes_first(vector_index):
    near, far = [1.0] + [0.0] * 383, [0.0] * 383 + [1.0]
    vector_index.put(("near", near, {"text": "a"}), ("far", far))
    assert [each["key"] for each in vector_index.query(near)] == ["near", "far"]
    assert "384 dimensions, 2 vectors: far, near" in repr(vector_index)
