"""Find and remove the buckets that runs created and did not remove, by their creation log or their tag.

Nothing else is ever deleted: a name that begins with the usual prefix proves nothing. A creation log is kept
while one of its buckets may still exist: not listed, not created yet, or in another account.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

from vecgate.errors import TargetError
from vecgate.resources.cleanup import (
    TIMEOUT_S,
    describe_problem,
    list_all,
    open_cleanup_client,
    remove_bucket,
)
from vecgate.resources.creation_log import (
    END_TAG,
    RUN_TAG,
    CreationEntry,
    read_creation_logs,
    target_location,
)
from vecgate.resources.file_lock import is_locked
from vecgate.targets.account import resolve_account
from vecgate.targets.target import Target

DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
#: Entries of creation logs, each with its file.
Entries: TypeAlias = Sequence[tuple[CreationEntry, Path]]
#: A bucket is created within seconds of its entry. One that does not exist after this time never will.
CREATION_TIME_MAX = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class OrphanedBucket:
    """A bucket that may be the remainder of a run.

    created_at   None if the server does not say
    proof        `record` or `tag`; empty if nothing proves that a run of vecgate created it
    is_run_alive the process that announced it still runs
    until        when its run has ended at the latest, as its tag says; None if it does not
    tags_problem why its tags could not be read; empty if they were, or were not needed
    is_denied    the reason is a missing right
    """

    name: str
    created_at: datetime | None
    proof: str
    is_run_alive: bool = False
    tags_problem: str = ""
    is_denied: bool = False
    until: datetime | None = None

    def reason_to_keep(self, before: datetime, now: datetime | None = None) -> str:
        """Return why a clean-up of buckets created *before* keeps this one at *now*; empty if it does not."""
        if not self.proof:
            return f"its tags could not be read ({self.tags_problem})" if self.tags_problem else "no proof"
        if self.is_run_alive:
            return "its run is still active"
        if self.until is not None and self.until > (now or datetime.now(UTC)):
            return f"its run may last until {self.until:%Y-%m-%d %H:%M} UTC"
        return "too young" if self.created_at and self.created_at > before else ""


@dataclass(frozen=True, slots=True)
class OrphanSearch:
    """The buckets that a clean-up found, and the result of removing them.

    removable   buckets to remove
    kept        the other buckets, each with the reason to keep it
    is_removal  whether the search also removes buckets
    removed     names of the buckets that were removed
    problems    one line for each resource that could not be removed
    """

    removable: Sequence[OrphanedBucket]
    kept: Sequence[tuple[OrphanedBucket, str]]
    is_removal: bool
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def unseen(self) -> list[OrphanedBucket]:
        """The buckets whose tags may not be read: nobody knows whether a run created them."""
        return [each for each, _ in self.kept if each.is_denied]


def find_orphans(client: Any, prefix: str, entries: Entries) -> list[OrphanedBucket]:  # noqa: ANN401 - boto3
    """Return the buckets that begin with *prefix* or are in *entries*, by name.

    Raises botocore's errors, and TargetError for an answer that is no list of buckets: it would make the
    buckets that it does not list look removed.
    """
    announced = {entry.bucket: path for entry, path in entries}
    found = [
        _examine(client, name, each, announced)
        for each in list_all(client, "ListVectorBuckets", "vectorBuckets")
        if (name := _name(each)) in announced or name.startswith(prefix)
    ]
    return sorted(found, key=lambda orphan: orphan.name)


def _name(bucket: Mapping[str, Any]) -> str:
    name = bucket.get("vectorBucketName")
    if not isinstance(name, str):
        raise TargetError(
            "the answer to ListVectorBuckets has a bucket without a name",
            hint="Check that the URL is an S3 Vectors endpoint.",
        )
    return name


def finished_logs(
    entries: Entries, *, removed: Collection[str], existing: Collection[str], account: str, now: datetime
) -> set[Path]:
    """Return the creation logs whose buckets have all been removed.

    removed   names of the buckets that this clean-up removed
    existing  names of the buckets that were listed before it
    account   whose buckets were listed, empty if unknown
    """

    def is_absent(entry: CreationEntry, path: Path) -> bool:
        is_listed = not entry.location.startswith("aws:") or (entry.account == account != "")
        is_missing = is_listed and entry.bucket not in existing
        return entry.bucket in removed or (is_missing and _is_older(path, now - CREATION_TIME_MAX))

    needed = {path for entry, path in entries if _is_alive(path) or not is_absent(entry, path)}
    return {path for _, path in entries} - needed


def clean_up(
    target: Target, prefix: str, *, before: datetime, now: datetime, is_removal: bool
) -> OrphanSearch:
    """Find the orphaned buckets that were created before *before*, and remove them if *is_removal*.

    *prefix* selects further buckets to list. Raises botocore's errors.
    """
    # The logs are read first, so that buckets which are announced from now on are not affected.
    entries = list(read_creation_logs(target_location(target)))
    with open_cleanup_client(target) as client:
        found = find_orphans(client, prefix, entries)
        reasons = [(each, each.reason_to_keep(before, now)) for each in found]
        removable = [each for each, reason in reasons if not reason]
        search = OrphanSearch(removable, [pair for pair in reasons if pair[1]], is_removal)
        if not is_removal:
            return search
        for each in removable:
            problems = remove_bucket(client, each.name)
            search.problems.extend(problems)
            if not problems:
                search.removed.append(each.name)
    existing, account = {each.name for each in found}, resolve_account(target)
    for path in finished_logs(entries, removed=search.removed, existing=existing, account=account, now=now):
        path.unlink(missing_ok=True)
    return search


def remove_orphans(target: Target, run: str, *, timeout_s: float = TIMEOUT_S) -> list[str]:
    """Remove every bucket in the creation logs of *run*. Return one line for each resource that remains."""
    entries = list(read_creation_logs(target_location(target), run=run))
    if not entries:
        return []
    problems: list[str] = []
    try:
        with open_cleanup_client(target, timeout_s=timeout_s) as client:
            for bucket in dict.fromkeys(entry.bucket for entry, _ in entries):
                problems += remove_bucket(client, bucket)
    except Exception as error:  # noqa: BLE001 - without a client nothing is removed, which the caller must report
        problems = [describe_problem(f"bucket {entry.bucket}", error) for entry, _ in entries]
    if not problems:
        for _, path in entries:
            path.unlink(missing_ok=True)
    return problems


def _is_alive(path: Path | None) -> bool:
    return path is not None and is_locked(path)


def _is_older(path: Path, moment: datetime) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < moment
    except FileNotFoundError:
        return False  # Its run has just removed every bucket in it.


def _creation_time(bucket: dict[str, Any]) -> datetime | None:
    time = bucket.get("creationTime")
    return time if isinstance(time, datetime) else None


def _parse_time(text: object) -> datetime | None:
    """Return the time in a tag, which anyone may have changed; None if it is none."""
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _examine(
    client: Any,  # noqa: ANN401 - boto3
    name: str,
    bucket: dict[str, Any],
    announced: Mapping[str, Path],
) -> OrphanedBucket:
    created_at = _creation_time(bucket)
    if name in announced:
        return OrphanedBucket(name, created_at, "record", _is_alive(announced[name]))
    try:
        tags = client.list_tags_for_resource(resourceArn=bucket["vectorBucketArn"])["tags"]
        until = _parse_time(tags.get(END_TAG))
        return OrphanedBucket(name, created_at, "tag" if RUN_TAG in tags else "", until=until)
    except Exception as error:  # noqa: BLE001 - tags that cannot be read prove nothing, and that is said
        reason = describe_problem("ListTagsForResource", error)
        answer = getattr(error, "response", {}).get("ResponseMetadata", {})
        denied = answer.get("HTTPStatusCode") in DENIED
        return OrphanedBucket(name, created_at, "", tags_problem=reason, is_denied=denied)
