"""Paths and methods: `POST /<Operation>`, and `/tags/<ARN>` with the ARN encoded as one segment."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket, MakeIndex

from .wire_requests import tags_path


@pytest.mark.parametrize("path", ["/NoSuchOperation", "/", "/GetIndexes", "/GetIndex/more"])
@requirement(
    "wire.unknown-operation", kind="effect", evidence="inferred", source=sources.REST_JSON, needs="raw"
)
def test_an_unknown_path_is_rejected(raw: RawClient, path: str) -> None:
    """A path that no operation has is rejected with a 4xx status."""
    assert 400 <= raw(path, b"{}").status < 500


@pytest.mark.parametrize("path", ["/NoSuchOperation", "/", "/GetIndex/more"])
@requirement(
    "wire.unknown-operation-is-json",
    kind="effect",
    evidence="inferred",
    source=sources.REST_JSON,
    needs="raw",
)
def test_an_unknown_path_is_answered_in_json(raw: RawClient, path: str) -> None:
    """The answer to an unknown path is JSON or empty, not XML or HTML, which no SDK reads here."""
    answer = raw(path, b"{}")
    assert not answer.body.strip() or isinstance(answer.json, dict), answer.body[:200]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@requirement("wire.wrong-method", kind="effect", evidence="inferred", source=sources.MODEL, needs="raw")
def test_a_wrong_method_is_rejected(raw: RawClient, method: str) -> None:
    """Another method than POST on the path of an operation is rejected."""
    assert 400 <= raw("/ListVectorBuckets", b"{}", method=method).status < 500


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@requirement(
    "wire.wrong-method-changes-nothing", kind="guard", evidence="inferred", source=sources.MODEL, needs="raw"
)
def test_a_wrong_method_changes_nothing(raw: RawClient, make_index: MakeIndex, method: str) -> None:
    """A request with a wrong method has no effect."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    raw("/DeleteVectors", {**index.address, "keys": ["k"]}, method=method)
    assert index.keys() == {"k"}


@requirement("wire.case-of-a-path", kind="open", evidence="inferred", source=sources.MODEL, needs="raw")
def test_paths_are_case_sensitive(raw: RawClient) -> None:
    """`/listvectorbuckets` is rejected."""
    assert 400 <= raw("/listvectorbuckets", b"{}").status < 500


@requirement("wire.tags-of-a-bucket", kind="effect", evidence="model", source=sources.MODEL, needs="raw tags")
def test_the_arn_of_a_bucket_is_one_segment(raw: RawClient, make_bucket: MakeBucket) -> None:
    """`GET /tags/arn%3Aaws…%3Abucket%2Fname` returns the tags of a vector bucket."""
    bucket = make_bucket()
    raw(tags_path(bucket.arn), {"tags": {"team": "search"}})
    answer = raw(tags_path(bucket.arn), method="GET")
    assert answer.status == 200
    assert answer.members["tags"].items() >= {("team", "search")}


@requirement("wire.tags-of-an-index", kind="effect", evidence="model", source=sources.MODEL, needs="raw tags")
def test_the_arn_of_an_index_is_one_segment(raw: RawClient, make_index: MakeIndex) -> None:
    """The encoded ARN of an index identifies the index and not its bucket."""
    index = make_index()
    raw(tags_path(index.arn), {"tags": {"team": "search"}})
    assert raw(tags_path(index.arn), method="GET").members["tags"] == {"team": "search"}
    bucket_arn = index.arn.split("/index/", maxsplit=1)[0]
    assert "team" not in raw(tags_path(bucket_arn), method="GET").members["tags"]


@requirement(
    "wire.tag-keys-in-a-query", kind="effect", evidence="model", source=sources.MODEL, needs="raw tags"
)
def test_tag_keys_are_query_parameters(raw: RawClient, make_index: MakeIndex) -> None:
    """`DELETE /tags/…?tagKeys=a&tagKeys=b%20c` removes each of the decoded keys."""
    index = make_index()
    raw(tags_path(index.arn), {"tags": {"a": "1", "b c": "2", "é/+=": "3", "stays": "4"}})
    keys = "&".join(f"tagKeys={quote(key, safe='')}" for key in ("a", "b c", "é/+="))
    assert raw(f"{tags_path(index.arn)}?{keys}", method="DELETE").status == 200
    assert raw(tags_path(index.arn), method="GET").members["tags"] == {"stays": "4"}
