"""`vecgate evidence`: what is not known about Amazon, and files of evidence that settle it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vecgate.cli.json_output import print_json
from vecgate.cli.options import FILE, OptionDecorator
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_count
from vecgate.safe_output import safe_text

if TYPE_CHECKING:
    from vecgate.conformance_kit.aws_evidence.evidence_file import EvidenceFile
    from vecgate.conformance_kit.aws_evidence.merged_evidence import EvidenceReview

json_option: OptionDecorator = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON."
)
files_argument: OptionDecorator = click.argument(
    "files", nargs=-1, required=True, type=FILE, metavar="FILE..."
)


@click.group()
def evidence() -> None:
    """Turn inferred requirements into recorded ones, with answers from Amazon.

    \b
    vecgate evidence todo
    vecgate conform --target aws --level quick --evidence aws.jsonl --yes
    vecgate evidence check aws.jsonl
    vecgate evidence merge aws.jsonl
    """  # noqa: D301 - click reads the backspace


@evidence.command()
@json_option
def todo(as_json: bool) -> None:
    """List the requirements that rest on inference, with the command that records evidence for each.

    \b
    vecgate evidence todo
    vecgate evidence todo --json
    """  # noqa: D301 - click reads the backspace
    from vecgate.conformance_kit.conformance_run import read_catalogue

    entries = list(todo_entries(read_catalogue()))
    if as_json:
        _echo_json({"requirements": entries}, ExitCode.PASS)
        return
    for entry in entries:
        cases = f" ({format_count(len(entry['cases']), 'case')})" if entry["cases"] else ""
        click.echo(f"{entry['id']}{cases}: {entry['claim']}\n    {entry['command']}")
    number = sum(len(entry["cases"]) or 1 for entry in entries)
    click.echo(
        f"{format_count(number, 'requirement')} in {format_count(len(entries), 'test')} "
        f"{'rests' if number == 1 else 'rest'} on inference"
    )


@evidence.command()
@files_argument
@json_option
def check(files: Sequence[Path], as_json: bool) -> None:
    """Check files of evidence: their form, their redaction, and what they say about the requirements.

    \b
    vecgate evidence check aws.jsonl
    vecgate evidence check aws.jsonl older.jsonl --json
    """  # noqa: D301 - click reads the backspace
    from vecgate.conformance_kit.aws_evidence.evidence_file import read_evidence
    from vecgate.conformance_kit.aws_evidence.merged_evidence import review_evidence
    from vecgate.conformance_kit.conformance_run import read_catalogue

    # Files are read first, because collecting the suite takes seconds.
    read = [read_evidence(path) for path in files]
    catalogue = read_catalogue()
    found = [(file, review_evidence(file, catalogue)) for file in read]
    is_valid = not any(review.problems for _, review in found)
    code = ExitCode.PASS if is_valid else ExitCode.GATE_FAILED
    if as_json:
        _echo_json({"files": [_to_dict(file, review) for file, review in found]}, code)
    else:
        _echo(line for file, review in found for line in check_lines(file, review))
    raise click.exceptions.Exit(int(code))


@evidence.command()
@files_argument
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="FOLDER",
    help="Folder of merged evidence.  [default: the one of the suite]",
)
def merge(files: Sequence[Path], folder: Path | None) -> None:
    """Add what Amazon met to the suite: these requirements are recorded from then on.

    Answers of another target are refused. What Amazon did not meet, in one of the files, is listed and not
    merged. Nothing is merged if a file is not valid.

    \b
    vecgate evidence merge aws.jsonl
    vecgate evidence merge aws.jsonl --into evidence
    """  # noqa: D301 - click reads the backspace
    from vecgate.conformance_kit import suite_run
    from vecgate.conformance_kit.aws_evidence.evidence_file import read_evidence
    from vecgate.conformance_kit.aws_evidence.merged_evidence import (
        FOLDER,
        check_mergeable,
        merge_evidence,
        review_evidence,
        without_disputed,
    )
    from vecgate.conformance_kit.conformance_run import read_catalogue

    found = [read_evidence(path) for path in files]
    catalogue = read_catalogue()
    into = folder or suite_run.suite_folder() / FOLDER
    is_contradicted = False
    reviews = [review_evidence(file, catalogue) for file in found]
    for file, review in zip(found, reviews, strict=True):
        check_mergeable(file, review)
    for file, review in zip(found, without_disputed(reviews), strict=True):
        written = merge_evidence(file, review, into)
        number = format_count(len(review.confirmed), "requirement")
        _echo(
            [f"{file.path}: {number} recorded" + (f" in {written}" if written else ""), *_open_lines(review)]
        )
        is_contradicted |= bool(review.contradicted)
    raise click.exceptions.Exit(int(ExitCode.GATE_FAILED if is_contradicted else ExitCode.PASS))


def todo_entries(catalogue: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """Return an entry for each test with inferred requirements: id, claim, kind, cases and command."""
    tests: dict[str, list[Mapping[str, Any]]] = {}
    for each in catalogue:
        if each["evidence"] == "inferred":
            tests.setdefault(each["id"].partition("[")[0], []).append(each)
    for base, cases in tests.items():
        names = [each["id"].partition("[")[2].removesuffix("]") for each in cases]
        # Without the bracket, pytest would also select ids that only begin like this one.
        expression = f"{base}[" if names[0] else base
        command = ["vecgate", "conform", "--target", "aws", "--yes", "-k", expression]
        yield {
            "id": base,
            "claim": cases[0]["claim"],
            "kind": cases[0]["kind"],
            "needs": sorted({need for each in cases for need in each["needs"]}),
            "cases": [name for name in names if name],
            "command": shlex.join([*command, "--evidence", f"{base}.jsonl"]),
        }


def check_lines(file: EvidenceFile, review: EvidenceReview) -> list[str]:
    """Return what the file says, then its problems."""
    header = file.header
    met = sum(record.is_met for record in file.records)
    number = format_count(len(file.records), "requirement")
    confirmed = format_count(len(review.confirmed), "inferred requirement")
    counts = f"{met:,} met, {len(file.records) - met:,} not met"
    lines = [
        f"{file.path}: {number} on {header.target} in {header.region}, {header.recorded_at[:10]}: {counts}",
        f"  {confirmed} would be recorded, {len(review.known):,} had evidence before",
        *_open_lines(review),
    ]
    if not file.is_from_aws:
        lines.append(f"  it proves nothing about Amazon: {header.target} answered")
    return [*lines, *(f"  INVALID: {problem}" for problem in review.problems)]


def _open_lines(review: EvidenceReview) -> list[str]:
    lines = [
        f"  not met: {record.id}: {record.reason.splitlines()[0] if record.reason else record.claim}"
        for record in review.contradicted
    ]
    lines += [f"  answered, but nothing is promised yet: {line}" for line in _count_cases(review.answered)]
    lines += [
        f"  its test has changed since, so it does not count: {line}" for line in _count_cases(review.changed)
    ]
    return lines


def _count_cases(ids: Iterable[str]) -> list[str]:
    """Return a line for each test in *ids*, with the number of its cases."""
    tests = Counter(id_.partition("[")[0] for id_ in ids)
    return [f"{test} ({number:,} cases)" if number > 1 else test for test, number in tests.items()]


def _to_dict(file: EvidenceFile, review: EvidenceReview) -> dict[str, Any]:
    return {
        "file": str(file.path),
        "target": file.header.target,
        "is_from_aws": file.is_from_aws,
        "records": len(file.records),
        "confirmed": [record.id for record in review.confirmed],
        "known": list(review.known),
        "answered": list(review.answered),
        "contradicted": {record.id: record.reason for record in review.contradicted},
        "changed": list(review.changed),
        "problems": list(review.problems),
    }


def _echo(lines: Iterable[str]) -> None:
    click.echo(safe_text("\n".join(lines)))


def _echo_json(values: Mapping[str, object], code: ExitCode) -> None:
    print_json(values, code=code)
