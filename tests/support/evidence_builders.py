"""Builders of files of evidence, and of the catalogue that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vecgate.conformance_kit.aws_evidence.evidence_file import (
    EvidenceFile,
    EvidenceHeader,
    EvidenceRecord,
    RecordedExchange,
    read_evidence,
    write_evidence,
)

EXCHANGE = RecordedExchange(operation="GetIndex", request="{}", status=200, answer="{}")


def record(id_: str, **more: Any) -> EvidenceRecord:
    """Return a record of a requirement that was met by the test with the fingerprint `f`."""
    fields = {"claim": "It works.", "is_met": True, "fingerprint": "f", "at": "2026-11-30T00:00:00+00:00"}
    return EvidenceRecord(id=id_, **{**fields, "exchanges": (EXCHANGE,), **more})


def evidence_file(folder: Path, records: Sequence[EvidenceRecord], *, target: str = "aws") -> EvidenceFile:
    """Write *records* to a file in *folder*, and return it as it is read."""
    header = EvidenceHeader(run="r1", target=target, region="us-east-1", recorded_at="2026-11-30T00:00:00")
    write_evidence(folder / "e.jsonl", header, records)
    return read_evidence(folder / "e.jsonl")


def requirement_entry(id_: str, **more: Any) -> dict[str, Any]:
    """Return a requirement as the catalogue has it: an inferred effect of the test with fingerprint `f`."""
    fields: dict[str, Any] = {"kind": "effect", "evidence": "inferred", "fingerprint": "f", "needs": []}
    return {"id": id_, "claim": "It works.", **fields, **more}
