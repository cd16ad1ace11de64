"""`--json`: one document with a versioned schema from every command, also when there is no result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from commands import Result, Vecgate, write_parquet

from vecgate.cli.json_output import json_text, schema_name
from vecgate.cli.main import COMMANDS, cli, import_command
from vecgate.exit_codes import ExitCode


def commands_with_json() -> Iterator[tuple[str, ...]]:
    """Yield the words of each command that has `--json`."""
    for name in COMMANDS:
        command = import_command(name)
        inner = command.commands if isinstance(command, click.Group) else {}
        for words, each in [((name,), command), *(((name, word), each) for word, each in inner.items())]:
            if any("--json" in parameter.opts for parameter in each.params):
                yield words


WITH_JSON = list(commands_with_json())


def document(result: Result) -> dict[str, Any]:
    """Return the only document on stdout; it agrees with the exit code."""
    (line,) = result.out.splitlines()
    found: dict[str, Any] = json.loads(line)
    assert (found["ok"], found["exit_code"]) == (result.code == 0, result.code)
    return found


def test_most_commands_have_json() -> None:
    """Fails if the search finds none."""
    assert len(WITH_JSON) > 15
    assert {("put",), ("ramp",), ("index", "list")} <= set(WITH_JSON)


@pytest.mark.parametrize("words", WITH_JSON, ids=" ".join)
def test_wrong_usage_is_a_document(vecgate: Vecgate, words: tuple[str, ...]) -> None:
    """With the name of the command, and what is on stderr."""
    result = vecgate(*words, "--json", "--no-such-option")
    found = document(result)
    assert result.code == ExitCode.USAGE
    assert found["schema"] == f"vecgate.{'.'.join(words)}/1"
    assert set(found) == {"schema", "ok", "exit_code", "error"}
    assert set(found["error"]) == {"kind", "message", "hint"}
    assert found["error"]["kind"] == "NoSuchOption"
    assert f"error: {found['error']['message']}\n" in result.err


def test_a_target_that_does_not_answer_is_a_document(vecgate: Vecgate) -> None:
    """Exit code 3, and the class of the error."""
    found = document(vecgate("bucket", "list", "--json", "--target", "http://127.0.0.1:1"))
    assert (found["schema"], found["exit_code"]) == ("vecgate.bucket.list/1", 3)
    assert found["error"]["kind"] in {"TransportError", "TargetUnreachable"}


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (KeyboardInterrupt(), 130, "KeyboardInterrupt"),
        (ZeroDivisionError("x"), 4, "ZeroDivisionError"),
        (ModuleNotFoundError("x", name="moto"), 2, "ModuleNotFoundError"),
    ],
)
def test_every_way_to_fail_is_a_document(
    vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, kind: str
) -> None:
    """An interrupt, a bug, a missing extra."""

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "main", fail)
    found = document(vecgate("query", "--json"))
    assert (found["schema"], found["exit_code"], found["error"]["kind"]) == ("vecgate.query/1", code, kind)


def test_an_unknown_command_has_no_name(vecgate: Vecgate) -> None:
    """And words behind `--` are no option."""
    assert document(vecgate("ptu", "--json"))["schema"] == "vecgate/1"
    assert vecgate("diff", "--", "--json", "a", "b", "c").out == ""


def test_the_schema_cannot_be_overwritten() -> None:
    """By a member of the result of the same name, such as the version of a result stream."""
    text = json_text(("put",), ExitCode.GATE_FAILED, {"schema": 2, "ok": True, "exit_code": 0, "x": 1})
    assert json.loads(text) == {"schema": "vecgate.put/1", "ok": False, "exit_code": 1, "x": 1}
    assert schema_name(()) == "vecgate/1"


def test_results_are_documents(vecgate: Vecgate, endpoint: str, tmp_path: Path) -> None:
    """An ingest, what can be asked about its index, its deletion, and an input with a wrong record."""
    films = write_parquet(tmp_path / "films.parquet", 6)
    (tmp_path / "wrong.jsonl").write_text('{"id": "a", "embedding": [1, 2]}\n{"id": "b", "embedding": [1]}\n')
    where = ["--target", endpoint, "--bucket", "json-output", "--index", "films", "--json"]
    bucket = ["--target", endpoint, "--bucket", "json-output", "--json"]
    expected: list[tuple[list[str | Path], int, str]] = [
        (["put", films, "--create", *where], 0, "acknowledged"),
        (["put", films, "--check", "--json"], 0, "records"),
        (["put", "wrong.jsonl", "--check", "--json"], 1, "records"),
        (["query", "--key", "k0", *where], 0, "vectors"),
        (["diff", films, *where], 0, "is_equal"),
        (["bucket", "list", "--target", endpoint, "--json"], 0, "buckets"),
        (["bucket", "describe", *bucket], 0, "arn"),
        (["index", "list", *bucket], 0, "indexes"),
        (["index", "describe", *where], 0, "dimension"),
        (["index", "count", *where], 0, "vectors"),
        (["delete", films, "--yes", *where], 0, "acknowledged"),
        (["index", "delete", "--yes", *where], 0, "deleted"),
        (["bucket", "delete", "--yes", *bucket], 0, "deleted"),
        (
            ["doctor", "--policy", "put", "--region", "eu-west-1", "--account", "123456789012", "--json"],
            0,
            "policy",
        ),
        (["clean", "--target", endpoint, "--json"], 0, "buckets"),
        (["ramp", "--list", "--json"], 0, "scenarios"),
    ]
    for words, code, member in expected:
        result = vecgate(*words)
        found = document(result)
        assert (result.code, member in found) == (code, True), (words, result)
        assert found["schema"].startswith(f"vecgate.{words[0]}")
