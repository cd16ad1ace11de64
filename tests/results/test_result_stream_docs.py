from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
from load_builders import steady, stream

from vecgate.results.load.failure_samples import FailureSample
from vecgate.results.load.load_records import Latencies, OperationSecond, Stage
from vecgate.results.load.sweep_records import PointOperation
from vecgate.results.records import Record
from vecgate.results.result_stream import StreamWriter
from vecgate.results.verdict_records import Check

PAGE = (Path(__file__).parents[2] / "docs" / "result-stream.md").read_text(encoding="utf-8")
#: Heading to what stands below it.
SECTIONS = dict(re.findall(r"^### (.+)\n((?:(?!^##).*\n)*)", PAGE, re.MULTILINE))
PARTS = {
    FailureSample: "failure sample",
    PointOperation: "sweep operation",
    Stage: "stage",
    Check: "check",
    OperationSecond: "counts",
    Latencies: "latencies",
}
KINDS = {**{kind: f"`{kind.__struct_config__.tag}`" for kind in get_args(Record)}, **PARTS}


def rows(title: str) -> dict[str, str]:
    """The fields of a table to the rest of their rows."""
    found: dict[str, str] = {}
    for names, rest in re.findall(r"^\| (`[^|]+`) \|(.*)\|$", SECTIONS[title], re.MULTILINE):
        found |= dict.fromkeys(re.findall(r"`(\w+)`", names), rest)
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_field_of_every_record_is_explained(kind: type[msgspec.Struct]) -> None:
    """No more, and no fewer."""
    assert set(rows(KINDS[kind])) == {field.name for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_word_that_a_field_may_be_is_named(kind: type[msgspec.Struct]) -> None:
    """Kinds, phases, outcomes: in the row of the field."""
    told = rows(KINDS[kind])
    for field in msgspec.structs.fields(kind):
        for word in words_of(field.type):
            assert f"`{word}`" in told[field.name], field.name


def words_of(kind: Any) -> list[str]:
    is_literal = str(get_origin(kind)) == "typing.Literal"
    return list(get_args(kind)) if is_literal else []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_may_be_missing_says_what_it_is_then(kind: type[msgspec.Struct]) -> None:
    """And only that: a field without a default is always there."""
    told = rows(KINDS[kind])
    for field in msgspec.structs.fields(kind):
        fallback = told[field.name].split("|")[1].strip()
        if field.name not in {"version", "client", "response", "service", "rounds", "iterations"}:
            assert bool(fallback) is not field.required, field.name


def test_every_record_has_its_section() -> None:
    """Of a record, or a part of one."""
    assert set(SECTIONS) == set(KINDS.values())


def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It adds up the histograms of a run, without our help."""
    path, run = tmp_path / "run.jsonl", stream(*steady())
    with StreamWriter(path) as writer:
        for record in (run.header, *run.records):
            writer.write(record)
    shown = PAGE.split("```python\n")[1].split("```")[0]
    exec(shown, {"path": path})  # noqa: S102 - what the page shows
    assert capsys.readouterr().out == "40.031 ms\n"
