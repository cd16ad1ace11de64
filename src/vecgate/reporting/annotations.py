"""What is wrong with a run, at the line to look at, as GitHub shows it on a commit: workflow commands.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions (read 2026-11-24). GitHub shows
ten errors of a step, so the first ten are told, and the number of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vecgate.gate.verdict import Verdict
from vecgate.results.records import Result, Stream

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that is wrong: *title* and *text* for people, *place* the text to look for in a file.

    test  the node id of the test that found it, or empty
    """

    title: str
    text: str
    place: str
    test: str = ""


def annotation_lines(stream: Stream, verdict: Verdict, about: Path | None = None) -> list[str]:
    """The commands, a line each; *about* is the file that says what must hold: deviations, or a scenario."""
    found = list(complaints(stream, verdict))
    lines = [_command(complaint, about) for complaint in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"::notice title=vecgate::and {len(found) - SHOWN:,} more, in the job's summary")
    return lines


def complaints(stream: Stream, verdict: Verdict) -> Iterator[Complaint]:
    """What keeps *verdict* from a pass, once each: the requirements to blame, or the check itself."""
    results = {result.id: result for result in stream.run.results}
    told: set[str] = set()
    for check in verdict.checks:
        if check.grade == "passed":
            continue
        if not check.ids:
            yield Complaint(check.name, check.measured, check.name)
        for blamed in check.ids:
            id_ = blamed.partition(": ")[0]
            if id_ not in told:
                told.add(id_)
                yield _complaint(check.name, blamed, id_, results.get(id_))


def _complaint(check: str, blamed: str, id_: str, result: Result | None) -> Complaint:
    if result is None:
        return Complaint(check, blamed, id_)
    source = f"\n{result.source}" if result.source else ""
    return Complaint(id_, f"{result.reason or blamed}{source}", id_, result.test)


def _command(complaint: Complaint, about: Path | None) -> str:
    place = _in_file(about, complaint.place) or _in_test(complaint.test)
    properties = {"title": complaint.title}
    if place:
        properties = {"file": str(place[0]), "line": str(place[1]), **properties}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::error {told}::{_data(complaint.text)}"


def _in_file(path: Path | None, text: str) -> tuple[Path, int] | None:
    lines = _lines(path) if path else []
    return next(((path, at) for at, line in enumerate(lines, start=1) if path and text in line), None)


def _in_test(node: str) -> tuple[Path, int] | None:
    path, _, name = node.partition("::")
    pattern = re.compile(rf"\s*(?:async )?def {re.escape(name.rpartition('::')[2].partition('[')[0])}\(")
    lines = _lines(Path(path)) if name else []
    return next(((Path(path), at) for at, line in enumerate(lines, start=1) if pattern.match(line)), None)


def _lines(path: Path) -> Sequence[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
