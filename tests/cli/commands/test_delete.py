"""`vecgate delete`: keys from text files, and vectors that match a filter."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import Vecgate

RECORDS: list[dict[str, Any]] = [
    {"key": "a", "vector": [1, 0], "metadata": {"year": 1999, "genre": "horror"}},
    {"key": "b", "vector": [2, 0], "metadata": {"year": 2005, "genre": "drama"}},
    {"key": "c", "vector": [3, 0], "metadata": {"year": "unknown"}},
    {"key": "d", "vector": [4, 0], "metadata": {"tags": ["x", "y"], "year": 2010}},
    {"key": " spaced ", "vector": [5, 0]},
]
KEYS = {record["key"] for record in RECORDS}


@pytest.fixture
def films(vecgate: Vecgate, endpoint: str) -> Iterator[tuple[str, ...]]:
    """An index with RECORDS."""
    where = ("--bucket", "bucket", "--index", "deletions", "--target", endpoint)
    Path("films.jsonl").write_text("\n".join(map(json.dumps, RECORDS)))
    assert vecgate("put", "films.jsonl", *where, "--create").code == 0
    yield where
    assert vecgate("index", "delete", *where, "--yes").code == 0


def left(vecgate: Vecgate, films: tuple[str, ...]) -> set[str]:
    """Return the keys that are stored."""
    return {json.loads(line)["key"] for line in vecgate("scan", *films, "--no-data").out.splitlines()}


@pytest.mark.parametrize(
    ("name", "compress"), [("k.txt", bytes), ("k.TXT.gz", gzip.compress), ("k.txt.bz2", bz2.compress)]
)
def test_a_text_file_has_a_key_on_each_line(
    vecgate: Vecgate, films: tuple[str, ...], name: str, compress: Callable[[bytes], bytes]
) -> None:
    """Spaces belong to a key; line ends, a byte order mark and empty lines do not."""
    Path(name).write_bytes(compress(b"\xef\xbb\xbfa\r\n\n spaced \nnever"))
    counted = vecgate("delete", name, *films, "--dry-run", "--json")
    found = json.loads(counted.out)
    assert (found["keys"], found["deleted"], found["dry_run"], found["ok"]) == (3, 0, True, True)
    assert left(vecgate, films) == KEYS
    result = vecgate("delete", name, *films, "--yes")
    assert result.out.splitlines()[-1] == "PASS  3 keys deleted or absent"
    assert left(vecgate, films) == KEYS - {"a", " spaced "}


def test_keys_that_were_put_with_a_prefix_are_deleted_with_it(
    vecgate: Vecgate, films: tuple[str, ...]
) -> None:
    """Other keys stay, and a key that occurs twice is one key."""
    vecgate("put", "films.jsonl", *films, "--key-prefix", "p-")
    Path("k.txt").write_text("a\nb\na\n")
    for name, deleted in (("k.txt", "PASS  2 keys deleted or absent"), ("films.jsonl", "PASS  5 keys")):
        result = vecgate("delete", name, *films, "--key-prefix", "p-", "--yes")
        assert result.out.splitlines()[-1].startswith(deleted)
    assert left(vecgate, films) == KEYS


def test_text_files_and_others_are_read_together(vecgate: Vecgate, films: tuple[str, ...]) -> None:
    """A line that is not UTF-8 is a rejected record."""
    Path("k.txt").write_bytes(b"a\n\xff\xfe\n")
    Path("k.jsonl").write_text('{"key": "b"}\n')
    result = vecgate("delete", "k.txt", "k.jsonl", *films, "--yes")
    assert result.code == 1
    assert "line 2 is not UTF-8" in result.out
    assert left(vecgate, films) == KEYS - {"a", "b"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to delete"),
        (("k.txt", "--where", '{"a": 1}'), "nothing to delete"),
        (("empty.txt",), "empty.txt holds no keys"),
        (("none.txt",), "there is no such file"),
        (("s3://bucket/keys.txt",), "s3://bucket/keys.txt is not on this machine"),
        (("k.txt", "--key-column", "key"), "text files have no columns"),
        (("--where", "{}"), "--where: an empty object is no condition"),
        (("--where", "{a}"), "--where is not JSON"),
        (("--where", '{"a": {"$new": 1}}'), '--where: a.$new: there is no operator "$new"'),
        (("--where", '{"a": 1}', "--resume"), "a deletion by a filter has no journal"),
    ],
)
def test_a_deletion_that_makes_no_sense_is_one_error_line(
    vecgate: Vecgate, endpoint: str, words: tuple[str, ...], said: str
) -> None:
    """Before anything is sent."""
    Path("k.txt").write_text("a\n")
    Path("empty.txt").write_text("\n\n")
    result = vecgate("delete", *words, "--bucket", "bucket", "--index", "none", "--target", endpoint)
    assert (result.code, said in result.err.splitlines()[0]) == (2, True), result.err


def test_vectors_that_match_a_filter_are_counted_then_deleted(
    vecgate: Vecgate, films: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run deletes nothing, nor does a no; and what was deleted is not found again."""
    words = ("delete", "--where", '{"$or": [{"genre": "horror"}, {"tags": "y"}]}', *films)
    counted = vecgate(*words, "--dry-run")
    assert counted.out == "PASS  2 of 5 vectors match; nothing was deleted\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    refused = vecgate(*words)
    assert refused.code == 130
    assert "Delete 2 of 5 vectors of bucket/deletions at" in refused.err
    assert left(vecgate, films) == KEYS
    result = vecgate(*words, "--yes")
    assert "the filter matches 2 of 5 vectors" in result.err
    assert result.out.splitlines()[-1] == "PASS  2 keys deleted or absent"
    assert left(vecgate, films) == KEYS - {"a", "d"}
    again = vecgate(*words, "--yes", "--json")
    assert (again.code, json.loads(again.out)["matching"]) == (0, 0)


def test_nothing_is_deleted_while_the_filter_is_unclear_for_a_vector(
    vecgate: Vecgate, films: tuple[str, ...]
) -> None:
    """Unless the unclear ones are kept, or the filter says what they are."""
    words = ("delete", *films, "--yes", "--where")
    unclear = vecgate(*words, '{"genre": {"$ne": "drama"}}')
    assert unclear.code == 2
    assert "AWS does not state whether the filter matches 3 vectors" in unclear.err
    assert "nothing was deleted" in unclear.err
    dry = vecgate(*words, '{"genre": {"$ne": "drama"}}', "--dry-run", "--json")
    assert json.loads(dry.out)["unclear"] == 3
    assert left(vecgate, films) == KEYS
    kept = vecgate(*words, '{"year": {"$lt": 2006}}', "--keep-unclear")
    assert (kept.code, "1 vector: 'c'; they are kept" in kept.err) == (0, True)
    assert left(vecgate, films) == KEYS - {"a", "b"}
    clear = vecgate(*words, '{"$or": [{"genre": {"$exists": false}}, {"genre": {"$ne": "drama"}}]}')
    assert clear.code == 0
    assert left(vecgate, films) == set()
