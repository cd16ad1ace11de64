"""`vecgate query`, `scan` and `delete`."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import Vecgate, write_parquet

ROWS = 60


@pytest.fixture
def films(vecgate: Vecgate, endpoint: str, request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Return an index with the records of films.parquet."""
    index = "f-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    where = ("--bucket", "bucket", "--index", index, "--target", endpoint)
    assert vecgate("put", write_parquet(Path("films.parquet"), ROWS), *where, "--create").code == 0
    return where


Row = np.ndarray[tuple[int], np.dtype[np.float32]]


def rows() -> dict[str, Row]:
    """Return the vectors of films.parquet by key."""
    table = pq.read_table("films.parquet").to_pydict()
    return dict(zip(table["key"], np.array(table["vector"], dtype=np.float32), strict=True))


def nearest(key: str, *, least_year: int = 0) -> list[str]:
    """Return the other keys by cosine distance, computed in float64."""
    table = pq.read_table("films.parquet").to_pydict()
    years = dict(zip(table["key"], table["year"], strict=True))
    query = rows()[key].astype(float)
    distances = {
        other: 1 - row.astype(float) @ query / np.linalg.norm(row.astype(float)) / np.linalg.norm(query)
        for other, row in rows().items()
        if other != key and years[other] >= least_year
    }
    return sorted(distances, key=distances.__getitem__)


def test_a_query_by_key_excludes_that_key(vecgate: Vecgate, films: tuple[str, ...]) -> None:
    """The other vectors come nearest first."""
    found = json.loads(vecgate("query", *films, "--key", "k7", "--top-k", "5", "--json").out)
    assert [hit["key"] for hit in found["vectors"]] == nearest("k7")[:5]
    assert found["metric"] == "cosine"


def test_a_query_applies_the_filter(vecgate: Vecgate, films: tuple[str, ...]) -> None:
    """The filter is the service's own."""
    words = ("query", *films, "--key", "k7", "--top-k", "5", "--filter", '{"year": {"$gte": 2020}}', "--json")
    found = json.loads(vecgate(*words).out)["vectors"]
    assert [hit["key"] for hit in found] == nearest("k7", least_year=2020)[:5]
    assert all(hit["metadata"]["year"] >= 2020 for hit in found)


@pytest.mark.parametrize("form", ["text", "json", "npy"])
def test_a_query_accepts_a_vector_in_several_forms(
    vecgate: Vecgate, films: tuple[str, ...], form: str
) -> None:
    """JSON numbers, a .json or a .npy file."""
    row = rows()["k7"]
    Path("v.json").write_text(json.dumps(row.tolist()))
    np.save("v.npy", row)
    vector = {"text": json.dumps(row.tolist()), "json": "v.json", "npy": "v.npy"}[form]
    found = json.loads(vecgate("query", *films, "--vector", vector, "-k", "1", "--json").out)
    assert found["vectors"][0]["key"] == "k7"


def test_a_query_prints_a_table(vecgate: Vecgate, films: tuple[str, ...]) -> None:
    """Metadata keys are columns, and the last line is the number of results."""
    result = vecgate("query", *films, "--key", "k7", "-k", "3")
    assert "cosine distance" in result.out
    assert "year" in result.out
    assert result.out.splitlines()[-1] == "3 found"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no vector to search with"),
        (("--key", "k7", "--vector", "[1]"), "no vector to search with"),
        (("--key", "nobody"), "no vector is stored under 'nobody'"),
        (("--vector", "[1, 2]"), "the vector has 2 values, those of the index 4"),
        (("--vector", "[[1, 2], [3, 4]]"), "the vector has the shape (2, 2)"),
        (("--vector", "[1, x]"), "--vector is not JSON"),
        (("--vector", "none.npy"), "the vector cannot be read"),
        (("--key", "k7", "--filter", "{year}"), "--filter is not JSON"),
        (("--key", "k7", "--filter", '{"a": 1, "b": 2}'), "--filter: a condition has one key"),
        (
            ("--key", "k7", "--filter", '{"a": {"$geo_within": 1}}'),
            "--filter: a.$geo_within: there is no operator",
        ),
    ],
)
def test_a_query_that_makes_no_sense_is_one_error_line(
    vecgate: Vecgate, films: tuple[str, ...], words: tuple[str, ...], said: str
) -> None:
    """It is a usage error that says what is wrong."""
    result = vecgate("query", *films, *words)
    assert result.code == 2
    assert said in result.err.splitlines()[0]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_an_exported_index_can_be_put_again(
    vecgate: Vecgate, endpoint: str, films: tuple[str, ...], suffix: str
) -> None:
    """Export and import give the same index."""
    assert vecgate("scan", *films, "-o", f"out.{suffix}").code == 0
    where = ("--bucket", "bucket", "--index", f"copy-{suffix}", "--target", endpoint)
    assert vecgate("put", f"out.{suffix}", *where, "--create").code == 0

    def lines(index: tuple[str, ...]) -> list[str]:
        return sorted(vecgate("scan", *index).out.splitlines())

    assert lines(where) == lines(films)
    assert len(lines(films)) == ROWS


def test_a_scan_returns_float32_values_exactly(vecgate: Vecgate, films: tuple[str, ...]) -> None:
    """Every bit of a stored vector comes back."""
    records = map(json.loads, vecgate("scan", *films, "--segments", "16").out.splitlines())
    back = {record["key"]: np.array(record["vector"], dtype=np.float32) for record in records}
    assert {key: row.tobytes() for key, row in back.items()} == {
        key: row.tobytes() for key, row in rows().items()
    }


def test_a_scan_without_data_returns_keys(vecgate: Vecgate, films: tuple[str, ...]) -> None:
    """--no-data and --no-metadata leave the keys."""
    lines = vecgate("scan", *films, "--no-data", "--no-metadata").out.splitlines()
    assert sorted(map(json.loads, lines), key=str) == sorted([{"key": f"k{n}"} for n in range(ROWS)], key=str)


def test_a_scan_into_an_unknown_format_is_rejected(vecgate: Vecgate, films: tuple[str, ...]) -> None:
    """The hint lists the formats."""
    result = vecgate("scan", *films, "-o", "out.xml")
    assert result.code == 2
    assert "cannot tell the format of out.xml from its name" in result.err
    assert ".parquet" in result.err


def test_delete_removes_the_keys_of_a_file(vecgate: Vecgate, films: tuple[str, ...]) -> None:
    """Keys that are not stored are ignored, and other vectors stay."""
    Path("gone.jsonl").write_text('{"key": "k1"}\n{"key": "k2"}\n{"key": "never"}\n')
    result = vecgate("delete", "gone.jsonl", *films, "--yes")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "PASS  3 keys deleted or absent"
    left = {json.loads(line)["key"] for line in vecgate("scan", *films, "--no-data").out.splitlines()}
    assert left == {f"k{n}" for n in range(ROWS)} - {"k1", "k2"}


def test_delete_asks_first(vecgate: Vecgate, films: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --yes nothing is deleted after a no, without an answer, or because a line of the input is one."""
    for text, code, error in (
        ("", 2, "a deletion must be confirmed, and there is no terminal to ask on"),
        ("n\n", 130, "interrupted"),
    ):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        result = vecgate("delete", "films.parquet", *films)
        assert (result.code, error in result.err) == (code, True)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"key": "k1"}\n' * 200 + b"y\n")))
    assert vecgate("delete", "-", *films).code == 2
    assert len(vecgate("scan", *films, "--no-data").out.splitlines()) == ROWS
