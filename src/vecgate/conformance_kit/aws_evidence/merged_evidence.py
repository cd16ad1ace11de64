"""The evidence that is part of the suite: files in its folder `evidence`, one for each contribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from vecgate.conformance_kit.aws_evidence.evidence_file import (
    EvidenceFile,
    EvidenceRecord,
    find_secrets,
    read_evidence,
    write_evidence,
)
from vecgate.conformance_kit.aws_evidence.fingerprints import fingerprint_of
from vecgate.conformance_kit.requirements import Requirement
from vecgate.errors import UsageError

#: Folder of the suite.
FOLDER = "evidence"


@dataclass(frozen=True, slots=True)
class EvidenceReview:
    """The meaning of a file of evidence for the requirements of the suite.

    problems      why the file cannot be merged, a sentence each
    confirmed     records that turn an inferred requirement into a recorded one
    answered      ids of open requirements, whose answer someone has to turn into a promise
    contradicted  records of requirements that Amazon did not meet
    changed       ids of requirements whose test has changed since
    known         ids of requirements that had evidence before, and that Amazon met
    """

    problems: tuple[str, ...]
    confirmed: tuple[EvidenceRecord, ...]
    answered: tuple[str, ...]
    contradicted: tuple[EvidenceRecord, ...]
    changed: tuple[str, ...]
    known: tuple[str, ...]


def review_evidence(file: EvidenceFile, catalogue: Sequence[Mapping[str, Any]]) -> EvidenceReview:
    """Compare *file* with the requirements of the suite, as `vecgate conform --list --json` has them."""
    requirements = {each["id"]: each for each in catalogue}
    ids = [record.id for record in file.records]
    problems = list(find_secrets(file.path))
    problems += [f"{id_} has {ids.count(id_)} records" for id_ in dict.fromkeys(ids) if ids.count(id_) > 1]
    problems += [f"{id_}: no requirement has this id" for id_ in ids if id_ not in requirements]
    problems += [f"{record.id}: nothing was sent" for record in file.records if not record.exchanges]
    problems += [
        f"{record.id}: it says that Amazon met this, and has no answer of Amazon"
        for record in file.records
        if record.is_met and record.exchanges and not any(each.status for each in record.exchanges)
    ]
    problems += [] if file.records else ["it has no record"]
    known = [record for record in file.records if record.id in requirements]
    current = [each for each in known if each.fingerprint == requirements[each.id]["fingerprint"] != ""]
    # An open requirement promises nothing, so Amazon can neither meet nor contradict it.
    answered = {each.id for each in current if requirements[each.id]["kind"] == "open"}
    judged = [each for each in current if each.id not in answered]
    met = [each for each in judged if each.is_met]
    confirmed = tuple(each for each in met if requirements[each.id]["evidence"] == "inferred")
    return EvidenceReview(
        problems=tuple(dict.fromkeys(problems)),
        confirmed=confirmed,
        answered=tuple(sorted(answered)),
        contradicted=tuple(each for each in judged if not each.is_met),
        changed=tuple(sorted({each.id for each in known} - {each.id for each in current})),
        known=tuple(sorted({each.id for each in met} - {each.id for each in confirmed})),
    )


def without_disputed(reviews: Sequence[EvidenceReview]) -> list[EvidenceReview]:
    """Return *reviews* of several files without what Amazon met in one of them and not in another."""
    disputed = {record.id for review in reviews for record in review.contradicted}
    return [
        replace(review, confirmed=tuple(each for each in review.confirmed if each.id not in disputed))
        for review in reviews
    ]


def check_mergeable(file: EvidenceFile, review: EvidenceReview) -> None:
    """Raise UsageError if the answers in *file* are not Amazon's, or if it has problems."""
    if not file.is_from_aws:
        raise UsageError(
            f"{file.path} was recorded on {file.header.target}: only Amazon's answers can be merged",
            hint="Record with `vecgate conform --target aws --evidence FILE`.",
        )
    if review.problems:
        raise UsageError(
            f"{file.path} cannot be merged: {review.problems[0]}", hint="`vecgate evidence check`"
        )


def merge_evidence(file: EvidenceFile, review: EvidenceReview, folder: Path) -> Path | None:
    """Write the confirmed records of *file* into *folder*, and return the new file; None if there is nothing.

    Raises UsageError as `check_mergeable` does.
    """
    check_mergeable(file, review)
    if not review.confirmed:
        return None
    day = file.header.recorded_at[:10]
    path = folder / f"{day}-{file.header.region}-{file.header.run}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    # The file may have been merged before, when fewer of its requirements rested on inference.
    earlier = read_evidence(path).records if path.exists() else ()
    new = {record.id for record in review.confirmed}
    kept = (record for record in earlier if record.id not in new)
    write_evidence(path, file.header, (*kept, *review.confirmed))
    return path


def apply_evidence(
    catalogue: Mapping[str, Requirement], items: Sequence[pytest.Item], folder: Path
) -> dict[str, Requirement]:
    """Return *catalogue*, by node id, with the evidence in *folder*: inferred becomes recorded.

    Evidence of a test that has changed since does not count. Raises SourceError if a file is not valid.
    """
    merged = {
        record.id: (record, path.name)
        for path in sorted(folder.glob("*.jsonl"))
        for file in (read_evidence(path),)
        if file.is_from_aws
        for record in file.records
        if record.is_met
    }
    if not merged:
        return dict(catalogue)
    by_node = {item.nodeid: item for item in items}
    return {node: _with_evidence(each, by_node[node], merged) for node, each in catalogue.items()}


def _with_evidence(
    requirement: Requirement, item: pytest.Item, merged: Mapping[str, tuple[EvidenceRecord, str]]
) -> Requirement:
    record, name = merged.get(requirement.id, (None, ""))
    if (
        record is None
        or requirement.evidence != "inferred"
        or requirement.kind == "open"
        or record.fingerprint != fingerprint_of(item)
    ):
        return requirement
    return replace(requirement, evidence="recorded", source=f"conformance/{FOLDER}/{name}")
