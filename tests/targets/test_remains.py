"""What is found of what runs left, and which records have nothing more to tell."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.errors import TargetError
from vecgate.targets.holding import hold
from vecgate.targets.leftovers import RUN_TAG, Made
from vecgate.targets.remains import Leftover, find_leftovers, settled

WHEN = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)
FILE = Path("no-such-file")


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


def made(bucket: str, place: str = "http://h:1", account: str = "") -> Made:
    return Made(bucket, place, "run1", account)


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
    records = [(made(name), FILE) for name in ("vg-known", "kept", "gone")]
    assert find_leftovers(service, "vg-", records) == [
        Leftover("kept", WHEN, "record"),
        Leftover("vg-known", WHEN, "record"),
        Leftover("vg-other", WHEN, ""),
        Leftover("vg-silent", WHEN, ""),
        Leftover("vg-tagged", WHEN, "tag"),
    ]


def test_what_lists_no_buckets_is_no_such_service() -> None:
    """It is not taken for one that has none."""

    class Stranger:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self) -> list[dict[str, Any]]:
            return [{}]

    with pytest.raises(TargetError, match="lists none"):
        find_leftovers(Stranger(), "vg-", [])


def test_the_bucket_of_a_process_that_is_there_is_held(tmp_path: Path) -> None:
    """Found, and known to be in use."""
    descriptor = hold(tmp_path / "run1-main.jsonl")
    (found,) = find_leftovers(Service(vg_a={}), "vg-", [(made("vg-a"), tmp_path / "run1-main.jsonl")])
    os.close(descriptor)
    assert found == Leftover("vg-a", WHEN, "record", is_held=True)


@pytest.mark.parametrize(
    ("leftover", "why"),
    [
        (Leftover("a", WHEN - HOUR, "record"), ""),
        (Leftover("a", WHEN, "tag"), ""),
        (Leftover("a", None, "tag"), ""),
        (Leftover("a", WHEN + HOUR, "tag"), "too young"),
        (Leftover("a", WHEN - HOUR, "record", is_held=True), "its run goes on"),
        (Leftover("a", WHEN - HOUR, ""), "no proof"),
    ],
)
def test_what_is_kept_has_a_reason(leftover: Leftover, why: str) -> None:
    """Nobody's, in use, or too young."""
    assert leftover.kept_because(WHEN) == why


def file_of_age(folder: Path, age: timedelta) -> Path:
    path = folder / "run1-main.jsonl"
    path.touch()
    at_s = (WHEN - age).timestamp()
    os.utime(path, (at_s, at_s))
    return path


@pytest.mark.parametrize(
    ("age", "removed", "there", "is_settled"),
    [
        # Removed just now, however young.
        (timedelta(0), {"a", "b"}, {"a", "b"}, True),
        # One of two is still there.
        (2 * HOUR, {"a"}, {"a", "b"}, False),
        # Not there: announced a moment ago, or long gone.
        (timedelta(minutes=59), set(), set(), False),
        (timedelta(minutes=61), set(), set(), True),
        (2 * HOUR, {"a"}, {"a"}, True),
    ],
)
def test_a_record_goes_when_all_that_it_names_is_gone(
    tmp_path: Path, age: timedelta, removed: set[str], there: set[str], is_settled: bool
) -> None:
    """Removed, or looked for and long not there."""
    path = file_of_age(tmp_path, age)
    records = [(made(name), path) for name in ("a", "b")]
    settled_ = settled(records, removed=removed, there=there, account="", now=WHEN)
    assert settled_ == ({path} if is_settled else set())


@pytest.mark.parametrize(
    ("told", "looked_at", "is_settled"),
    [("1", "1", True), ("1", "2", False), ("", "1", False), ("", "", False)],
)
def test_on_amazon_what_is_not_there_may_be_in_another_account(
    tmp_path: Path, told: str, looked_at: str, is_settled: bool
) -> None:
    """A record goes for want of its bucket only where its own account was looked at."""
    path = file_of_age(tmp_path, 2 * HOUR)
    records = [(made("a", "aws:r-1", told), path)]
    gone = settled(records, removed=(), there=(), account=looked_at, now=WHEN)
    assert gone == ({path} if is_settled else set())
    assert settled(records, removed=("a",), there=(), account=looked_at, now=WHEN) == {path}


def test_the_record_of_a_process_that_is_there_stays(tmp_path: Path) -> None:
    """It may make more."""
    path = file_of_age(tmp_path, 2 * HOUR)
    descriptor = hold(path)
    assert settled([(made("a"), path)], removed=("a",), there=(), account="", now=WHEN) == set()
    os.close(descriptor)
    assert settled([(made("a"), path)], removed=("a",), there=(), account="", now=WHEN) == {path}


def test_a_record_that_its_run_forgets_meanwhile_needs_no_forgetting() -> None:
    """Its file is gone."""
    assert settled([(made("a"), FILE)], removed=(), there=(), account="", now=WHEN) == set()
