"""Probe the operations that write, in a bucket that is created for it and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import Any

from vecgate.diagnostics.diagnostic import Diagnostic
from vecgate.diagnostics.permission_probes import (
    KEY,
    NO_ANSWER,
    ProbeReply,
    check_permission,
    send_probe,
)
from vecgate.resources.cleanup import remove_bucket
from vecgate.resources.creation_log import RUN_TAG, CreationLog
from vecgate.s3vectors.model import error_codes
from vecgate.targets.target import Target, is_embedded

CLEAN_UP = "clean-up"
INDEX_NAME = "vectors"
#: Stands for the reply to a request that was interrupted.
NO_REPLY = ProbeReply(0, NO_ANSWER)
_VALUES = {"float32": [1.0, 0.0]}
#: Operation to its members without the address, in the order of a run.
STEPS: dict[str, dict[str, Any]] = {
    "PutVectors": {"vectors": [{"key": KEY, "data": _VALUES, "metadata": {"source": "doctor"}}]},
    "GetIndex": {},
    "GetVectors": {"keys": [KEY], "returnData": True},
    "ListVectors": {"returnMetadata": True},
    "QueryVectors": {"topK": 1, "queryVector": _VALUES, "returnMetadata": True},
    "DeleteVectors": {"keys": [KEY]},
    "DeleteIndex": {},
}


def probe_writes(target: Target, needed: Collection[str], *, prefix: str, run: str) -> tuple[Diagnostic, ...]:
    """Send each operation of a run once. An operation that is not *needed* and fails is skipped, not failed.

    The bucket is written to the creation log before it is created, and is removed in every case.
    """
    bucket = f"{prefix}-{run}-doctor"
    log = CreationLog(target, run, "doctor") if not is_embedded(target.name) else None
    tags = {"tags": {RUN_TAG: run}} if target.name == "aws" else {}
    members = {"vectorBucketName": bucket, **tags}
    with closing(target.client()) as client:
        if log:
            log.announce(bucket)
        reply, orphaned = NO_REPLY, list[str]()
        try:
            reply = send_probe(client, "CreateVectorBucket", members)
            found = list(_send_steps(client, members, reply))
        finally:
            # After any reply but a refusal the bucket may exist.
            if not reply.is_no_op:
                orphaned = remove_bucket(client, bucket)
            if log and not orphaned and (reply.status or reply.is_no_op):
                log.discard()
    found += [Diagnostic(CLEAN_UP, "failed", line, "`vecgate clean` finds it.") for line in orphaned]
    return tuple(_relax(each, needed) for each in found)


def _send_steps(client: Any, members: Mapping[str, Any], created: ProbeReply) -> Iterator[Diagnostic]:  # noqa: ANN401 - boto3
    yield _diagnose("CreateVectorBucket", created)
    if created.code:
        return
    if "tags" in members:
        yield Diagnostic("TagResource", "ok", "succeeded")
    address = {"vectorBucketName": members["vectorBucketName"]}
    index = {**address, "indexName": INDEX_NAME}
    shape = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    indexed = send_probe(client, "CreateIndex", {**index, **shape})
    yield _diagnose("CreateIndex", indexed)
    if not indexed.code:
        for operation, step in STEPS.items():
            yield _diagnose(operation, send_probe(client, operation, {**index, **step}))
    yield _diagnose("DeleteVectorBucket", send_probe(client, "DeleteVectorBucket", address))


def _diagnose(operation: str, reply: ProbeReply) -> Diagnostic:
    if not reply.code:
        return Diagnostic(operation, "ok", "succeeded")
    if reply.code in error_codes() and not reply.is_denied:
        return Diagnostic(operation, "failed", f"answered with {reply.status} {reply.code}: {reply.message}")
    return check_permission(operation, reply, policy="ramp")


def _relax(diagnostic: Diagnostic, needed: Collection[str]) -> Diagnostic:
    if diagnostic.grade != "failed" or diagnostic.check in {*needed, CLEAN_UP}:
        return diagnostic
    return Diagnostic(diagnostic.check, "skipped", f"{diagnostic.message}; the run does not need it")
