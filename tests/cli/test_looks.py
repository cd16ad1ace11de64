"""What would not work is known before it is begun: a few requests say so, and nothing is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from commands import Vecgate
from guarded import Sign, administrator_at, guarded_endpoint


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an endpoint that allows as little as it is told to."""
    with guarded_endpoint(tmp_path_factory.mktemp("guarded")) as url:
        yield url


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("scale", "--dimension", "4"), "PutVectors"),
        (("scale", "--dimension", "4"), "DeleteVectorBucket"),
        (("capacity", "smoke"), "DeleteIndex"),
        (("capacity", "smoke", "--bucket-prefix", "team"), "QueryVectors"),
        (("ramp", "smoke"), "GetVectors"),
    ],
)
def test_a_run_that_is_not_allowed_all_it_needs_does_not_begin(
    vecgate: Vecgate, guarded: str, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], missing: str
) -> None:
    """It is told what, and which policy has it; no bucket is made."""
    Sign(monkeypatch)(f"{words[0]}.{missing}")
    result = vecgate(*words, "--target", guarded)
    assert (result.code, result.out) == (3, "")
    assert f"error: the run would not work: {missing}" in result.err
    assert f"not authorized to perform: s3vectors:{missing}" in result.err
    assert f"vecgate doctor --policy {words[0]}" in result.err
    with closing(administrator_at(guarded)) as client:
        buckets = client.list_vector_buckets()["vectorBuckets"]
    assert [each["vectorBucketName"] for each in buckets] == ["media"]
