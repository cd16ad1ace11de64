"""GitHub annotations: workflow commands that show the problems of a run at the lines that they concern.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions (read 2026-11-24). GitHub shows
at most ten errors of a step, so only the first ten are printed, then the number of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vecgate.gate.verdict import Verdict
from vecgate.printable import printable
from vecgate.results.records import Result, Stream

ANNOTATIONS_MAX = 10


@dataclass(frozen=True, slots=True)
class Annotation:
    """A problem of a run.

    pattern  text to find in the configuration file; the annotation points to its line
    test     node id of the test that failed, or empty
    """

    title: str
    text: str
    pattern: str
    test: str = ""


def annotation_lines(stream: Stream, verdict: Verdict, config_file: Path | None = None) -> list[str]:
    """Return the workflow commands. *config_file* lists the expectations: deviations, or a scenario."""
    annotations = list(find_annotations(stream, verdict))
    lines = [_command(annotation, config_file) for annotation in annotations[:ANNOTATIONS_MAX]]
    if (more := len(annotations) - ANNOTATIONS_MAX) > 0:
        lines.append(f"::notice title=vecgate::and {more:,} more, see the job summary")
    return lines


def find_annotations(stream: Stream, verdict: Verdict) -> Iterator[Annotation]:
    """Return an annotation for each requirement that prevents a pass, or for a check without requirements."""
    results = {result.id: result for result in stream.run.results}
    seen: set[str] = set()
    for check in verdict.checks:
        if check.grade == "passed":
            continue
        if not check.ids:
            yield Annotation(check.name, check.measured, check.name)
        for text in check.ids:
            id_ = text.partition(": ")[0]
            if id_ not in seen:
                seen.add(id_)
                yield _annotation(check.name, text, id_, results.get(id_))


def _annotation(check: str, text: str, id_: str, result: Result | None) -> Annotation:
    if result is None:
        return Annotation(check, text, id_)
    source = f"\n{result.source}" if result.source else ""
    return Annotation(id_, f"{result.reason or text}{source}", id_, result.test)


def _command(annotation: Annotation, config_file: Path | None) -> str:
    location = _find_in_file(config_file, annotation.pattern) or _find_test(annotation.test)
    properties = {"title": annotation.title}
    if location:
        properties = {"file": str(location[0]), "line": str(location[1]), **properties}
    settings = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::error {settings}::{_escape_message(annotation.text)}"


def _find_in_file(path: Path | None, text: str) -> tuple[Path, int] | None:
    lines = _read_lines(path) if path else []
    return next(((path, number) for number, line in enumerate(lines, start=1) if path and text in line), None)


def _find_test(node: str) -> tuple[Path, int] | None:
    path, _, name = node.partition("::")
    pattern = re.compile(rf"\s*(?:async )?def {re.escape(name.rpartition('::')[2].partition('[')[0])}\(")
    lines = _read_lines(Path(path)) if name else []
    return next(
        ((Path(path), number) for number, line in enumerate(lines, start=1) if pattern.match(line)), None
    )


def _read_lines(path: Path) -> Sequence[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _escape_message(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_message(text).replace(":", "%3A").replace(",", "%2C")
