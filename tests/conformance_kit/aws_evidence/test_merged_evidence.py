"""What a file of evidence proves, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from evidence_builders import EXCHANGE, evidence_file, record, requirement_entry
from msgspec import structs
from suites import RunSuite

from vecgate.conformance_kit.aws_evidence.evidence_file import read_evidence
from vecgate.conformance_kit.aws_evidence.merged_evidence import (
    merge_evidence,
    review_evidence,
    without_disputed,
)
from vecgate.errors import SourceError, UsageError

CATALOGUE = [
    requirement_entry("a.inferred"),
    requirement_entry("a.known", evidence="documented"),
    requirement_entry("a.open", kind="open"),
]
TEST = """
@requirement("a.inferred", kind="effect", evidence="inferred", source="https://a.example/")
def test_inferred(client):
    'It works.'
    client.list_vector_buckets()
"""


def test_evidence_is_sorted_by_what_it_says(tmp_path: Path) -> None:
    """Only a requirement that Amazon met, and that had no evidence, becomes recorded."""
    records = [record("a.inferred"), record("a.known"), record("a.open")]
    review = review_evidence(evidence_file(tmp_path, records), CATALOGUE)
    assert [each.id for each in review.confirmed] == ["a.inferred"]
    assert (review.known, review.answered) == (("a.known",), ("a.open",))
    assert (review.contradicted, review.changed, review.problems) == ((), (), ())


def test_what_amazon_did_not_meet_is_never_merged(tmp_path: Path) -> None:
    """Nor is an open requirement, whatever was answered: it promises nothing."""
    records = [record("a.inferred", is_met=False, reason="no"), record("a.open", is_met=False)]
    file = evidence_file(tmp_path, records)
    review = review_evidence(file, CATALOGUE)
    assert [each.id for each in review.contradicted] == ["a.inferred"]
    assert (review.confirmed, review.answered) == ((), ("a.open",))
    assert merge_evidence(file, review, tmp_path / "into") is None
    assert not (tmp_path / "into").exists()


def test_a_second_merge_of_a_file_keeps_the_first(tmp_path: Path) -> None:
    """An open requirement got a kind since, and those of the first merge rest on evidence now."""
    file = evidence_file(tmp_path, [record("a.inferred"), record("a.open")])
    into = tmp_path / "into"
    merge_evidence(file, review_evidence(file, CATALOGUE), into)
    later = [requirement_entry("a.inferred", evidence="recorded"), requirement_entry("a.open")]
    path = merge_evidence(file, review_evidence(file, later), into)
    assert path is not None
    assert [each.id for each in read_evidence(path).records] == ["a.inferred", "a.open"]


def test_two_files_that_disagree_confirm_nothing(tmp_path: Path) -> None:
    """A requirement that Amazon met in one run and not in another stays open."""
    (tmp_path / "other").mkdir()
    met = review_evidence(evidence_file(tmp_path, [record("a.inferred")]), CATALOGUE)
    not_met = evidence_file(tmp_path / "other", [record("a.inferred", is_met=False, reason="no")])
    reviews = without_disputed([met, review_evidence(not_met, CATALOGUE)])
    assert [each.confirmed for each in reviews] == [(), ()]
    assert without_disputed([met]) == [met]


def test_a_test_without_a_fingerprint_proves_nothing(tmp_path: Path) -> None:
    """Two tests whose source is unknown are not the same."""
    file = evidence_file(tmp_path, [record("a.inferred", fingerprint="")])
    review = review_evidence(file, [requirement_entry("a.inferred", fingerprint="")])
    assert (review.confirmed, review.changed) == ((), ("a.inferred",))


def test_evidence_of_another_test_does_not_count(tmp_path: Path) -> None:
    """A claim keeps its words while its test changes."""
    file = evidence_file(tmp_path, [record("a.inferred", fingerprint="older")])
    review = review_evidence(file, CATALOGUE)
    assert (review.confirmed, review.changed) == ((), ("a.inferred",))


def test_answers_of_another_target_are_refused(tmp_path: Path) -> None:
    """They say nothing about Amazon."""
    file = evidence_file(tmp_path, [record("a.inferred")], target="local")
    with pytest.raises(UsageError, match="was recorded on local: only Amazon's answers"):
        merge_evidence(file, review_evidence(file, CATALOGUE), tmp_path / "into")


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (record("a.unknown"), "a.unknown: no requirement has this id"),
        (record("a.inferred", exchanges=()), "a.inferred: nothing was sent"),
        (
            record("a.inferred", exchanges=(structs.replace(EXCHANGE, status=0, answer="no answer"),)),
            "a.inferred: it says that Amazon met this, and has no answer of Amazon",
        ),
        (
            record("a.known", reason="arn:aws:s3vectors:us-east-1:123456789012:bucket/b"),
            "line 3 has an account number",
        ),
        (record("a.known", reason="AKIAIOSFODNN7EXAMPLE"), "line 3 has an access key"),
        (
            record("a.known", exchanges=(structs.replace(EXCHANGE, request_id="7d8f3f0e"),)),
            "line 3 has a request id",
        ),
        (record("a.open"), "a.open has 2 records"),
    ],
)
def test_a_file_with_a_problem_is_not_merged(tmp_path: Path, bad: object, problem: str) -> None:
    """It would be published."""
    file = evidence_file(tmp_path, [record("a.open"), bad])  # type: ignore[list-item]
    review = review_evidence(file, CATALOGUE)
    assert review.problems == (problem,)
    with pytest.raises(UsageError, match="cannot be merged"):
        merge_evidence(file, review, tmp_path / "into")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"{}\n", "line 1 is not the header of a file of evidence"),
        (b"\xff\xfe\n", "line 1 is not the header"),
        (b'{"record":"header","run":"r"}\n', "line 1 is not the header"),
        (
            b'{"record":"evidence-header","run":"r","target":"aws","region":"r","recorded_at":"2026-11-30T00:00:00Z","schema":9}\n',
            "a later vecgate wrote it",
        ),
        (
            b'{"record":"evidence-header","run":"../r","target":"aws","region":"r","recorded_at":"2026-11-30T00:00:00Z"}\n',
            "line 1 is not the header",
        ),
        (
            b'{"record":"evidence-header","run":"r","target":"aws","region":"r","recorded_at":"2026/../x"}\n',
            "line 1 is not the header",
        ),
        (
            b'{"record":"evidence-header","run":"r","target":"aws","region":"r","recorded_at":"2026-11-30T00:00:00Z"}\n{"record":"ev\n',
            "line 2 is not a record of evidence",
        ),
    ],
)
def test_a_file_that_is_not_evidence_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    """With the line."""
    path = tmp_path / "e.jsonl"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=said):
        read_evidence(path)


def test_merged_evidence_is_read_with_the_suite(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """Until the test changes. The level follows from the evidence."""
    recorded = pytester.path / "recorded.jsonl"
    before = run_suite(TEST, f"--vecgate-evidence={recorded}").results["a.inferred"]
    assert (before.level, before.evidence) == ("should", "inferred")
    folder = pytester.path / "suite" / "evidence"
    folder.mkdir()
    file = read_evidence(recorded)
    assert not file.is_from_aws
    assert [each.operation for each in file.records[0].exchanges] == ["ListVectorBuckets"]
    text = recorded.read_text()
    (folder / "mine.jsonl").write_text(text)
    assert run_suite(TEST).results["a.inferred"].evidence == "inferred"

    (folder / "mine.jsonl").write_text(text.replace(f'"target":"{file.header.target}"', '"target":"aws"'))
    after = run_suite(TEST.replace("'It works.'", "'It works well.'  # a comment")).results["a.inferred"]
    assert (after.level, after.evidence) == ("must", "recorded")
    assert after.source == "conformance/evidence/mine.jsonl"
    changed = run_suite(TEST.replace("client.list_vector_buckets()", "assert client")).results["a.inferred"]
    assert (changed.level, changed.evidence) == ("should", "inferred")
