"""`vecgate index` and `vecgate bucket`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import Result, Vecgate, write_parquet

ACCOUNT = "arn:aws:s3vectors:us-east-1:000000000000"


def result_of(ended: Result) -> dict[str, Any]:
    """Return the JSON of a command without the members that every command has."""
    found = json.loads(ended.out)
    return {name: found[name] for name in found.keys() - {"schema", "ok", "exit_code"}}


def test_an_index_is_created_described_counted_listed_and_deleted(vecgate: Vecgate, endpoint: str) -> None:
    """By names and by ARN, as text and as JSON."""
    target = ("--target", endpoint)
    named = ("--bucket", "life", "--index", "films", *target)
    arn = f"{ACCOUNT}:bucket/life/index/films"
    created = vecgate("index", "create", *named, "--dimension", "4", "--non-filterable", "text", "--text-search", "title:en,text", "--tag", "a=b", "--json")  # fmt: skip
    assert created.code == 0, created.err
    facts = result_of(created)
    assert (facts["arn"], facts["dimension"], facts["metric"]) == (arn, 4, "cosine")
    assert (facts["non_filterable"], facts["text_search"]) == (["text"], ["title:en", "text"])
    assert result_of(vecgate("index", "describe", "--index", arn, *target, "--json")) == facts
    text = vecgate("index", "describe", *named).out
    assert "non filterable   text" in text
    assert "kms key          none" in text
    assert vecgate("put", write_parquet(Path("films.parquet"), 7), *named).code == 0
    assert vecgate("index", "count", "--index", arn, *target).out == "7\n"
    assert result_of(vecgate("index", "count", *named, "--json")) == {
        "index": "life/films",
        "vectors": 7,
    }
    assert vecgate("index", "create", *named[:3], "other", *target, "--dimension", "4").code == 0
    for bucket in ("life", f"{ACCOUNT}:bucket/life"):
        listed = vecgate("index", "list", "--bucket", bucket, *target)
        assert [line.split()[0] for line in listed.out.splitlines()] == ["films", "other"]
        assert "2 indexes" in listed.err
    assert "life" in [line.split()[0] for line in vecgate("bucket", "list", *target).out.splitlines()]
    found = json.loads(vecgate("index", "list", "--bucket", "life", "--prefix", "f", *target, "--json").out)
    assert [(each["name"], each["arn"]) for each in found["indexes"]] == [("films", arn)]
    assert (
        vecgate("index", "delete", "--index", arn, *target, "--yes").out == "PASS  index life/films deleted\n"
    )
    assert result_of(vecgate("index", "delete", *named[:3], "other", *target, "--yes", "--json")) == {"deleted": "life/other"}  # fmt: skip
    assert vecgate("index", "list", "--bucket", "life", *target).out == ""
    gone = vecgate("index", "describe", *named)
    assert (gone.code, "there is no index life/films" in gone.err) == (2, True)


def test_a_bucket_is_created_described_listed_and_deleted(vecgate: Vecgate, endpoint: str) -> None:
    """A bucket with indexes is deleted with them only if that is said."""
    target = ("--target", endpoint)
    bucket = ("--bucket", "whole-life", *target)
    created = json.loads(vecgate("bucket", "create", *bucket, "--tag", "a=b", "--json").out)
    assert created["arn"] == f"{ACCOUNT}:bucket/whole-life"
    exists = vecgate("bucket", "create", *bucket)
    assert (exists.code, "the bucket whole-life exists" in exists.err) == (2, True)
    for name in ("one", "two"):
        assert vecgate("index", "create", *bucket, "--index", name, "--dimension", "2").code == 0
    assert "indexes   2" in vecgate("bucket", "describe", "--bucket", created["arn"], *target).out
    found = json.loads(vecgate("bucket", "list", "--prefix", "whole-", *target, "--json").out)
    assert [each["name"] for each in found["buckets"]] == ["whole-life"]
    kept = vecgate("bucket", "delete", *bucket, "--yes")
    assert (kept.code, "has 2 indexes, such as one" in kept.err) == (2, True)
    deleted = vecgate("bucket", "delete", "--bucket", created["arn"], *target, "--yes", "--with-indexes")
    assert deleted.out == "PASS  bucket whole-life deleted\n"
    assert "index whole-life/two deleted" in deleted.err
    for words in (("bucket", "describe"), ("bucket", "delete", "--yes"), ("index", "list")):
        missing = vecgate(*words, *bucket)
        assert (missing.code, "there is no bucket whole-life" in missing.err) == (2, True)


class _Closed(io.StringIO):
    """Standard input that cannot be read."""

    def readline(self, *_: object) -> str:  # type: ignore[override] # of both bases
        raise OSError("Input/output error")


def test_deletions_are_confirmed(vecgate: Vecgate, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer, and after a no, everything stays."""
    bucket = ("--bucket", "confirmed", "--target", endpoint)
    assert vecgate("index", "create", *bucket, "--index", "films", "--dimension", "2").code == 0
    for words in (("index", "delete", "--index", "films"), ("bucket", "delete", "--with-indexes")):
        for text, code in (("", 2), ("n\n", 130)):
            monkeypatch.setattr(sys, "stdin", io.StringIO(text))
            assert vecgate(*words, *bucket).code == code
        for closed in (None, _Closed()):
            monkeypatch.setattr(sys, "stdin", closed)
            unanswered = vecgate(*words, *bucket)
            assert (unanswered.code, "no terminal to ask on" in unanswered.err) == (2, True)
    assert vecgate("index", "count", "--index", "films", *bucket).out == "0\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert vecgate("bucket", "delete", "--with-indexes", *bucket).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("index", "list"), "no bucket is named"),
        (("index", "list", "--bucket", "arn:aws:s3:::x"), "is not the ARN of a vector bucket"),
        (("index", "describe", "--bucket", "b"), "no index is named"),
        (("index", "create", "--bucket", "b", "--index", "films", "--dimension", "9999"), "'b' cannot name a bucket"),
        (("index", "create", "--bucket", "bkt", "--index", "films", "--dimension", "9999"), "have 9,999 dimensions"),
        (("index", "create", "--bucket", "bkt", "--index", "films", "--dimension", "2", "--text-search", "a:xx"), "'xx' is no language"),
        (("index", "create", "--bucket", "bkt", "--index", "films", "--dimension", "2", "--tag", "a"), "'a' is not of the form key=value"),
        (("index", "create", "--index", f"{ACCOUNT}:bucket/bkt/index/films", "--dimension", "2"), "created by name"),
        (("bucket", "create", "--bucket", "No"), "'No' cannot name a bucket"),
        (("bucket", "create", "--bucket", f"{ACCOUNT}:bucket/bkt"), "created by name"),
        (("bucket", "delete"), "no bucket is named"),
    ],
)  # fmt: skip
def test_a_command_that_makes_no_sense_is_one_error_line(
    vecgate: Vecgate, endpoint: str, words: tuple[str, ...], said: str
) -> None:
    """Before anything is sent."""
    result = vecgate(*words, "--target", endpoint)
    assert (result.code, said in result.err.splitlines()[0]) == (2, True), result.err


def test_an_index_that_exists_is_not_created_again(vecgate: Vecgate, endpoint: str) -> None:
    """Its settings may be others."""
    where = ("--bucket", "twice", "--index", "films", "--target", endpoint, "--dimension", "2")
    assert vecgate("index", "create", *where).code == 0
    again = vecgate("index", "create", *where)
    assert (again.code, "the index twice/films exists" in again.err) == (2, True)
