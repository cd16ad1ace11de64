"""`--ids`: keys from a file of their own, exactly one for each vector."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from source_forms import KEYS, MATRIX, ROWS

from vecgate.bulk.sources import ColumnChoice, Source, open_source
from vecgate.errors import SourceError


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "v.npy"
    np.save(path, MATRIX)
    return path


def with_keys(vectors: Path, content: bytes, name: str = "ids.txt", **columns: Any) -> Source:
    ids = vectors.with_name(name)
    ids.write_bytes(content)
    return open_source(vectors, ids=ids, columns=ColumnChoice(**columns))


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(KEYS).encode(),
        "\r\n".join(KEYS).encode() + b"\r\n",
        b"\xef\xbb\xbf" + "\n".join(KEYS).encode(),
        gzip.compress("\n".join(KEYS).encode(), mtime=0),
        str(KEYS).replace("'", '"').encode(),
    ],
)
def test_keys_are_lines_or_a_list(content: bytes, vectors: Path, gather: Callable[..., Any]) -> None:
    """Plain or compressed."""
    source = with_keys(vectors, content)
    assert gather(source, rows=4).keys == KEYS
    assert source.describe() == 'key ← "ids.txt", vector ← "vector" (8 × float32), metadata ← none'


@pytest.mark.parametrize("keys", [np.array(KEYS), np.arange(ROWS)])
def test_keys_may_be_a_numpy_array(keys: Any, vectors: Path, gather: Callable[..., Any]) -> None:
    """Of texts or integers; the prefix applies."""
    np.save(vectors.with_name("ids.npy"), keys)
    source = open_source(vectors, ids=vectors.with_name("ids.npy"), columns=ColumnChoice(key_prefix="p-"))
    assert gather(source).keys == [f"p-{key}" for key in keys.tolist()]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("\n".join(KEYS[1:]).encode(), "ids.txt has 5 keys, but .*v.npy has 6 vectors"),
        ("\n".join([*KEYS, "more"]).encode(), "ids.txt has 7 keys, but .*v.npy has 6 vectors"),
        (b"a\n\nb\n", "ids.txt: line 2 is empty, but must be a key"),
        (b"[1.5]", "ids.txt has no keys: it must be one list of texts or integers"),
        (b"[true]", "ids.txt has no keys"),
        (b"[1", "ids.txt cannot be read as a file of keys"),
        (b"\xff\n", "ids.txt cannot be read as a file of keys"),
        (gzip.compress(b"a\n" * 6, mtime=0)[:-3], "ids.txt cannot be read as a file of keys"),
    ],
)
def test_keys_that_do_not_fit_are_refused(content: bytes, problem: str, vectors: Path) -> None:
    """Before anything is sent."""
    with pytest.raises(SourceError, match=problem):
        with_keys(vectors, content)


def test_an_array_that_has_no_keys_is_refused(vectors: Path) -> None:
    """A matrix, or numbers that are no integers."""
    for values in (MATRIX, np.array([0.5] * ROWS)):
        np.save(vectors.with_name("ids.npy"), values)
        with pytest.raises(
            SourceError, match=r"ids.npy has no keys: it must be one row of texts or integers"
        ):
            open_source(vectors, ids=vectors.with_name("ids.npy"))
    with pytest.raises(SourceError, match=r"gone.txt: there is no such file"):
        open_source(vectors, ids=vectors.with_name("gone.txt"))


def test_a_file_with_columns_takes_no_other_keys(tmp_path: Path, vectors: Path) -> None:
    """Which keys are right is for the user to say."""
    np.savez(tmp_path / "v.npz", ids=np.array(KEYS), vectors=MATRIX)
    (tmp_path / "l.jsonl").write_text('{"id": "a", "vector": [1]}\n')
    for path in (tmp_path / "v.npz", tmp_path / "l.jsonl"):
        with pytest.raises(SourceError, match="has columns of its own, so it takes no keys from"):
            open_source(path, ids=tmp_path / "ids.txt")
    with pytest.raises(SourceError, match="has the keys of one file"):
        open_source([vectors, vectors], ids=tmp_path / "ids.txt")
    with pytest.raises(SourceError, match="standard input is read alone"):
        open_source("-", ids=tmp_path / "ids.txt")


def test_a_change_of_the_keys_is_another_input(vectors: Path) -> None:
    """So `--resume` notices it."""
    first = with_keys(vectors, "\n".join(KEYS).encode()).fingerprint
    second = with_keys(vectors, "\n".join(KEYS[::-1]).encode()).fingerprint
    assert first != second
    assert first.startswith("v.npy of ")


def test_keys_that_vanish_while_they_are_read_stop_the_run(vectors: Path) -> None:
    """Every vector has a key, or none is written."""
    source = with_keys(vectors, "\n".join(KEYS).encode())
    vectors.with_name("ids.txt").write_text("one\n")
    with pytest.raises(SourceError, match=r"ids.txt has changed while it was read"):
        list(source.blocks())
