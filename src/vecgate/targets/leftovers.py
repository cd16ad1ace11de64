"""What runs made and did not remove: written down before it is made, found by that record or by its tag.

Nothing else is ever deleted: a name that begins like ours proves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import platformdirs
from botocore.exceptions import BotoCoreError, ClientError

from vecgate.errors import JournalError
from vecgate.targets.target import Target

#: The tag of a bucket that a run has made; its value is the id of the run.
RUN_TAG = "vecgate-run"


class Made(msgspec.Struct, frozen=True):
    """A bucket that a run was about to make.

    bucket  its name
    place   where, as `place_of` says it
    run     which run
    """

    bucket: str
    place: str
    run: str


@dataclass(frozen=True, slots=True)
class Leftover:
    """A bucket that looks like ours.

    proof  `record` or `tag`; empty where nothing proves that a run of vecgate made it
    """

    name: str
    created_at: datetime | None
    proof: str


def place_of(target: Target) -> str:
    """Where *target* is, so that a record of one is never held against another."""
    return target.endpoint_url or f"aws:{target.region}"


def records_folder() -> Path:
    """The folder of the records, in the user's state directory."""
    return platformdirs.user_state_path("vecgate") / "made"


class MadeRecord:
    """The record of one process of a run; the file is gone once all that it names is."""

    def __init__(self, target: Target, run: str, worker: str) -> None:
        self._place, self._run = place_of(target), run
        self.path = records_folder() / f"{run}-{worker}.jsonl"

    def announce(self, bucket: str) -> None:
        """Write down that *bucket* is about to be made; it is on disk when this returns."""
        line = msgspec.json.encode(Made(bucket, self._place, self._run)) + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JournalError(
                f"what is about to be made cannot be written down: {error}", hint="Set XDG_STATE_HOME."
            ) from error

    def forget(self) -> None:
        """All that it names is removed."""
        self.path.unlink(missing_ok=True)


def recorded(place: str, *, run: str = "") -> Iterator[tuple[Made, Path]]:
    """What the records say was made at *place*, by *run* or by any, and the file that says so."""
    for path in sorted(records_folder().glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            try:
                made = msgspec.json.decode(line, type=Made)
            except msgspec.DecodeError:
                continue  # half a line: nothing was made yet
            if made.place == place and run in {"", made.run}:
                yield made, path


def find_leftovers(client: Any, prefix: str, known: Iterable[str]) -> list[Leftover]:  # noqa: ANN401 - boto3
    """The buckets that begin with *prefix* or are *known* from a record, by name."""
    names = set(known)
    found = [
        Leftover(each["vectorBucketName"], each.get("creationTime"), _proof(client, each, names))
        for each in _buckets(client)
        if each["vectorBucketName"] in names or each["vectorBucketName"].startswith(prefix)
    ]
    return sorted(found, key=lambda leftover: leftover.name)


def _buckets(client: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3
    for page in client.get_paginator("list_vector_buckets").paginate():
        yield from page["vectorBuckets"]


def _proof(client: Any, bucket: dict[str, Any], names: set[str]) -> str:  # noqa: ANN401 - boto3
    if bucket["vectorBucketName"] in names:
        return "record"
    try:
        tags = client.list_tags_for_resource(resourceArn=bucket["vectorBucketArn"])["tags"]
    except (BotoCoreError, ClientError, KeyError):
        return ""
    return "tag" if RUN_TAG in tags else ""
