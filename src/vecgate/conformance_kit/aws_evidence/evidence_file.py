"""A file of evidence: a header, then a line of JSON for each requirement that was tested."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import msgspec

from vecgate.errors import SourceError
from vecgate.printable import printable_json
from vecgate.results.result_stream import read_whole, report_write_errors

T = TypeVar("T")
EVIDENCE_SCHEMA = 1
#: The only target whose answers prove what Amazon does.
AWS = "aws"
#: Text that redaction replaces. A file that has it must not be published.
SECRET_FORMS: Mapping[str, re.Pattern[str]] = {
    "an account number": re.compile(r"arn:aws[\w-]*:[\w-]*:[\w-]*:\d{12}\b"),
    "an access key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}"),
    "a request id": re.compile(r'"request_id":"(?!request-)[^"]'),
    "a signature": re.compile(r"Signature=[0-9a-f]{64}"),
}


#: A part of a file name.
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}\Z")]
Time: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT[0-9:.+Z-]{5,27}\Z")]


class EvidenceHeader(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="evidence-header"):
    """The run that recorded the evidence.

    target       `aws`, or another target, which proves nothing about Amazon
    recorded_at  start of the run, ISO 8601 in UTC
    versions     of vecgate, boto3 and botocore
    """

    run: Name
    target: str
    region: Name
    recorded_at: Time
    versions: dict[str, str] = {}
    schema: int = EVIDENCE_SCHEMA


class RecordedExchange(msgspec.Struct, frozen=True, kw_only=True):
    """A request and its answer, redacted and shortened.

    request  the members of the operation as JSON, or the request as text if the test wrote it byte by byte
    status   0 without an answer
    """

    operation: str
    request: str
    status: int
    answer: str
    headers: dict[str, str] = {}
    request_id: str = ""


class EvidenceRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="evidence"):
    """The requests of a requirement, and their answers.

    is_met       whether the test passed
    reason       why it did not
    fingerprint  of the test: evidence of another test says nothing about this one
    at           end of the test, ISO 8601 in UTC
    exchanges    the last ones of the test, oldest first
    """

    id: str
    claim: str
    is_met: bool
    fingerprint: str
    at: str
    exchanges: tuple[RecordedExchange, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """The content of a file of evidence."""

    path: Path
    header: EvidenceHeader
    records: tuple[EvidenceRecord, ...]

    @property
    def is_from_aws(self) -> bool:
        """True if Amazon gave the answers."""
        return self.header.target == AWS


class EvidenceWriter:
    """Writes a file of evidence, each record at once. Raises UsageError if *path* cannot be written."""

    def __init__(self, path: Path, header: EvidenceHeader) -> None:
        with report_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=0)
        self._path = path
        self.write(header)

    def write(self, record: EvidenceHeader | EvidenceRecord) -> None:
        """Write *record* as one line."""
        with report_write_errors(self._path):
            self._file.write(printable_json(msgspec.json.encode(record)) + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_evidence(path: Path) -> EvidenceFile:
    """Return the evidence in the file at *path*. Raises SourceError that names the first invalid line."""
    lines = read_whole(path).splitlines()
    if not lines:
        raise SourceError(f"{path} is empty", hint="`vecgate conform --evidence FILE` records evidence.")
    header = _decode(path, 1, lines[0], EvidenceHeader)
    if header.schema > EVIDENCE_SCHEMA:
        raise SourceError(
            f"{path}: a later vecgate wrote it (schema {header.schema}; this one reads {EVIDENCE_SCHEMA})",
            hint="Update vecgate.",
        )
    records = tuple(
        _decode(path, number, line, EvidenceRecord) for number, line in enumerate(lines[1:], start=2)
    )
    return EvidenceFile(path, header, records)


def write_evidence(path: Path, header: EvidenceHeader, records: Sequence[EvidenceRecord]) -> None:
    """Write a whole file of evidence to *path*, replacing a file of that name when it is complete."""
    part = path.with_name(f"{path.name}.part")
    writer = EvidenceWriter(part, header)
    for record in records:
        writer.write(record)
    writer.close()
    with report_write_errors(path):
        part.replace(path)


def find_secrets(path: Path) -> Iterator[str]:
    """Return a sentence for each line of the file at *path* with something that must not be published."""
    for number, line in enumerate(read_whole(path).decode("utf-8", "replace").splitlines(), start=1):
        for name, form in SECRET_FORMS.items():
            if form.search(line):
                yield f"line {number} has {name}"


def _decode(path: Path, number: int, line: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what = "the header of a file of evidence" if kind is EvidenceHeader else "a record of evidence"
        raise SourceError(f"{path}: line {number} is not {what}: {error}") from error
