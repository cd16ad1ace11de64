"""`vecgate put` prints the plan, the progress and the result."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import Vecgate, write_parquet

from vecgate.results.bulk_records import BulkTotals
from vecgate.results.load.load_records import Second
from vecgate.results.load.operation_counts import sum_by_operation
from vecgate.results.result_stream import read_stream


def at(index: str, target: str) -> tuple[str, ...]:
    """Return the options for an index."""
    return ("--bucket", "bucket", "--index", index, "--target", target)


def test_the_plan_is_printed_before_anything_is_sent(vecgate: Vecgate, endpoint: str) -> None:
    """It has the use of each column, the index, the requests and their rate, and the journal."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 1_200), *at("plan", endpoint), "--create")
    said = result.err.splitlines()
    assert (
        said[0]
        == 'films.parquet: 1,200 records; key ← "key", vector ← "vector" (4 × float32), metadata ← year'
    )
    assert said[1] == "created index bucket/plan"
    assert said[2] == f"target: {endpoint}; index bucket/plan (4 dimensions, cosine)"
    assert said[3] == (
        "plan: 3 requests of up to 500 vectors, at most 2,500 vectors/s and 1,000 requests/s: at least 0.5 s"
    )
    assert said[4].startswith("journal: ")
    assert "films.parquet-" in said[4]


def test_the_last_line_is_the_verdict(vecgate: Vecgate, endpoint: str) -> None:
    """Results go to stdout and end with the verdict."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 7), *at("verdict", endpoint), "--create")
    assert result.code == 0
    assert result.out.startswith("written    7 of 7 in ")
    assert result.out.splitlines()[-1] == "PASS  7 records written"


def test_quiet_prints_only_the_result(vecgate: Vecgate, endpoint: str) -> None:
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
        name: outcome[name] for name in ("total", "read", "acknowledged", "rejected", "pending", "requests")
    }
    assert counts == {"total": 7, "read": 7, "acknowledged": 7, "rejected": 0, "pending": 0, "requests": 1}
    assert outcome["exit_code"] == 0
    assert outcome["journal"] is None


def test_a_finished_run_leaves_no_journal_and_can_be_repeated(vecgate: Vecgate, endpoint: str) -> None:
    """Only an unfinished run requires --resume or --restart."""
    words = ("put", write_parquet(Path("films.parquet"), 7), *at("again", endpoint), "--create")
    assert vecgate(*words).code == 0
    assert list(Path("state").rglob("*.journal")) == []
    assert vecgate(*words).code == 0


def test_check_sends_nothing(vecgate: Vecgate) -> None:
    """--check needs no target, no bucket and no index."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 7), "--check")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "PASS  7 of 7 records would be accepted"
    assert result.err == ""


def test_check_names_the_keys_to_make_non_filterable(vecgate: Vecgate, endpoint: str) -> None:
    """The report has the option for --create, and the option helps."""
    vectors = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0] * 3, pa.float32()), 2)
    table = pa.table({"id": ["a", "b", "c"], "vector": vectors, "plot": ["x" * 3_000] * 3, "year": [1, 2, 3]})
    pq.write_table(table, "films.parquet")

    result = vecgate("put", "films.parquet", "--check")
    assert result.code == 1
    assert "--non-filterable plot" in result.out

    words = ("put", "films.parquet", *at("plots", endpoint), "--create", "--non-filterable", "plot")
    assert vecgate(*words).code == 0


def test_a_check_as_json_has_the_same_numbers(vecgate: Vecgate) -> None:
    """--check --json prints one object."""
    report = json.loads(vecgate("put", write_parquet(Path("films.parquet"), 7), "--check", "--json").out)
    assert (report["records"], report["valid"], report["invalid"]) == (7, 7, 0)


def test_a_rejects_file_can_be_put_after_correction(vecgate: Vecgate, endpoint: str) -> None:
    """It has JSON lines in a form that put reads."""
    lines = [
        {"key": "a", "vector": [1, 2], "metadata": {"n": 1}},
        {"key": "b", "vector": [0, 0], "metadata": {"n": 2}},
    ]
    Path("films.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert vecgate("put", "films.jsonl", *at("mended", endpoint), "--create").code == 1

    rejects = Path("films.jsonl.rejected.jsonl")
    record = json.loads(rejects.read_text())
    assert record["problem"] == "cosine distance does not support vectors with zero norm"
    rejects.write_text(json.dumps(record | {"vector": [0, 1]}))
    assert vecgate("put", rejects, *at("mended", endpoint)).code == 0

    found = vecgate("query", *at("mended", endpoint), "--vector", "[0, 1]", "--top-k", "1", "--json")
    assert json.loads(found.out)["vectors"][0]["metadata"] == {"n": 2}


def test_standard_input_is_json_lines_and_has_no_journal(
    vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Input that cannot be read again cannot be resumed, and put says so."""
    text = '{"key": "a", "vector": [1, 2]}\n{"key": "b", "vector": [3, 4]}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    result = vecgate("put", "-", *at("stdin", endpoint), "--create")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "PASS  2 records written"
    assert "journal: none, because standard input cannot be read again" in result.err


def test_several_files_are_one_input(vecgate: Vecgate, endpoint: str) -> None:
    """Their records follow one another."""
    files = [write_parquet(Path(f"part-{part}.parquet"), 5 + part, seed=part) for part in range(3)]
    result = vecgate("put", *files, *at("parts", endpoint), "--create", "--json")
    assert json.loads(result.out)["acknowledged"] == 18


def test_a_local_target_is_a_rehearsal(vecgate: Vecgate) -> None:
    """The endpoint lives as long as the command, and put says so."""
    result = vecgate("put", write_parquet(Path("films.parquet"), 7), *at("rehearsal", "local"), "--create")
    assert result.code == 0
    assert "target: local (ends with this command)" in result.err


def test_single_vectors_go_through_the_direct_sender(vecgate: Vecgate, endpoint: str) -> None:
    """The preset for streams sends them one by one."""
    words = ("put", write_parquet(Path("films.parquet"), 40), *at("stream", endpoint))
    outcome = json.loads(vecgate(*words, "--create", "--preset", "stream", "--json").out)
    assert (outcome["acknowledged"], outcome["requests"]) == (40, 40)


def test_an_arn_names_the_index_alone(vecgate: Vecgate, endpoint: str) -> None:
    """The index is given by name or ARN, as everywhere in the API."""
    file = write_parquet(Path("films.parquet"), 7)
    vecgate("put", file, *at("by-arn", endpoint), "--create")
    arn = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket/index/by-arn"
    assert vecgate("put", file, "--index", arn, "--target", endpoint).code == 0
    rejected = vecgate("put", file, "--index", arn, "--target", endpoint, "--create")
    assert rejected.code == 2
    assert "--create needs names, not an ARN" in rejected.err


def test_a_run_can_be_recorded_as_a_result_stream(vecgate: Vecgate, endpoint: str) -> None:
    """Its seconds add up to the summary, and the report has the same verdict."""
    words = ("put", write_parquet(Path("films.parquet"), 1_200), *at("kept", endpoint), "--create")
    outcome = json.loads(vecgate(*words, "-o", "out/put.jsonl", "--json").out)
    stream = read_stream(Path("out/put.jsonl"))
    assert (stream.header.kind, stream.header.target, stream.problems) == ("bulk", endpoint, ())
    totals = stream.first(BulkTotals)
    assert totals is not None
    assert (totals.total, totals.acknowledged, totals.requests) == (1_200, 1_200, outcome["requests"])
    done = sum_by_operation(second.operations for second in stream.of(Second))["PutVectors"]
    assert (done.ok, done.vectors, done.bytes_out) == (3, 1_200, outcome["payload_bytes"])
    report = vecgate("report", "out/put.jsonl", "-o", "page.html")
    assert report.out.splitlines()[0].split("   ")[1:3] == [f"Ingest into {endpoint}", "PASS"]
    assert "1,200 of 1,200 records written" in report.out


def test_the_verdict_says_how_many_records_a_later_one_replaced(vecgate: Vecgate, endpoint: str) -> None:
    """Also if they are in other requests."""
    write_parquet(Path("a.parquet"), 7)
    write_parquet(Path("b.parquet"), 7)
    done = vecgate("put", "a.parquet", "b.parquet", *at("again", endpoint), "--create", "--batch", "2")
    line = "PASS  14 records written, of which 7 were replaced by a later one of the same key"
    assert done.out.splitlines()[-1] == line


def test_a_deletion_can_be_recorded_too(vecgate: Vecgate, endpoint: str) -> None:
    """The stream counts the deleted keys."""
    file = write_parquet(Path("films.parquet"), 7)
    vecgate("put", file, *at("gone", endpoint), "--create")
    vecgate("delete", file, *at("gone", endpoint), "--yes", "--results", "gone.jsonl")
    report = vecgate("report", "gone.jsonl", "--json")
    (run,) = json.loads(report.out)["pages"][0]["runs"]
    assert run["verdict"] == "passed"
    assert run["line"].startswith("7 of 7 records deleted or absent, ")


def test_a_stream_that_cannot_be_written_is_named(vecgate: Vecgate, endpoint: str) -> None:
    """The error comes before anything is sent."""
    Path("blocked").write_text("a file")
    words = ("put", write_parquet(Path("films.parquet"), 7), *at("named", endpoint), "--create")
    result = vecgate(*words, "-o", "blocked/run.jsonl")
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("error: blocked/run.jsonl cannot be written: ")
    assert result.out == ""


@pytest.fixture
def shards() -> list[Path]:
    """Two files of vectors without keys."""
    paths = [Path("shard0.npy"), Path("shard1.npy")]
    for number, path in enumerate(paths):
        np.save(path, np.full((25, 4), number + 1, dtype=np.float32))
    return paths


def test_files_without_keys_are_not_numbered_by_themselves(
    vecgate: Vecgate, endpoint: str, shards: list[Path]
) -> None:
    """The second file would overwrite the first, and both would pass."""
    for shard in shards:
        result = vecgate("put", shard, *at("shards", endpoint), "--create")
        assert result.code == 2
        assert "is recognised as keys" in result.err
        assert "--key-prefix" in result.err
    for number, shard in enumerate(shards):
        words = ("put", shard, *at("shards", endpoint), "--create", "--key-prefix", f"{number}-")
        assert vecgate(*words).code == 0
    found = vecgate("query", *at("shards", endpoint), "--vector", "[1, 1, 1, 1]", "--top-k", "60", "--json")
    assert len(json.loads(found.out)["vectors"]) == 50
    assert vecgate("put", shards[0], *at("shards", endpoint), "--row-keys").code == 0


def test_a_file_without_keys_cannot_say_what_to_delete(
    vecgate: Vecgate, endpoint: str, shards: list[Path]
) -> None:
    """Keys "0" and "1" may be anything."""
    assert vecgate("put", shards[0], *at("outliers", endpoint), "--create", "--row-keys").code == 0
    result = vecgate("delete", shards[1], *at("outliers", endpoint), "--yes")
    assert result.code == 2
    assert "row numbers do not say what to delete" in result.err


def test_a_directory_is_put_with_one_mapping_or_not_at_all(vecgate: Vecgate, endpoint: str) -> None:
    """What is skipped is said; a file that lacks a column stops the run before an index is created."""
    folder = Path("day")
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    write_parquet(folder / ".ipynb_checkpoints" / "a.parquet", 3)
    write_parquet(folder / "a.parquet", 5)
    result = vecgate("put", folder, *at("mapping", endpoint), "--create")
    assert result.code == 0
    assert "skipped by name: .ipynb_checkpoints/" in result.err
    assert result.out.splitlines()[-1] == "PASS  5 records written"

    (folder / "notes.txt").write_text("?")
    result = vecgate("put", folder, *at("mapping", endpoint))
    assert result.code == 2
    assert "day has 1 file of unknown formats: day/notes.txt" in result.err
    assert vecgate("put", folder, *at("mapping", endpoint), "--skip-unreadable").code == 0

    pq.write_table(pa.table({"id": ["x"], "embedding": [[1.0, 2, 3, 4]]}), folder / "b.parquet")
    result = vecgate("put", folder, *at("never", endpoint), "--create", "--skip-unreadable")
    assert result.code == 2
    assert 'day/b.parquet has no column "key", "vector", "year"' in result.err
    assert vecgate("scan", *at("never", endpoint)).code == 2, "no index was created"


STRICT_LINES = '{"key": "a", "vector": [1, 2]}\n{"key": "b", "vector": []}\n{"key": "c", "vector": [3, 4]}\n'


def test_a_changed_file_is_not_resumed(vecgate: Vecgate, endpoint: str) -> None:
    """The default journal is that of the path, so the change is found."""
    file = Path("films.jsonl")
    file.write_text(STRICT_LINES)
    words = ("put", file, *at("changed", endpoint), "--create", "--batch", "1", "--in-flight", "1")
    assert vecgate(*words, "--strict").code != 0
    file.write_text(STRICT_LINES.replace("[]", "[5, 6]"))
    result = vecgate(*words, "--resume")
    assert result.code == 2
    assert "another input: films.jsonl of " in result.err
    assert "--restart" in result.err
    result = vecgate(*words, "--restart")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "PASS  3 records written"
