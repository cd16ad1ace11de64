from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from vecgate.errors import JournalError
from vecgate.targets.leftovers import RUN_TAG, Leftover, MadeRecord, find_leftovers, place_of, recorded
from vecgate.targets.target import Target

WHEN = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def target(url: str | None = "http://h:1", region: str = "r-1") -> Target:
    return Target("x", url, region, "", Credentials("a", "b"))


class Service:
    """Lists *buckets*, each with the tags it is given; None where tags cannot be asked for."""

    def __init__(self, **buckets: dict[str, str] | None) -> None:
        self._buckets = {name.replace("_", "-"): tags for name, tags in buckets.items()}

    def get_paginator(self, name: str) -> Any:
        assert name == "list_vector_buckets"
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [
            {"vectorBuckets": [{"vectorBucketName": name, "vectorBucketArn": name, "creationTime": WHEN}]}
            for name in self._buckets
        ]

    def list_tags_for_resource(self, resourceArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        tags = self._buckets[resourceArn]
        if tags is None:
            raise ClientError({"Error": {"Code": "404"}}, "ListTagsForResource")
        return {"tags": tags}


def test_what_is_made_is_written_down_before() -> None:
    """It is on disk, with where and by which run, until all of it is gone."""
    record = MadeRecord(target(), "run1", "gw0")
    record.announce("vg-1")
    record.announce("vg-2")
    found = [(made.bucket, made.place, made.run) for made, _ in recorded("http://h:1")]
    assert found == [("vg-1", "http://h:1", "run1"), ("vg-2", "http://h:1", "run1")]
    record.forget()
    record.forget()
    assert list(recorded("http://h:1")) == []


def test_records_of_other_places_and_runs_are_left_alone() -> None:
    """A name is ours only where we made it."""
    MadeRecord(target(), "run1", "main").announce("vg-1")
    MadeRecord(target(None, "r-1"), "run2", "main").announce("vg-2")
    assert place_of(target(None, "r-1")) == "aws:r-1"
    assert [made.bucket for made, _ in recorded("aws:r-1")] == ["vg-2"]
    assert [made.bucket for made, _ in recorded("aws:r-2")] == []
    assert [made.bucket for made, _ in recorded("http://h:1", run="run1")] == ["vg-1"]
    assert [made.bucket for made, _ in recorded("http://h:1", run="run2")] == []


def test_half_a_line_is_passed_over() -> None:
    """The process was killed while it wrote: nothing was made yet."""
    record = MadeRecord(target(), "run1", "main")
    record.announce("vg-1")
    with record.path.open("ab") as file:
        file.write(b'{"bucket":"vg-')
    assert [made.bucket for made, _ in recorded("http://h:1")] == ["vg-1"]


def test_nothing_is_made_that_cannot_be_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is a file: an error, not a bucket that nobody remembers."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(JournalError, match="cannot be written down"):
        MadeRecord(target(), "run1", "main").announce("vg-1")


def test_a_name_proves_nothing() -> None:
    """A record does, or our tag."""
    service = Service(
        vg_tagged={RUN_TAG: "run1"},
        vg_known={},
        vg_other={"team": "x"},
        vg_silent=None,
        media={RUN_TAG: "x"},
        kept={},
    )
    assert find_leftovers(service, "vg-", ["vg-known", "kept", "gone"]) == [
        Leftover("kept", WHEN, "record"),
        Leftover("vg-known", WHEN, "record"),
        Leftover("vg-other", WHEN, ""),
        Leftover("vg-silent", WHEN, ""),
        Leftover("vg-tagged", WHEN, "tag"),
    ]
