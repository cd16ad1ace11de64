"""`vecgate put` shapes metadata as its options say, and `--check` says what will happen."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import Vecgate, write_parquet

AT = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def _at(index: str, target: str) -> tuple[str, ...]:
    return ("--bucket", "shaped", "--index", index, "--target", target)


def _stored(target: str, index: str, keys: list[str]) -> list[Any]:
    client = boto3.client(
        "s3vectors",
        endpoint_url=target,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    found = client.get_vectors(vectorBucketName="shaped", indexName=index, keys=keys, returnMetadata=True)
    return [vector.get("metadata") for vector in sorted(found["vectors"], key=lambda vector: vector["key"])]


def _typed(path: Path) -> Path:
    row = {"id": "a", "vector": [1.0, 2.0], "at": AT, "doc": {"title": "t", "page": 3}, "tags": ["x", None]}
    pq.write_table(pa.Table.from_pylist([row]), path)
    return path


def test_metadata_is_chosen_renamed_and_converted(vecgate: Vecgate, endpoint: str, tmp_path: Path) -> None:
    """Times are numbers, so that ranges can be filtered; the old name of the option works too."""
    path = _typed(tmp_path / "f.parquet")
    for option, index in (("--metadata", "chosen"), ("--metadata-columns", "old-name")):
        result = vecgate(
            "put",
            path,
            *_at(index, endpoint),
            "--create",
            option,
            "doc.title,doc.page=p,at",
            "--timestamps",
            "epoch",
        )
        assert result.code == 0
        assert _stored(endpoint, index, ["a"]) == [{"doc.title": "t", "p": 3, "at": 1_767_323_045}]
        assert "metadata ← only at, doc.title, doc.page as p, timestamps as epoch seconds" in result.err
        assert "metadata: at as epoch seconds" in result.err


def test_nested_objects_and_nulls_are_removed_on_request(
    vecgate: Vecgate, endpoint: str, tmp_path: Path
) -> None:
    """Otherwise the record is rejected by the name of the key."""
    path = _typed(tmp_path / "f.parquet")
    result = vecgate("put", path, *_at("flat", endpoint), "--create", "--flatten", "--nulls", "prune")
    assert result.code == 0
    assert _stored(endpoint, "flat", ["a"]) == [
        {"at": AT.isoformat(), "doc.title": "t", "doc.page": 3, "tags": ["x"]}
    ]
    result = vecgate("put", path, *_at("flat", endpoint))
    assert result.code == 1
    assert 'booleans, or arrays: "doc" is an object' in result.out
    assert "metadata: at as ISO 8601 text, which has no range filters; --timestamps epoch" in result.err


def test_other_metadata_options_are_another_use_of_the_columns(vecgate: Vecgate, tmp_path: Path) -> None:
    """To which a journal belongs: they are part of its description."""
    path = write_parquet(tmp_path / "f.parquet", 3)
    for more in (("--timestamps", "epoch"), ("--flatten",), ("--nulls", "reject"), ()):
        described = vecgate("put", path, "--check", "--metadata", "year", *more).out.splitlines()[1]
        assert ("timestamps" in described or "flattened" in described or "nulls" in described) is bool(more)


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_check_uses_the_index_that_is_named(
    form: str, vecgate: Vecgate, endpoint: str, tmp_path: Path
) -> None:
    """Its non-filterable keys, its dimension, its metric. It writes nothing."""
    text = {"key": "a", "vector": [1.0, 2.0], "metadata": {"AMAZON_BEDROCK_TEXT": "t" * 3_000}}
    path = tmp_path / "f.jsonl"
    path.write_text(json.dumps(text))
    index, as_json = f"bedrock-{form}", ("--json",) if form == "json" else ()
    assert vecgate("put", path, "--check", *as_json).code == 1
    missing = vecgate("put", path, "--check", *_at(index, endpoint))
    assert missing.code == 2
    assert "--create" in missing.err
    new = vecgate(
        "put", path, "--check", "--create", "--non-filterable", "AMAZON_BEDROCK_TEXT", *_at(index, endpoint)
    )
    assert (new.code, f"shaped/{index} does not exist: checked for a new index" in new.err) == (0, True)
    created = write_parquet(tmp_path / "g.parquet", 1, dimension=2)
    vecgate("put", created, *_at(index, endpoint), "--create", "--non-filterable", "AMAZON_BEDROCK_TEXT")
    good = vecgate("put", path, "--check", *_at(index, endpoint), *as_json)
    assert good.code == 0
    assert ("checked for the index" in good.err) is (form == "text")
    path.write_text(json.dumps(text | {"vector": [1.0, 2.0, 3.0]}))
    other = vecgate("put", path, "--check", *_at(index, endpoint))
    assert (other.code, "vector must have length 2, but has length 3" in other.out) == (1, True)
    assert _stored(endpoint, index, ["a"]) == []


def test_a_check_of_an_index_needs_a_target(vecgate: Vecgate, tmp_path: Path) -> None:
    """It would otherwise be checked for an index that is not the one that is named."""
    path = write_parquet(tmp_path / "f.parquet", 1)
    result = vecgate("put", path, "--check", "--bucket", "shaped", "--index", "films")
    assert (result.code, "no target is named" in result.err) == (2, True)


def test_results_of_a_search_do_not_pass_as_vectors(vecgate: Vecgate, tmp_path: Path) -> None:
    """A benchmark's file of neighbours has ids and distances."""
    columns = {"id": [1], "neighbors_id": [[4, 5]], "neighbors_distance": [[0.1, 0.2]]}
    pq.write_table(pa.table(columns), tmp_path / "neighbors.parquet")
    result = vecgate("put", tmp_path / "neighbors.parquet", "--check")
    assert (result.code, "PASS" in result.out) == (2, False)
    assert '"neighbors_id", "neighbors_distance"' in result.err


def test_the_plan_counts_bytes_too(vecgate: Vecgate, endpoint: str, tmp_path: Path) -> None:
    """500 vectors of 4,096 dimensions are two requests."""
    path = write_parquet(tmp_path / "wide.parquet", 500, dimension=4096)
    result = vecgate("put", path, *_at("wide", endpoint), "--create", "--json")
    assert "plan: 2 requests of up to 4" in result.err
    found = json.loads(result.out)
    assert found["requests"] == 2


def test_a_run_of_one_request_has_a_rate(vecgate: Vecgate, endpoint: str, tmp_path: Path) -> None:
    """Not 0 vectors per second."""
    path = write_parquet(tmp_path / "f.parquet", 20)
    result = vecgate("put", path, *_at("rate", endpoint), "--create", "--json")
    assert json.loads(result.out)["vectors_per_s"] > 0
