"""What runs made and did not remove, found by its record or by its tag.

Nothing else is ever deleted: a name that begins like ours proves nothing. Nor is a record dropped because its
bucket was not looked for, was not there yet, or is in another account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from vecgate.errors import TargetError
from vecgate.targets.holding import is_held
from vecgate.targets.leftovers import RUN_TAG, Made

#: What was announced, and the file that says so.
Records: TypeAlias = Sequence[tuple[Made, Path]]
#: Between an announcement and the bucket lie seconds; after so long it never came, or is gone.
SURELY_MADE_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A bucket that looks like ours.

    created_at  None where the server does not say
    proof       `record` or `tag`; empty where nothing proves that a run of vecgate made it
    is_held     the process that announced it is still there
    """

    name: str
    created_at: datetime | None
    proof: str
    is_held: bool = False

    def kept_because(self, before: datetime) -> str:
        """Why it stays where only what was made *before* is to be removed; empty where it does not."""
        if not self.proof:
            return "no proof"
        if self.is_held:
            return "its run goes on"
        return "too young" if self.created_at and self.created_at > before else ""


def find_leftovers(client: Any, prefix: str, records: Records) -> list[Leftover]:  # noqa: ANN401 - boto3
    """The buckets that begin with *prefix* or are known from *records*, by name. Raises botocore's errors."""
    known = {made.bucket: path for made, path in records}
    found = [
        Leftover(name, each.get("creationTime"), _proof(client, each, known), _is_held(known.get(name)))
        for each in _buckets(client)
        if (name := each["vectorBucketName"]) in known or name.startswith(prefix)
    ]
    return sorted(found, key=lambda leftover: leftover.name)


def settled(
    records: Records, *, removed: Collection[str], there: Collection[str], account: str, now: datetime
) -> set[Path]:
    """The files of *records* all of whose buckets are gone: they have nothing more to tell.

    removed  names of buckets that are removed; *there*, of those that the listing had
    account  that was looked at, empty where it is not known
    """

    def is_gone(made: Made, path: Path) -> bool:
        is_looked_for = not made.place.startswith("aws:") or (made.account == account != "")
        is_missing = is_looked_for and made.bucket not in there
        return made.bucket in removed or (is_missing and _is_older(path, now - SURELY_MADE_AFTER))

    needed = {path for made, path in records if _is_held(path) or not is_gone(made, path)}
    return {path for _, path in records} - needed


def _is_held(path: Path | None) -> bool:
    return path is not None and is_held(path)


def _is_older(path: Path, moment: datetime) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < moment
    except FileNotFoundError:
        return False  # its run has just removed all that it names


def _buckets(client: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3
    for page in client.get_paginator("list_vector_buckets").paginate():
        if "vectorBuckets" not in page:
            raise TargetError("the answer to ListVectorBuckets lists none", hint="Is this S3 Vectors?")
        yield from page["vectorBuckets"]


def _proof(client: Any, bucket: dict[str, Any], known: Collection[str]) -> str:  # noqa: ANN401 - boto3
    if bucket["vectorBucketName"] in known:
        return "record"
    try:
        tags = client.list_tags_for_resource(resourceArn=bucket["vectorBucketArn"])["tags"]
    except (BotoCoreError, ClientError, KeyError):
        return ""
    return "tag" if RUN_TAG in tags else ""
