"""`vecgate diff` compares files with an index, and `put --verify` reads back what it wrote."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from child_processes import WITHIN_S, child_process, wait_until
from commands import Vecgate, write_parquet
from fault_proxy import fault_proxy

from vecgate.endpoint.local import LocalEndpoint
from vecgate.gate.bulk_verdict import judge_bulk
from vecgate.results.bulk_records import BulkVerification
from vecgate.results.result_stream import read_stream

ROWS = 230


def at(index: str, target: str) -> tuple[str, ...]:
    """Return the options for an index."""
    return ("--bucket", "bucket", "--index", index, "--target", target)


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    """A client of the endpoint."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    with closing(boto3.client("s3vectors", endpoint_url=endpoint, region_name="us-east-1", **keys)) as client:
        yield client


def change(client: Any, index: str, *, delete: Sequence[str] = (), **vectors: list[float]) -> None:
    """Delete keys of an index, and put vectors without metadata."""
    place = {"vectorBucketName": "bucket", "indexName": index}
    if delete:
        client.delete_vectors(**place, keys=list(delete))
    if vectors:
        records = [{"key": key, "data": {"float32": values}} for key, values in vectors.items()]
        client.put_vectors(**place, vectors=records)


@pytest.fixture
def put_films(vecgate: Vecgate, endpoint: str) -> Path:
    """Put a file into the index `films`, which is empty before."""
    file = write_parquet(Path("films.parquet"), ROWS)
    assert vecgate("put", file, *at("films", endpoint), "--create").code == 0
    return file


@pytest.fixture(autouse=True)
def no_films(client: Any) -> Iterator[None]:
    """Remove the index after each test."""
    yield
    with suppress(client.exceptions.NotFoundException):
        client.delete_index(vectorBucketName="bucket", indexName="films")


def test_an_equal_index_passes(vecgate: Vecgate, endpoint: str, put_films: Path) -> None:
    """Everything was compared, and the whole index was listed."""
    result = vecgate("diff", put_films, *at("films", endpoint))
    assert result.code == 0
    assert result.out.splitlines()[0].startswith("read back  230 records in ")
    assert result.out.splitlines()[1:] == ["PASS  230 records read back, all equal, no key is extra"]
    assert result.err.splitlines() == [
        'films.parquet: 230 records; key ← "key", vector ← "vector" (4 × float32), metadata ← year',
        f"target: {endpoint}; index bucket/films (4 dimensions, cosine)",
    ]


def test_differences_fail(vecgate: Vecgate, endpoint: str, put_films: Path, client: Any) -> None:
    """Each kind is counted, and keys are named without values."""
    change(client, "films", delete=["k3", "k5"], k7=[1, 2, 3, 4], new=[1, 2, 3, 4])
    result = vecgate("diff", put_films, *at("films", endpoint), "-q")
    assert result.code == 1
    assert result.out.splitlines()[1:] == [
        "missing    2 keys: 'k3', 'k5'",
        "different  1 key: 'k7' (vector, metadata 'year')",
        "extra      1 key: 'new'",
        "FAIL  2 keys missing, 1 key different, 1 key extra",
    ]
    found = json.loads(vecgate("diff", put_films, *at("films", endpoint), "--json").out)
    assert (found["missing"], found["different"], found["extra"]) == (2, 1, 1)
    assert found["missing_keys"] == ["k3", "k5"]
    assert found["different_keys"] == [{"key": "k7", "parts": "vector, metadata 'year'"}]
    assert found["extra_keys"] == ["new"]
    assert (found["is_equal"], found["is_complete"], found["exit_code"]) == (False, True, 1)


def test_extra_keys_can_be_left_out(vecgate: Vecgate, endpoint: str, put_films: Path, client: Any) -> None:
    """The index may have more inputs; the verdict says that nobody looked."""
    change(client, "films", new=[1, 2, 3, 4])
    result = vecgate("diff", put_films, *at("films", endpoint), "--no-extra")
    assert result.code == 0
    assert result.out.splitlines()[-1] == (
        "PASS  230 records read back, all equal, extra keys were not looked for"
    )


def test_the_columns_are_those_of_put(vecgate: Vecgate, endpoint: str) -> None:
    """The same options give the same records; others do not."""
    file = write_parquet(Path("films.parquet"), 5)
    options = ("--key-prefix", "film-", "--metadata-columns", "")
    assert vecgate("put", file, *at("films", endpoint), "--create", *options).code == 0
    assert vecgate("diff", file, *at("films", endpoint), *options).code == 0
    assert vecgate("diff", file, *at("films", endpoint), "--key-prefix", "film-").code == 1
    assert "5 keys missing" in vecgate("diff", file, *at("films", endpoint)).out


def test_records_that_cannot_be_stored_fail(vecgate: Vecgate, endpoint: str) -> None:
    """The index cannot equal such an input."""
    lines = [{"key": "a", "vector": [1, 2]}, {"key": "b", "vector": [0, 0]}]
    Path("films.jsonl").write_text("\n".join(map(json.dumps, lines)))
    vecgate("put", "films.jsonl", *at("films", endpoint), "--create")
    result = vecgate("diff", "films.jsonl", *at("films", endpoint))
    assert result.code == 1
    assert result.out.splitlines()[-2:] == [
        "rejected   1 record cannot be stored",
        "FAIL  1 record of the input cannot be stored",
    ]


@pytest.mark.parametrize("operation", ["GetVectors", "ListVectors"])
def test_a_target_that_denies_reading_is_inconclusive(
    vecgate: Vecgate, endpoint: str, put_films: Path, operation: str
) -> None:
    """Never equal: nobody could look. The exit code is that of the target."""
    with fault_proxy(endpoint) as proxy:
        proxy.denies = {operation}
        result = vecgate("diff", put_films, *at("films", proxy.url))
        as_json = vecgate("diff", put_films, *at("films", proxy.url), "--json")
    assert result.code == 3
    assert result.out.splitlines()[-1].startswith("INCONCLUSIVE  reading back was stopped after ")
    assert f"error: {operation} failed with 403 AccessDeniedException" in result.err
    found = json.loads(as_json.out)
    assert (found["is_equal"], found["is_complete"], found["exit_code"]) == (False, False, 3)


def test_an_index_is_compared_with_another_one(
    vecgate: Vecgate, endpoint: str, put_films: Path, client: Any
) -> None:
    """Of the same target, or of the one in its URL."""
    with LocalEndpoint() as other:
        assert vecgate("put", put_films, *at("films", other.url), "--create").code == 0
        there = ("diff", *at("films", other.url), "--from")
        result = vecgate(*there, f"{endpoint}/bucket/films")
        assert result.code == 0
        assert result.err.startswith("bucket/films: records not counted; all vectors of bucket/films")
        assert vecgate("diff", *at("films", endpoint), "--from", "bucket/films").code == 0
        change(client, "films", delete=["k1"], k2=[1, 1, 1, 1], new=[1, 2, 3, 4])
        result = vecgate(*there, f"{endpoint}/bucket/films")
    assert result.code == 1
    assert result.out.splitlines()[-1] == "FAIL  1 key missing, 1 key different, 1 key extra"


@pytest.mark.parametrize("words", [(), ("films.parquet", "--from", "bucket/films"), ("--from", "films")])
def test_a_comparison_has_one_source(vecgate: Vecgate, endpoint: str, words: tuple[str, ...]) -> None:
    """Files, or an index that is named as a whole."""
    assert vecgate("diff", *words, *at("films", endpoint)).code == 2


def test_standard_input_is_read_once(
    vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch, put_films: Path
) -> None:
    """A comparison needs it only once."""
    del put_films
    lines = vecgate("scan", *at("films", endpoint)).out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert vecgate("diff", "-", *at("films", endpoint)).code == 0


def test_small_batches_are_read_back_too(vecgate: Vecgate, endpoint: str) -> None:
    """They have a sender of their own."""
    file = write_parquet(Path("films.parquet"), 20)
    result = vecgate("put", file, *at("films", endpoint), "--create", "--batch", "5", "--verify")
    assert result.out.splitlines()[-1] == "PASS  20 records written; 20 records read back, all equal"


def test_an_index_that_is_missing_or_of_another_dimension_is_wrong_usage(
    vecgate: Vecgate, endpoint: str, put_films: Path
) -> None:
    """Before anything is read."""
    missing = vecgate("diff", put_films, *at("nothing", endpoint))
    assert (missing.code, "there is no index" in missing.err) == (2, True)
    other = write_parquet(Path("other.parquet"), 3, dimension=8)
    result = vecgate("diff", other, *at("films", endpoint))
    assert result.code == 2
    assert "8 dimensions, those of the index bucket/films 4" in result.err


# `put --verify`.


def test_what_was_put_is_read_back(vecgate: Vecgate, endpoint: str) -> None:
    """Its result is in the verdict, the JSON and the result stream."""
    file = write_parquet(Path("films.parquet"), ROWS)
    options = ("--verify", "-o", "run.jsonl")
    result = vecgate("put", *options, file, *at("films", endpoint), "--create")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "PASS  230 records written; 230 records read back, all equal"
    stream = read_stream(Path("run.jsonl"))
    verification = stream.first(BulkVerification)
    assert verification is not None
    assert (verification.read, verification.compared, verification.missing) == (ROWS, ROWS, 0)
    assert stream.footer is not None
    assert stream.footer.requests == {"PutVectors": 1, "GetVectors": 3}
    assert judge_bulk(stream)
    found = json.loads(vecgate("put", file, *at("films", endpoint), "--verify", "--json").out)
    assert found["verification"]["compared"] == ROWS


@pytest.mark.parametrize(
    ("value", "compared"), [("all", 230), ("500", 230), ("100", None), ("50%", None), ("100%", 230)]
)
def test_a_sample_is_read_back(vecgate: Vecgate, endpoint: str, value: str, compared: int | None) -> None:
    """About a number of records, or a share of the keys; the verdict says so."""
    file = write_parquet(Path("films.parquet"), ROWS)
    result = vecgate("put", file, *at("films", endpoint), "--create", f"--verify={value}")
    assert result.code == 0
    line = result.out.splitlines()[-1]
    if compared:
        assert line == "PASS  230 records written; 230 records read back, all equal"
    else:
        assert " records read back (a sample of " in line


@pytest.mark.parametrize("value", ["some", "1.5", "-1", "5", "0%", "101%", "%", ""])
def test_a_wrong_sample_is_answered_with_the_allowed_ones(vecgate: Vecgate, value: str) -> None:
    """Before anything is read."""
    result = vecgate("put", "missing.parquet", f"--verify={value}")
    assert result.code == 2
    assert "--verify" in result.err
    assert "allowed" in result.err


def test_an_input_that_cannot_be_read_twice_is_refused(
    vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent. So is --check, which writes nothing."""
    command = [sys.executable, "-m", "vecgate", "put", "-", *at("films", endpoint), "--create", "--verify"]
    with child_process(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        _, err = process.communicate('{"key": "a", "vector": [1, 2]}\n', timeout=WITHIN_S)
    assert process.returncode == 2
    assert "cannot be read again" in err
    file = write_parquet(Path("films.parquet"), 3)
    assert "nothing to --verify" in vecgate("put", file, "--check", "--verify").err


def test_a_service_that_loses_records_fails(vecgate: Vecgate, endpoint: str) -> None:
    """It acknowledges requests that it does not apply: nothing else can find that out."""
    file = write_parquet(Path("films.parquet"), ROWS)
    with fault_proxy(endpoint) as proxy:
        proxy.swallows = {"PutVectors": 1}
        options = ("--create", "--batch", "50", "-o", "run.jsonl")
        result = vecgate("put", file, *at("films", proxy.url), *options, "--verify")
    assert result.code == 1
    assert result.out.splitlines()[-1] == "FAIL  50 keys missing"
    assert result.out.splitlines()[-2].startswith("missing    50 keys: 'k")
    assert judge_bulk(read_stream(Path("run.jsonl"))).grade == "failed"


def test_a_verification_that_is_denied_is_inconclusive(vecgate: Vecgate, endpoint: str) -> None:
    """All records are written, but nobody knows; the summary is printed, and the way on."""
    file = write_parquet(Path("films.parquet"), ROWS)
    with fault_proxy(endpoint) as proxy:
        proxy.denies, proxy.since = {"GetVectors"}, "PutVectors"
        options = ("--create", "--verify", "-o", "run.jsonl")
        result = vecgate("put", file, *at("films", proxy.url), *options)
        proxy.seen.clear()
        proxy.denies = {"GetIndex"}
        not_begun = vecgate("put", file, *at("films", proxy.url), "--verify")
    for each in (result, not_begun):
        assert each.code == 3
        assert each.out.startswith("written    230 of 230")
        assert each.out.splitlines()[-1].startswith(
            "INCONCLUSIVE  reading back was stopped after 0 records: "
        )
        assert "vecgate diff" in each.out.splitlines()[-1]
    stream = read_stream(Path("run.jsonl"))
    assert judge_bulk(stream).grade == "inconclusive"
    assert stream.footer is not None
    assert not stream.footer.is_complete


def test_records_that_cannot_be_read_back_are_not_written(vecgate: Vecgate, endpoint: str) -> None:
    """A policy without s3vectors:GetVectors is noticed before hours of writing."""
    file = write_parquet(Path("films.parquet"), ROWS)
    with fault_proxy(endpoint) as proxy:
        proxy.denies = {"GetVectors"}
        result = vecgate("put", file, *at("films", proxy.url), "--create", "--verify")
        assert "PutVectors" not in proxy.seen
    assert result.code == 3
    assert "GetVectors failed with 403 AccessDeniedException" in result.err


def test_an_interrupted_verification_is_no_pass(vecgate: Vecgate, endpoint: str) -> None:
    """Ctrl-C while records are read back."""
    file = write_parquet(Path("films.parquet"), ROWS)
    with fault_proxy(endpoint) as proxy:
        proxy.fails_after, proxy.since = {"GetVectors"}, "PutVectors"
        words = ["put", str(file), *at("films", proxy.url), "--create", "--verify"]
        put = child_process(
            [sys.executable, "-m", "vecgate", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with put as process:
            wait_until(lambda: proxy.seen.count("GetVectors") > 3, process)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, err
    assert out.splitlines()[-1].startswith(
        "INTERRUPTED  reading back was stopped after 0 records by the user"
    )


def test_rejected_records_and_differences_are_both_said(vecgate: Vecgate, endpoint: str) -> None:
    """A run with rejects fails, and what is missing is said too."""
    lines = [{"key": f"k{n}", "vector": [1, n]} for n in range(5)] + [{"key": "bad", "vector": [0, 0]}]
    Path("films.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = vecgate("put", "films.jsonl", *at("films", endpoint), "--create", "--verify")
    assert result.code == 1
    assert result.out.splitlines()[-1].endswith("; 5 records read back, all equal")
