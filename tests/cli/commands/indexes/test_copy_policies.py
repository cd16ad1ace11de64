"""The printed policies are enough for both sides of a copy, and for a deletion by a filter, and needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commands import Result, Vecgate
from restricted_endpoint import SECRET, SignAs

FILMS = {"vectorBucketName": "media", "indexName": "films"}


@pytest.fixture
def profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Profiles of the principals, with their names."""
    names = (
        "copy-from",
        "copy-from.ListTagsForResource",
        "copy-to",
        "copy-to.TagResource",
        "copy-to.GetVectors",
    )
    lines = [f"[{name}]\naws_access_key_id = {name}\naws_secret_access_key = {SECRET}\n" for name in names]
    credentials = tmp_path / "credentials"
    credentials.write_text("".join(lines))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def copy(vecgate: Vecgate, url: str, name: str, *, reads: str = "", writes: str = "") -> Result:
    """Copy media/films with the profiles of both sides, each without one action."""
    return vecgate(
        *("copy", "media/films", f"media/{name}", "--target", url),
        *("--from-profile", f"copy-from{reads}", "--to-profile", f"copy-to{writes}"),
    )


def test_each_side_of_a_copy_needs_its_policy(
    vecgate: Vecgate, restricted: str, admin: Any, profiles: None
) -> None:
    """With the profile of another account for each."""
    arn = admin.get_index(**FILMS)["index"]["indexArn"]
    admin.tag_resource(resourceArn=arn, tags={"team": "search"})
    result = copy(vecgate, restricted, "enough")
    assert result.code == 0, result.err
    for name, less, missing in (
        ("untold", {"reads": ".ListTagsForResource"}, "ListTagsForResource"),
        ("untagged", {"writes": ".TagResource"}, "TagResource"),
        ("unread", {"writes": ".GetVectors"}, "GetVectors"),
    ):
        denied = copy(vecgate, restricted, name, **less)
        assert denied.code == 3, denied.err
        assert f"not authorized to perform: s3vectors:{missing}" in denied.err


def test_a_deletion_by_a_filter_needs_its_policy(
    vecgate: Vecgate, restricted: str, admin: Any, sign_as: SignAs
) -> None:
    """It reads metadata, and deletes."""
    vector = {"key": "late", "data": {"float32": [1.0, 0, 0, 1]}, "metadata": {"year": 3000}}
    words = ("delete", "--where", '{"year": 3000}', "--bucket", "media", "--index", "films", "--yes")
    for name, code in (
        ("delete-where.GetVectors", 3),
        ("delete-where.DeleteVectors", 3),
        ("delete-where", 0),
    ):
        admin.put_vectors(**FILMS, vectors=[vector])
        sign_as(name)
        result = vecgate(*words, "--target", restricted)
        assert result.code == code, result.err
