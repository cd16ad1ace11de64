"""What a run does, once and small, in a bucket of its own: made, written down before, and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import Any

from vecgate.s3vectors.model import error_codes
from vecgate.targets.findings import Finding
from vecgate.targets.leftovers import RUN_TAG, MadeRecord
from vecgate.targets.removal import remove_bucket
from vecgate.targets.target import EMBEDDED, Target
from vecgate.targets.trials import KEY, NO_ANSWER, Reply, ask, permission_finding

INDEX = "vectors"
#: Nothing has come yet.
LOST = Reply(0, NO_ANSWER)
_VALUES = {"float32": [1.0, 0.0]}
#: Operation to its members beside the address, in the order of a run.
STEPS: dict[str, dict[str, Any]] = {
    "PutVectors": {"vectors": [{"key": KEY, "data": _VALUES, "metadata": {"made": "by doctor"}}]},
    "GetIndex": {},
    "GetVectors": {"keys": [KEY], "returnData": True},
    "ListVectors": {"returnMetadata": True},
    "QueryVectors": {"topK": 1, "queryVector": _VALUES, "returnMetadata": True},
    "DeleteVectors": {"keys": [KEY]},
    "DeleteIndex": {},
}


def rehearse(target: Target, needed: Collection[str], *, prefix: str, run: str) -> tuple[Finding, ...]:
    """Whether each operation of a run works. What is not *needed* and is refused is no failure."""
    bucket = f"{prefix}-{run}-doctor"
    outlives = target.name not in EMBEDDED
    record = MadeRecord(target, run, "doctor") if outlives else None
    tags = {"tags": {RUN_TAG: run}} if target.name == "aws" else {}
    members = {"vectorBucketName": bucket, **tags}
    with closing(target.client()) as client:
        if record:
            record.announce(bucket)
        reply, leaks = LOST, list[str]()
        try:
            reply = ask(client, "CreateVectorBucket", members)
            found = list(_findings(client, members, reply))
        finally:
            # What was refused is not ours. Any other may be there, whatever was answered.
            if not reply.is_undone:
                leaks = remove_bucket(client, bucket)
            if record and not leaks and (reply.status or reply.is_undone):
                record.forget()
    found += [Finding("left behind", "failed", leak, "`vecgate clean` finds it.") for leak in leaks]
    return tuple(_judged(each, needed) for each in found)


def _findings(client: Any, members: Mapping[str, Any], made: Reply) -> Iterator[Finding]:  # noqa: ANN401 - boto3
    yield _told("CreateVectorBucket", made)
    if made.code:
        return
    if "tags" in members:
        yield Finding("TagResource", "ok", "done")
    address = {"vectorBucketName": members["vectorBucketName"]}
    index = {**address, "indexName": INDEX}
    shape = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    indexed = ask(client, "CreateIndex", {**index, **shape})
    yield _told("CreateIndex", indexed)
    if not indexed.code:
        for operation, step in STEPS.items():
            yield _told(operation, ask(client, operation, {**index, **step}))
    yield _told("DeleteVectorBucket", ask(client, "DeleteVectorBucket", address))


def _told(operation: str, reply: Reply) -> Finding:
    if not reply.code:
        return Finding(operation, "ok", "done")
    if reply.code in error_codes() and not reply.is_refused:
        return Finding(operation, "failed", f"answered with {reply.status} {reply.code}: {reply.message}")
    return permission_finding(operation, reply, policy="ramp")


def _judged(finding: Finding, needed: Collection[str]) -> Finding:
    if finding.grade != "failed" or finding.check in needed or finding.check == "left behind":
        return finding
    return Finding(finding.check, "untested", f"{finding.found}; this run does not need it")
