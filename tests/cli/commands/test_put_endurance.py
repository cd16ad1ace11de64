"""`vecgate put` when the target goes away, a new index is not found yet, or the whole input is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from child_processes import child_process, wait_until
from commands import Vecgate, write_parquet
from fault_proxy import fault_proxy
from put_processes import free_port, listens, read_until, serve

ROWS = 3_000


def at(index: str, target: str) -> tuple[str, ...]:
    """Return the options for an index."""
    return ("--bucket", "bucket", "--index", index, "--target", target)


def write_vectors(name: str, vectors: list[list[float]]) -> str:
    """Write *vectors* as JSON lines."""
    lines = (json.dumps({"key": f"k{number}", "vector": vector}) for number, vector in enumerate(vectors))
    Path(name).write_text("\n".join(lines) + "\n")
    return name


def test_a_server_that_is_restarted_costs_no_record(vecgate: Vecgate) -> None:
    """It is killed in the middle and started again on its data: the same run waits, and writes the rest."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    file = write_parquet(Path("films.parquet"), ROWS)
    words = ["put", str(file), *at("restarted", url), "--create", "--journal", "journal", "--json"]
    with serve(port) as first:
        wait_until(lambda: listens(port), first)
        put = child_process(
            [sys.executable, "-m", "vecgate", *words, "--batch", "50", "--rate", "1000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with put as process:
            wait_until(lambda: Path("journal-wal").exists() and Path("journal-wal").stat().st_size > 40_000)
            first.send_signal(signal.SIGKILL)
            first.wait(30)
            assert "target unavailable for " in read_until(process, "target unavailable")
            with serve(port) as second:
                wait_until(lambda: listens(port), second)
                out, err = process.communicate(timeout=60)
                outcome = json.loads(out)
                assert process.returncode == 0, err
                assert (outcome["acknowledged"], outcome["rejected"], outcome["pending"]) == (ROWS, 0, 0)
                assert outcome["retries"] > 0
                keys = vecgate("scan", *at("restarted", url), "--no-data", "--no-metadata").out.splitlines()
    assert {json.loads(line)["key"] for line in keys} == {f"k{number}" for number in range(ROWS)}


def test_an_outage_beyond_retry_for_stops_the_run(vecgate: Vecgate, endpoint: str) -> None:
    """With exit code 3 and both ways out; --resume writes the rest."""
    file = write_parquet(Path("films.parquet"), ROWS)
    with fault_proxy(endpoint) as proxy:
        proxy.fails_after, proxy.after = {"PutVectors"}, 7
        options = ("--batch", "100", "--journal", "journal")
        result = vecgate("put", file, *at("outage", proxy.url), "--create", *options, "--retry-for", "1s")
        assert result.code == 3
        assert "STOPPED" in result.out
        assert "hint: No request succeeded for " in result.err
        assert "--resume" in result.err
        assert "--retry-for" in result.err
        proxy.fails_after = set()
        again = vecgate("put", file, *at("outage", proxy.url), *options, "--resume", "--json")
    assert (again.code, json.loads(again.out)["acknowledged"]) == (0, ROWS)


@pytest.mark.parametrize("operation", ["GetIndex", "PutVectors"])
@pytest.mark.parametrize("preset", ["full", "steady"])
def test_a_new_index_may_not_be_found_at_once(
    vecgate: Vecgate, endpoint: str, operation: str, preset: str
) -> None:
    """The run that created it asks again for some seconds, however few attempts a request has."""
    index = f"new-{operation.lower()}-{preset}"
    file = write_parquet(Path("films.parquet"), 250)
    with fault_proxy(endpoint) as proxy:
        proxy.misses = {operation: 6}
        result = vecgate("put", file, *at(index, proxy.url), "--create", "--preset", preset)
    assert (result.code, result.out.splitlines()[-1]) == (0, "PASS  250 records written")


def test_an_existing_index_that_is_not_found_stops_the_run(vecgate: Vecgate, endpoint: str) -> None:
    """Only the run that created an index waits for it."""
    file = write_parquet(Path("films.parquet"), 10)
    vecgate("put", file, *at("old", endpoint), "--create")
    with fault_proxy(endpoint) as proxy:
        proxy.misses = {"PutVectors": 1}
        assert vecgate("put", file, *at("old", proxy.url), "--create").code == 2


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--metric", "euclidean"), "its metric is cosine, not euclidean (--metric)"),
        (("--non-filterable", "text"), "its non-filterable keys are url, not text (--non-filterable)"),
        (("--non-filterable", ""), "its non-filterable keys are url, not none (--non-filterable)"),
    ],
)
@pytest.mark.parametrize("create", [(), ("--create",)])
def test_an_index_with_other_settings_is_refused(
    vecgate: Vecgate, endpoint: str, options: tuple[str, ...], problem: str, create: tuple[str, ...]
) -> None:
    """An option that the index contradicts is not ignored; without options the index is used as it is."""
    file = write_parquet(Path("films.parquet"), 10)
    vecgate("put", file, *at("settings", endpoint), "--create", "--non-filterable", "url")
    refused = vecgate("put", file, *at("settings", endpoint), *options, *create)
    assert refused.code == 2
    assert problem in refused.err
    assert vecgate("put", file, *at("settings", endpoint), *create).code == 0


def test_nothing_is_created_for_a_wrong_input_or_name(vecgate: Vecgate, endpoint: str) -> None:
    """Neither the bucket nor the index."""
    zeros = write_vectors("zeros.jsonl", [[0.0, 0.0]] * 30)
    good = write_vectors("good.jsonl", [[1.0, 2.0]])
    with fault_proxy(endpoint) as proxy:
        target = ("--target", proxy.url, "--create")
        wrong_input = vecgate("put", zeros, "--bucket", "nothing", "--index", "films", *target)
        wrong_name = vecgate("put", good, "--bucket", "no_thing", "--index", "films", *target)
        assert (wrong_input.code, wrong_name.code) == (2, 2)
        assert "none of the first 30 records can be written" in wrong_input.err
        assert "'no_thing' cannot name a bucket" in wrong_name.err
        assert set(proxy.seen) == {"GetIndex"}


def test_a_wholly_wrong_input_stops_early(vecgate: Vecgate, endpoint: str) -> None:
    """By default at a tenth of at least 1,000 records; with a higher limit all of it is read."""
    vectors = [[1.0, 2.0] if number % 2 else [0.0, 0.0] for number in range(20_000)]
    file = write_vectors("half.jsonl", vectors)
    options = (*at("half", endpoint), "--create", "--json", "--rate", "1000000")
    stopped = vecgate("put", file, *options)
    outcome = json.loads(stopped.out)
    assert stopped.code == 1
    assert outcome["read"] < 20_000
    assert outcome["rejected"] + outcome["acknowledged"] + outcome["pending"] == outcome["read"]
    assert "records were rejected, more than the limit of 10 %; most often: cosine distance" in stopped.err
    whole = vecgate("put", file, *options, "--restart", "--max-rejects", "50%")
    assert (whole.code, json.loads(whole.out)["rejected"]) == (1, 10_000)
    few = vecgate("put", file, *options, "--restart", "--max-rejects", "3")
    assert "more than the limit of 3" in few.err


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--max-rejects", "many", "500 or 10%"),
        ("--max-rejects", "101%", "500 or 10%"),
        ("--retry-for", "soon", "90s, 10m or 2h"),
        ("--retry-for", "-1s", "90s, 10m or 2h"),
        ("--retry-for", "48h", "0 to 86,400"),
    ],
)
def test_a_wrong_limit_is_answered_with_the_allowed_ones(
    vecgate: Vecgate, option: str, value: str, allowed: str
) -> None:
    """Before anything is read."""
    result = vecgate("put", "missing.parquet", option, value)
    assert result.code == 2
    assert allowed in result.err


def test_the_reader_of_a_scan_may_stop_early(vecgate: Vecgate, endpoint: str) -> None:
    """As in `vecgate scan | head`: that is not an error."""
    vecgate("put", write_parquet(Path("films.parquet"), ROWS), *at("head", endpoint), "--create")
    scan = child_process(
        [sys.executable, "-m", "vecgate", "scan", *at("head", endpoint)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with scan as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b'{"key":')
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        assert process.wait(60) == 0, err
    assert b"Traceback" not in err
