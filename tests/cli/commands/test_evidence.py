"""`vecgate evidence` on a small suite, from the run that records to the suite that reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import Vecgate
from evidence_builders import requirement_entry
from suites import PRELUDE, SUITE

from vecgate.conformance_kit import conformance_run, suite_run

TESTS = """
def inferred(id_, kind="effect"):
    return requirement(id_, kind=kind, evidence="inferred", source="https://a.example/")
@inferred("a.works")
def test_works(client):
    'It works.'
    client.list_vector_buckets()
@inferred("a.fails")
def test_fails(client):
    'It fails.'
    client.list_vector_buckets()
    assert 1 == 2
@inferred("a.cases")
@pytest.mark.parametrize("case", ["one", "two"], ids=["one", "two"])
def test_cases(client, case):
    'It works in every case.'
    client.list_vector_buckets()
@inferred("a.open", kind="open")
@pytest.mark.parametrize("case", ["one", "two"], ids=["one", "two"])
def test_open(client, case):
    'Nobody knows.'
    client.list_vector_buckets()
@inferred("a.alone")
def test_alone():
    'Nothing is sent.'
@must("a.known")
def test_known(client):
    'It is known.'
    client.list_vector_buckets()
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small suite in place of the conformance suite."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("conftest.py", "pytest.ini", "__init__.py"):
        shutil.copy(SUITE / name, folder)
    (folder / "test_few.py").write_text(PRELUDE + TESTS)
    monkeypatch.setattr(suite_run, "suite_folder", lambda: folder)
    return folder


@pytest.mark.usefixtures("in_process")
def test_the_whole_path(vecgate: Vecgate, suite: Path, endpoint: str) -> None:
    """Record, check, merge: what was inferred and met is recorded, the rest is named."""
    run = (
        "conform",
        "--target",
        endpoint,
        "--level",
        "full",
        "--evidence",
        "e.jsonl",
        "--inferred",
    )
    assert vecgate(*run).code == 1
    checked = vecgate("evidence", "check", "e.jsonl")
    lines = checked.out.splitlines()
    assert checked.code == 0
    assert lines[0].startswith(f"e.jsonl: 6 requirements on {endpoint} in us-east-1, ")
    assert lines[0].endswith(": 5 met, 1 not met")
    assert lines[1:] == [
        "  3 inferred requirements would be recorded, 0 had evidence before",
        "  not met: a.fails: assert 1 == 2",
        "  answered, but nothing is promised yet: a.open (2 cases)",
        f"  it proves nothing about Amazon: {endpoint} answered",
    ]
    refused = vecgate("evidence", "merge", "e.jsonl")
    assert refused.code == 2
    assert "only Amazon's answers can be merged" in refused.err
    assert not (suite / "evidence").exists()

    text = Path("e.jsonl").read_text().replace(f'"target":"{endpoint}"', '"target":"aws"', 1)
    Path("aws.jsonl").write_text(text)
    assert vecgate("evidence", "merge", "aws.jsonl", "e.jsonl").code == 2
    assert not (suite / "evidence").exists()
    merged = vecgate("evidence", "merge", "aws.jsonl")
    (written,) = (suite / "evidence").iterdir()
    assert merged.code == 1
    assert f"aws.jsonl: 3 requirements recorded in {written}" in merged.out
    assert "a.fails" not in written.read_text()
    listed = json.loads(vecgate("conform", "--list", "--json").out)["requirements"]
    assert {each["id"]: (each["evidence"], each["level"]) for each in listed} == {
        "a.cases[one]": ("recorded", "must"),
        "a.cases[two]": ("recorded", "must"),
        "a.fails": ("inferred", "should"),
        "a.known": ("model", "must"),
        "a.alone": ("inferred", "should"),
        "a.open[one]": ("inferred", "may"),
        "a.open[two]": ("inferred", "may"),
        "a.works": ("recorded", "must"),
    }
    assert vecgate("evidence", "todo").out.splitlines()[-1] == "4 requirements in 3 tests rest on inference"


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three inferred requirements, two of them of one test, and a documented one."""
    entries = [
        *(requirement_entry(f"a.cases[{case}]") for case in ("one", "two")),
        requirement_entry("a.known", evidence="documented"),
        requirement_entry("a.works"),
    ]
    monkeypatch.setattr(conformance_run, "read_catalogue", lambda: entries)


@pytest.mark.usefixtures("catalogue")
def test_the_list_has_a_command_for_each_test(vecgate: Vecgate) -> None:
    """The bracket keeps pytest from selecting ids that only begin like this one."""
    listed = vecgate("evidence", "todo")
    assert (listed.code, listed.out.splitlines()) == (
        0,
        [
            "a.cases (2 cases): It works.",
            "    vecgate conform --target aws --yes -k 'a.cases[' --evidence a.cases.jsonl",
            "a.works: It works.",
            "    vecgate conform --target aws --yes -k a.works --evidence a.works.jsonl",
            "3 requirements in 2 tests rest on inference",
        ],
    )
    entries = json.loads(vecgate("evidence", "todo", "--json").out)["requirements"]
    assert [(each["id"], each["cases"]) for each in entries] == [("a.cases", ["one", "two"]), ("a.works", [])]


@pytest.mark.usefixtures("catalogue")
def test_a_file_with_an_account_number_fails_the_check(vecgate: Vecgate, tmp_path: Path) -> None:
    """The number itself is not repeated."""
    header = '{"record":"evidence-header","run":"r","target":"aws","region":"r","recorded_at":"2026-11-30T00:00:00Z"}'
    exchange = '{"operation":"GetIndex","request":"arn:aws:s3vectors:us-east-1:123456789012:b","status":200,"answer":""}'
    fields = f'"id":"a.works","claim":"c","is_met":true,"fingerprint":"f","at":"t","exchanges":[{exchange}]'
    (tmp_path / "e.jsonl").write_text(f'{header}\n{{"record":"evidence",{fields}}}\n')
    checked = vecgate("evidence", "check", "e.jsonl")
    assert checked.code == 1
    assert "  INVALID: line 2 has an account number" in checked.out
    assert "123456789012" not in checked.out
    in_json = json.loads(vecgate("evidence", "check", "e.jsonl", "--json").out)
    assert in_json["exit_code"] == 1
    assert in_json["files"][0]["problems"] == ["line 2 has an account number"]


@pytest.mark.usefixtures("catalogue")
def test_a_missing_file_is_one_line(vecgate: Vecgate) -> None:
    """No traceback."""
    failed = vecgate("evidence", "check", "none.jsonl")
    assert failed.code == 2
    assert failed.err.startswith("error: none.jsonl cannot be read")
