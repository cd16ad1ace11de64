"""What a run does, once and small, in a bucket of its own: made, written down before, and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from typing import Any

from vecgate.s3vectors.model import error_codes
from vecgate.targets.findings import Finding
from vecgate.targets.leftovers import RUN_TAG, MadeRecord
from vecgate.targets.removal import remove_bucket
from vecgate.targets.target import Target
from vecgate.targets.trials import KEY, NO_ANSWER, ask, permission_finding

INDEX = "vectors"
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
    outlives = target.name not in {"local", "moto"}
    record = MadeRecord(target, run, "doctor") if outlives else None
    if record:
        record.announce(bucket)
    found: list[Finding] = []
    leaks: list[str] = []
    with closing(target.client()) as client:
        try:
            for finding in _findings(client, bucket, {RUN_TAG: run} if target.name == "aws" else {}):
                found.append(finding)  # noqa: PERF402 - what was found before an interruption counts below
        finally:
            # A bucket that was there before is somebody else's.
            if found and found[0].grade == "ok":
                leaks = remove_bucket(client, bucket)
    if record and not leaks and not found[0].found.startswith(NO_ANSWER):
        record.forget()
    found += [Finding("left behind", "failed", leak, "`vecgate clean` finds it.") for leak in leaks]
    return tuple(_judged(each, needed) for each in found)


def _findings(client: Any, bucket: str, tags: dict[str, str]) -> Iterator[Finding]:  # noqa: ANN401 - boto3
    address = {"vectorBucketName": bucket}
    made = _step(client, "CreateVectorBucket", {**address, **({"tags": tags} if tags else {})})
    yield made
    if made.grade != "ok":
        return
    if tags:
        yield Finding("TagResource", "ok", "done")
    index = {**address, "indexName": INDEX}
    shape = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    made = _step(client, "CreateIndex", {**index, **shape})
    yield made
    if made.grade == "ok":
        for operation, members in STEPS.items():
            yield _step(client, operation, {**index, **members})
    yield _step(client, "DeleteVectorBucket", address)


def _step(client: Any, operation: str, members: dict[str, Any]) -> Finding:  # noqa: ANN401 - boto3
    reply = ask(client, operation, members)
    if not reply.code:
        return Finding(operation, "ok", "done")
    if reply.code in error_codes() and not reply.is_refused:
        return Finding(operation, "failed", f"answered with {reply.status} {reply.code}: {reply.message}")
    return permission_finding(operation, reply, policy="ramp")


def _judged(finding: Finding, needed: Collection[str]) -> Finding:
    if finding.grade != "failed" or finding.check in needed or finding.check == "left behind":
        return finding
    return Finding(finding.check, "untested", f"{finding.found}; this run does not need it")
