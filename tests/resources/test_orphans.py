"""The search for orphaned buckets, and for creation logs that are finished."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.errors import TargetError
from vecgate.resources.creation_log import END_TAG, RUN_TAG, CreationEntry
from vecgate.resources.file_lock import open_locked
from vecgate.resources.orphans import OrphanedBucket, find_orphans, finished_logs

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)
FILE = Path("no-such-file")


class Service:
    """Lists *buckets* with their tags; the tags of a bucket with None cannot be listed."""

    def __init__(self, **buckets: dict[str, str] | None) -> None:
        self._buckets = {name.replace("_", "-"): tags for name, tags in buckets.items()}

    def get_paginator(self, name: str) -> Any:
        assert name == "list_vector_buckets"
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [
            {"vectorBuckets": [{"vectorBucketName": name, "vectorBucketArn": name, "creationTime": NOW}]}
            for name in self._buckets
        ]

    def list_tags_for_resource(self, resourceArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        tags = self._buckets[resourceArn]
        if tags is None:
            raise ClientError({"Error": {"Code": "404"}}, "ListTagsForResource")
        return {"tags": tags}


def entry(bucket: str, location: str = "http://h:1", account: str = "") -> CreationEntry:
    return CreationEntry(bucket, location, "run1", account)


def test_a_name_proves_nothing() -> None:
    """Only the creation log or the tag does."""
    service = Service(
        vg_tagged={RUN_TAG: "run1"},
        vg_known={},
        vg_other={"team": "x"},
        vg_silent=None,
        media={RUN_TAG: "x"},
        kept={},
    )
    entries = [(entry(name), FILE) for name in ("vg-known", "kept", "absent")]
    found = find_orphans(service, "vg-", entries)
    assert [(each.name, each.created_at, each.proof) for each in found] == [
        ("kept", NOW, "record"),
        ("vg-known", NOW, "record"),
        ("vg-other", NOW, ""),
        ("vg-silent", NOW, ""),
        ("vg-tagged", NOW, "tag"),
    ]
    # Nobody could look at its tags, which is said; it is not the same as a tag that is missing.
    assert [each.name for each in found if each.tags_problem] == ["vg-silent"]
    assert "could not be read" in found[3].reason_to_keep(NOW)


@pytest.mark.parametrize(
    "page", [{}, {"vectorBuckets": [None]}, {"vectorBuckets": [{"vectorBucketName": "a"}, 1]}]
)
def test_an_answer_without_a_list_of_buckets_is_an_error(page: dict[str, Any]) -> None:
    """It is not the same as an empty list, which would prove that every bucket is gone."""

    class OtherService:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self) -> list[dict[str, Any]]:
            return [page]

    with pytest.raises(TargetError, match="has no `vectorBuckets`"):
        find_orphans(OtherService(), "vg-", [])


def test_a_bucket_of_an_active_run_is_found_as_such(tmp_path: Path) -> None:
    """The lock of the creation log shows it."""
    descriptor = open_locked(tmp_path / "run1-main.jsonl")
    (found,) = find_orphans(Service(vg_a={}), "vg-", [(entry("vg-a"), tmp_path / "run1-main.jsonl")])
    os.close(descriptor)
    assert found == OrphanedBucket("vg-a", NOW, "record", is_run_alive=True)


@pytest.mark.parametrize(
    ("orphan", "reason"),
    [
        (OrphanedBucket("a", NOW - HOUR, "record"), ""),
        (OrphanedBucket("a", NOW, "tag"), ""),
        (OrphanedBucket("a", None, "tag"), ""),
        (OrphanedBucket("a", NOW + HOUR, "tag"), "too young"),
        (OrphanedBucket("a", NOW - HOUR, "record", is_run_alive=True), "its run is still active"),
        (OrphanedBucket("a", NOW - HOUR, ""), "no proof"),
        (OrphanedBucket("a", NOW - HOUR, "tag", until=NOW + HOUR), "its run may last until "),
        (OrphanedBucket("a", NOW - HOUR, "tag", until=NOW - HOUR), ""),
    ],
)
def test_a_bucket_is_kept_for_a_reason(orphan: OrphanedBucket, reason: str) -> None:
    """No proof, an active run, or too young."""
    assert orphan.reason_to_keep(NOW, NOW).startswith(reason)
    assert bool(orphan.reason_to_keep(NOW, NOW)) == bool(reason)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("2026-11-30T10:00:00+00:00", datetime(2026, 11, 30, 10, tzinfo=UTC)),
        ("2026-11-30T12:00:00+02:00", datetime(2026, 11, 30, 10, tzinfo=UTC)),
        ("soon", None),
        ("", None),
    ],
)
def test_the_tag_says_until_when_a_run_needs_its_bucket(text: str, until: datetime | None) -> None:
    """So that a clean-up on another machine need not guess. A tag that says nothing is ignored."""
    (found,) = find_orphans(Service(vg_a={RUN_TAG: "r", END_TAG: text}), "vg-", [])
    assert (found.proof, found.until) == ("tag", until)


def file_of_age(folder: Path, age: timedelta) -> Path:
    path = folder / "run1-main.jsonl"
    path.touch()
    at_s = (NOW - age).timestamp()
    os.utime(path, (at_s, at_s))
    return path


@pytest.mark.parametrize(
    ("age", "removed", "existing", "is_finished"),
    [
        # Both were removed, at any age.
        (timedelta(0), {"a", "b"}, {"a", "b"}, True),
        # One of two still exists.
        (2 * HOUR, {"a"}, {"a", "b"}, False),
        # Neither exists: announced recently, or long ago.
        (timedelta(minutes=59), set(), set(), False),
        (timedelta(minutes=61), set(), set(), True),
        (2 * HOUR, {"a"}, {"a"}, True),
    ],
)
def test_a_log_is_finished_when_all_its_buckets_are_gone(
    tmp_path: Path, age: timedelta, removed: set[str], existing: set[str], is_finished: bool
) -> None:
    """Each was removed, or announced long ago and not listed."""
    path = file_of_age(tmp_path, age)
    entries = [(entry(name), path) for name in ("a", "b")]
    finished = finished_logs(entries, removed=removed, existing=existing, account="", now=NOW)
    assert finished == ({path} if is_finished else set())


@pytest.mark.parametrize(
    ("announced", "listed", "is_finished"),
    [("1", "1", True), ("1", "2", False), ("", "1", False), ("", "", False)],
)
def test_on_amazon_a_missing_bucket_may_be_in_another_account(
    tmp_path: Path, announced: str, listed: str, is_finished: bool
) -> None:
    """A missing bucket finishes a log only if the buckets of its account were listed."""
    path = file_of_age(tmp_path, 2 * HOUR)
    entries = [(entry("a", "aws:r-1", announced), path)]
    finished = finished_logs(entries, removed=(), existing=(), account=listed, now=NOW)
    assert finished == ({path} if is_finished else set())
    assert finished_logs(entries, removed=("a",), existing=(), account=listed, now=NOW) == {path}


def test_the_log_of_an_active_run_is_not_finished(tmp_path: Path) -> None:
    """The run may create more buckets."""
    path = file_of_age(tmp_path, 2 * HOUR)
    descriptor = open_locked(path)
    assert finished_logs([(entry("a"), path)], removed=("a",), existing=(), account="", now=NOW) == set()
    os.close(descriptor)
    assert finished_logs([(entry("a"), path)], removed=("a",), existing=(), account="", now=NOW) == {path}


def test_a_log_that_its_run_has_discarded_is_not_finished_again() -> None:
    """Its file does not exist any more."""
    assert finished_logs([(entry("a"), FILE)], removed=(), existing=(), account="", now=NOW) == set()
