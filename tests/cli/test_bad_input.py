"""Bad input is answered with one clear line and the right exit code, never a traceback."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from commands import Vecgate, write_parquet

AT = ("--bucket", "bucket", "--index")


def put(vecgate: Vecgate, file: Path | str, index: str, target: str, *more: str) -> tuple[int, str]:
    """Return the exit code and the line of the error."""
    result = vecgate("put", file, *AT, index, "--target", target, "--quiet", *more)
    (line,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    return result.code, line


def test_a_missing_file_is_named(vecgate: Vecgate, endpoint: str) -> None:
    """The path is in the line."""
    assert put(vecgate, "films.parquet", "index", endpoint) == (
        2,
        "error: films.parquet: there is no such file",
    )


def test_an_empty_file_is_named(vecgate: Vecgate, endpoint: str) -> None:
    """An empty file has no records, whatever its name is."""
    Path("films.parquet").touch()
    code, line = put(vecgate, "films.parquet", "index", endpoint)
    assert code == 2
    assert "films.parquet" in line
    assert "empty" in line


def test_a_wrong_column_is_answered_with_the_existing_ones(vecgate: Vecgate, endpoint: str) -> None:
    """The error lists the allowed values."""
    file = write_parquet(Path("films.parquet"), 3)
    result = vecgate("put", file, *AT, "index", "--target", endpoint, "--key-column", "isbn")
    assert result.code == 2
    assert "error: films.parquet has no column" in result.err
    for column in ("isbn", "key", "vector", "year"):
        assert column in result.err


def test_a_corrupt_parquet_file_is_called_damaged(vecgate: Vecgate, endpoint: str) -> None:
    """The format is recognised, and the error says that the file cannot be read."""
    file = write_parquet(Path("films.parquet"), 100)
    file.write_bytes(file.read_bytes()[:-40])
    code, line = put(vecgate, file, "index", endpoint)
    assert code == 2
    assert "films.parquet cannot be read as parquet" in line


def test_vectors_of_other_dimensions_are_rejected_one_by_one(vecgate: Vecgate, endpoint: str) -> None:
    """The rejected record is reported with its length and the allowed one; the others are written."""
    lines = [
        {"key": "a", "vector": [1, 2]},
        {"key": "b", "vector": [1, 2, 3]},
        {"key": "c", "vector": [3, 4]},
    ]
    Path("films.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = vecgate("put", "films.jsonl", *AT, "mixed", "--target", endpoint, "--create")
    assert result.code == 1
    assert "1 × vector must have length 2, but has length 3: 'b'" in result.out
    assert (
        result.out.splitlines()[-1]
        == "FAIL  1 record not written; correct films.jsonl.rejected.jsonl and run this command on it"
    )
    (reject,) = map(json.loads, Path("films.jsonl.rejected.jsonl").read_text().splitlines())
    assert (reject["key"], reject["vector"], reject["position"]) == ("b", [1, 2, 3], 1)


def test_strict_stops_at_the_first_bad_record(vecgate: Vecgate, endpoint: str) -> None:
    """With --strict the first invalid record ends the run, and the error has its key."""
    lines = [{"key": "a", "vector": [1, 2]}, {"key": "b", "vector": [None, 3]}]
    Path("films.jsonl").write_text("\n".join(map(json.dumps, lines)))
    code, line = put(vecgate, "films.jsonl", "strict", endpoint, "--create", "--strict")
    assert code == 1
    assert "'b'" in line


def test_an_unknown_index_is_named_with_a_hint(vecgate: Vecgate, endpoint: str) -> None:
    """The hint shows how to create it."""
    file = write_parquet(Path("films.parquet"), 3)
    result = vecgate("put", file, *AT, "missing", "--target", endpoint)
    assert result.code == 2
    assert "error: there is no index bucket/missing" in result.err
    assert "--create" in result.err


def test_an_index_of_another_dimension_is_refused_before_a_record_is_sent(
    vecgate: Vecgate, endpoint: str
) -> None:
    """The error has both dimensions."""
    vecgate(
        "put",
        write_parquet(Path("small.parquet"), 3, dimension=2),
        *AT,
        "two",
        "--target",
        endpoint,
        "--create",
    )
    code, line = put(vecgate, write_parquet(Path("wide.parquet"), 3, dimension=5), "two", endpoint)
    assert code == 2
    assert "wide.parquet have 5 dimensions, those of the index bucket/two 2" in line


def test_missing_credentials_are_a_target_error(vecgate: Vecgate) -> None:
    """No request is sent to Amazon without credentials."""
    file = write_parquet(Path("films.parquet"), 3)
    code, line = put(vecgate, file, "index", "aws", "--region", "us-east-1")
    assert (code, line) == (3, "error: no AWS credentials were found")


def test_an_unreachable_endpoint_is_a_target_error(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on the port: exit code 3."""
    monkeypatch.setattr("vecgate.bulk.transport.retried_call.time.sleep", lambda _: None)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        code, line = put(vecgate, write_parquet(Path("films.parquet"), 3), "index", url)
    assert code == 3
    assert "GetIndex got no response" in line


def test_a_port_in_use_is_named(vecgate: Vecgate, endpoint: str) -> None:
    """The error of `serve` has the port."""
    port = endpoint.rsplit(":", 1)[1]
    result = vecgate("serve", "--port", port)
    assert result.code == 2
    assert port in result.err
    assert "in use" in result.err


def test_without_a_target_the_run_does_not_start(vecgate: Vecgate) -> None:
    """Amazon is never the default."""
    code, line = put(vecgate, write_parquet(Path("films.parquet"), 3), "index", "")
    assert (code, line) == (2, "error: no target is named")


def test_an_invalid_target_is_answered_with_the_allowed_ones(vecgate: Vecgate) -> None:
    """The hint lists the allowed targets."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 3), *AT, "index", "--target", "amazon")
    assert result.code == 2
    assert "A target is `local`, `aws`, `moto`, `s3mock`, `local-s3`, a URL" in result.err


def test_a_journal_of_another_file_is_refused(vecgate: Vecgate, endpoint: str) -> None:
    """A journal belongs to one input and one index."""
    first, second = (write_parquet(Path(f"{n}.parquet"), 3, seed=n) for n in (1, 2))
    (Path("stop.jsonl")).write_text('{"key":"a","vector":[1,2,3,4]}\n{"key":"b","vector":[]}')
    vecgate("put", "stop.jsonl", *AT, "four", "--target", endpoint, "--create", "--strict", "--journal", "j")
    code, line = put(vecgate, second, "four", endpoint, "--journal", "j", "--resume")
    assert code == 2
    assert "the journal j belongs to another" in line
    assert "another input: stop.jsonl of " in line
    assert first.exists()


def test_a_file_that_is_not_a_journal_is_refused(vecgate: Vecgate, endpoint: str) -> None:
    """The file is not changed."""
    file = write_parquet(Path("films.parquet"), 3)
    Path("notes.txt").write_text("keep me, I am longer than a page header needs to be" * 5)
    code, line = put(vecgate, file, "any", endpoint, "--create", "--journal", "notes.txt", "--resume")
    assert (code, line) == (2, "error: notes.txt is not a journal")
    assert Path("notes.txt").read_text().startswith("keep me")


def test_a_journal_that_cannot_be_written_prevents_the_run(vecgate: Vecgate, endpoint: str) -> None:
    """A record that cannot be journaled is not sent."""
    file = write_parquet(Path("films.parquet"), 3)
    code, line = put(vecgate, file, "full", endpoint, "--create", "--journal", "/dev/full/journal")
    assert code == 4
    assert "the journal /dev/full/journal cannot be written" in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rate", "0"), "--vectors-per-s is 0.0, allowed is a number above 0"),
        (("--batch", "501"), "--batch is 501, allowed is 1 to 500"),
        (("--in-flight", "0"), "--in-flight is 0, allowed is 1 to 256"),
    ],
)
def test_a_setting_out_of_range_is_answered_with_the_range(
    vecgate: Vecgate, endpoint: str, words: tuple[str, str], message: str
) -> None:
    """The error has the setting, its value, and the range."""
    code, line = put(vecgate, write_parquet(Path("films.parquet"), 3), "index", endpoint, *words)
    assert (code, line) == (2, f"error: {message}")
