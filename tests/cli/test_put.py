"""`vecgate put` says what will happen, and what happened."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import Vecgate, write_parquet

from vecgate.results.bulk import BulkTotals
from vecgate.results.counts import by_operation
from vecgate.results.load import Second
from vecgate.results.stream import read_stream


def at(index: str, target: str) -> tuple[str, ...]:
    """Where to put."""
    return ("--bucket", "bucket", "--index", index, "--target", target)


def test_the_plan_is_said_before_anything_is_sent(vecgate: Vecgate, endpoint: str) -> None:
    """What was taken for what, which index, how many requests at which rate, and where the journal is."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 1_200), *at("plan", endpoint), "--create")
    said = result.err.splitlines()
    assert (
        said[0]
        == 'films.parquet: 1,200 records; key ← "key", vector ← "vector" (4 × float32), metadata ← year'
    )
    assert said[1] == "made index bucket/plan"
    assert said[2] == f"target: {endpoint}; index bucket/plan (4 dimensions, cosine)"
    assert said[3] == (
        "plan: 3 requests of up to 500 vectors, at most 2,500 vectors/s and 1,000 requests/s: "
        "about 0.5 s or more"
    )
    assert said[4].startswith("journal: ")
    assert "films.parquet-" in said[4]


def test_the_last_line_is_the_verdict(vecgate: Vecgate, endpoint: str) -> None:
    """Results go to stdout, and end with what came of it."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 7), *at("verdict", endpoint), "--create")
    assert result.code == 0
    assert result.out.startswith("written    7 of 7 in ")
    assert result.out.splitlines()[-1] == "PASS  7 records written"


def test_quiet_says_the_result_alone(vecgate: Vecgate, endpoint: str) -> None:
    """With --quiet stderr stays empty."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 7), *at("quiet", endpoint), "--create", "-q")
    assert result.err == ""
    assert result.out.splitlines()[-1] == "PASS  7 records written"


def test_json_is_one_object_with_every_count(vecgate: Vecgate, endpoint: str) -> None:
    """With --json stdout is one JSON object."""
    result = vecgate(
        "put", write_parquet(Path("films.parquet"), 7), *at("json", endpoint), "--create", "--json"
    )
    outcome = json.loads(result.out)
    counts = {
        name: outcome[name] for name in ("total", "read", "acknowledged", "set_aside", "pending", "requests")
    }
    assert counts == {"total": 7, "read": 7, "acknowledged": 7, "set_aside": 0, "pending": 0, "requests": 1}
    assert outcome["exit_code"] == 0
    assert outcome["journal"] is None


def test_a_finished_run_leaves_no_journal_and_may_be_run_again(vecgate: Vecgate, endpoint: str) -> None:
    """Only an unfinished run asks for --resume or --restart."""
    words = ("put", write_parquet(Path("films.parquet"), 7), *at("again", endpoint), "--create")
    assert vecgate(*words).code == 0
    assert list(Path("state").rglob("*.journal")) == []
    assert vecgate(*words).code == 0


def test_check_sends_nothing(vecgate: Vecgate) -> None:
    """--check needs no target, no bucket and no index."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 7), "--check")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "PASS  7 of 7 records would be taken"
    assert result.err == ""


def test_check_names_the_keys_to_make_non_filterable(vecgate: Vecgate, endpoint: str) -> None:
    """What can only be said when the index is made is said before, as the option to type; and it helps."""
    vectors = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0] * 3, pa.float32()), 2)
    table = pa.table({"id": ["a", "b", "c"], "vector": vectors, "plot": ["x" * 3_000] * 3, "year": [1, 2, 3]})
    pq.write_table(table, "films.parquet")

    result = vecgate("put", "films.parquet", "--check")
    assert result.code == 1
    assert "--non-filterable plot" in result.out

    words = ("put", "films.parquet", *at("plots", endpoint), "--create", "--non-filterable", "plot")
    assert vecgate(*words).code == 0


def test_a_check_as_json_has_the_same_numbers(vecgate: Vecgate) -> None:
    """--check --json is one object."""
    report = json.loads(vecgate("put", write_parquet(Path("films.parquet"), 7), "--check", "--json").out)
    assert (report["records"], report["good"], report["bad"]) == (7, 7, 0)


def test_a_set_aside_file_can_be_put_once_mended(vecgate: Vecgate, endpoint: str) -> None:
    """It is JSON lines in a form that put takes."""
    lines = [
        {"key": "a", "vector": [1, 2], "metadata": {"n": 1}},
        {"key": "b", "vector": [0, 0], "metadata": {"n": 2}},
    ]
    Path("films.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert vecgate("put", "films.jsonl", *at("mended", endpoint), "--create").code == 1

    aside = Path("films.jsonl.set-aside.jsonl")
    record = json.loads(aside.read_text())
    assert record["problem"] == "cosine distance does not support vectors with zero norm"
    aside.write_text(json.dumps(record | {"vector": [0, 1]}))
    assert vecgate("put", aside, *at("mended", endpoint)).code == 0

    found = vecgate("query", *at("mended", endpoint), "--vector", "[0, 1]", "--top-k", "1", "--json")
    assert json.loads(found.out)["vectors"][0]["metadata"] == {"n": 2}


def test_standard_input_is_json_lines_and_keeps_no_journal(
    vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be read again cannot be resumed, and that is said."""
    text = '{"key": "a", "vector": [1, 2]}\n{"key": "b", "vector": [3, 4]}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    result = vecgate("put", "-", *at("stdin", endpoint), "--create")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "PASS  2 records written"
    assert "journal: none, since standard input cannot be read again" in result.err


def test_several_files_are_one_input(vecgate: Vecgate, endpoint: str) -> None:
    """Their records follow one another."""
    files = [write_parquet(Path(f"part-{part}.parquet"), 5 + part, seed=part) for part in range(3)]
    result = vecgate("put", *files, *at("parts", endpoint), "--create", "--json")
    assert json.loads(result.out)["acknowledged"] == 18


def test_a_local_target_is_a_rehearsal(vecgate: Vecgate) -> None:
    """An endpoint lives as long as the command, and that is said."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 7), *at("rehearsal", "local"), "--create")
    assert result.code == 0
    assert "target: local (gone when this command ends)" in result.err


def test_single_vectors_go_through_the_direct_sender(vecgate: Vecgate, endpoint: str) -> None:
    """The preset for streams sends them one by one."""
    words = ("put", write_parquet(Path("films.parquet"), 40), *at("stream", endpoint))
    outcome = json.loads(vecgate(*words, "--create", "--preset", "stream", "--json").out)
    assert (outcome["acknowledged"], outcome["requests"]) == (40, 40)


def test_an_arn_names_the_index_alone(vecgate: Vecgate, endpoint: str) -> None:
    """Name or ARN, as everywhere in the API."""
    file = write_parquet(Path("films.parquet"), 7)
    vecgate("put", file, *at("by-arn", endpoint), "--create")
    arn = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket/index/by-arn"
    assert vecgate("put", file, "--index", arn, "--target", endpoint).code == 0
    refused = vecgate("put", file, "--index", arn, "--target", endpoint, "--create")
    assert refused.code == 2
    assert "--create needs names, not an ARN" in refused.err


def test_a_run_can_be_kept_as_a_result_stream(vecgate: Vecgate, endpoint: str) -> None:
    """Its seconds add up to what the summary says; the report has the same verdict."""
    words = ("put", write_parquet(Path("films.parquet"), 1_200), *at("kept", endpoint), "--create")
    outcome = json.loads(vecgate(*words, "-o", "out/put.jsonl", "--json").out)
    stream = read_stream(Path("out/put.jsonl"))
    assert (stream.header.kind, stream.header.target, stream.problems) == ("bulk", endpoint, ())
    totals = stream.first(BulkTotals)
    assert totals is not None
    assert (totals.total, totals.acknowledged, totals.requests) == (1_200, 1_200, outcome["requests"])
    done = by_operation(second.operations for second in stream.of(Second))["PutVectors"]
    assert (done.ok, done.vectors, done.bytes_out) == (3, 1_200, outcome["payload_bytes"])
    told = vecgate("report", "out/put.jsonl", "-o", "page.html")
    assert told.out.splitlines()[0].split("   ")[1:3] == [f"Ingest into {endpoint}", "PASS"]
    assert "1,200 of 1,200 records written" in told.out


def test_a_delete_can_be_kept_too(vecgate: Vecgate, endpoint: str) -> None:
    """With the keys that it deleted."""
    file = write_parquet(Path("films.parquet"), 7)
    vecgate("put", file, *at("gone", endpoint), "--create")
    vecgate("delete", file, *at("gone", endpoint), "--yes", "--results", "gone.jsonl")
    told = vecgate("report", "gone.jsonl", "--json")
    (run,) = json.loads(told.out)["pages"][0]["runs"]
    assert (run["verdict"], run["line"]) == ("passed", "7 of 7 records deleted")


def test_a_stream_that_cannot_be_written_is_named(vecgate: Vecgate, endpoint: str) -> None:
    """Before anything is sent."""
    Path("taken").write_text("a file")
    words = ("put", write_parquet(Path("films.parquet"), 7), *at("named", endpoint), "--create")
    result = vecgate(*words, "-o", "taken/run.jsonl")
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("error: taken/run.jsonl cannot be written: ")
    assert result.out == ""
