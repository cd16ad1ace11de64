"""CSV: the header names the columns, types are those of all cells, and no row is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_forms import write_csv

from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.sources.source import EmptySource
from vecgate.bulk.sources.tables import csv_table
from vecgate.errors import SourceError


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-20", ""], [1, -20, None]),
        (["1234567890123456789", "-1", ""], [1234567890123456789, -1, None]),
        (["0", "12345678901234567890", "1"], ["0", "12345678901234567890", "1"]),
        (["0.5", "12345678901234567890", "1"], [0.5, 1.2345678901234567e19, 1.0]),
        (["1", "2.5", "1e3"], [1.0, 2.5, 1000.0]),
        (["1", "nan", "2"], [1.0, None, 2.0]),
        (["true", "False", ""], [True, False, None]),
        (["007", "1", "2"], ["007", "1", "2"]),
        (["1", "2", "n/a"], ["1", "2", "n/a"]),
        (["+1", "1", "1"], ["+1", "1", "1"]),
        (["", "", ""], [None, None, None]),
        (["\\N", "1", ""], [None, 1, None]),
        (["a,b", 'say "x"', "two\nlines"], ["a,b", 'say "x"', "two\nlines"]),
        (["2024-01-02", "1", ""], ["2024-01-02", "1", None]),
    ],
)
def test_a_column_has_the_type_of_all_its_cells(
    cells: list[str], values: list[object], tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """A number that other programs write another way stays text."""
    path = tmp_path / "f.csv"
    write_csv(path, ["id", "embedding", "x"], [[f"k{n}", "[1,2]", cell] for n, cell in enumerate(cells)])
    got = gather(open_source(path))
    assert [(entry or {}).get("x") for entry in got.metadata] == values
    assert [type((entry or {}).get("x")) for entry in got.metadata] == [type(value) for value in values]


@given(
    cells=st.lists(st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r")), st.integers()),
                   min_size=1, max_size=6),
    delimiter=st.sampled_from([",", ";", "\t"]),
    rows=st.integers(1, 4),
    chunk_bytes=st.sampled_from([1, 20, 10_000]),
)  # fmt: skip
def test_what_a_writer_of_csv_writes_comes_back(  # noqa: PLR0917 - given by name
    cells: list[tuple[str, int]],
    delimiter: str,
    rows: int,
    chunk_bytes: int,
    tmp_path_factory: pytest.TempPathFactory,
    gather: Any,
) -> None:
    """With quotes, line ends and delimiters in cells, in blocks of any size."""
    path = tmp_path_factory.mktemp("csv") / "f.csv"
    write_csv(
        path,
        ["id", "vec", "note"],
        [[f"k{n}", f"[{n},0.5]", text] for n, (text, _) in enumerate(cells)],
        delimiter,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_table, "_CHUNK_BYTES", chunk_bytes)
        got = gather(open_source(path, columns=ColumnChoice(text_columns=("note",))), rows=rows)
    assert got.keys == [f"k{n}" for n in range(len(cells))]
    expected = [None if text in {"", "\\N"} else {"note": text} for text, _ in cells]
    assert got.metadata == expected


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('id,embedding\na,"[1,2]"\nb\n', "row 3 has 1 cell, but the header, row 1, has 2"),
        ('id,embedding\na,"[1,2]"\nb,[1,2]\n', "row 3 has 3 cells, but the header, row 1, has 2"),
        ('id,embedding,t\na,"[1,2]","cut of', "has a quote that is not closed"),
        ('a,"[0.5,0.5]"\n', "has no header: its first line has numbers"),
        ("k,0.5,1.5\n", "has no header"),
        ('id,id,embedding\na,b,"[1,2]"\n', 'has several columns "id"'),
        ('"id,embedding\n', "has a header that cannot be read"),
        (b"id,embedding\na,\xff\n", "column 2 is not UTF-8"),
        (b"\xff\xfei\x00d\x00", "is text in UTF-16"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_before_anything_is_sent(
    content: str | bytes, problem: str, tmp_path: Path
) -> None:
    """The file and the row are named, and no cell is quoted."""
    path = write(tmp_path / "f.csv", content)
    with pytest.raises(SourceError, match=f"{path}.*{problem}") as caught:
        open_source(path)
    assert "[1" not in str(caught.value)


def test_the_last_row_counts(tmp_path: Path) -> None:
    """A mistake far behind the sample is found by the first pass."""
    path = write(tmp_path / "f.csv", "id,embedding\n" + 'k,"[0.5,1.5]"\n' * 30_000 + "k\n")
    with pytest.raises(SourceError, match="row 30,002 has 1 cell"):
        open_source(path)


def test_the_last_cell_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gather: Callable[..., Any]
) -> None:
    """One text far behind the sample makes the column one of text."""
    monkeypatch.setattr(csv_table, "_CHUNK_BYTES", 100)
    path = write(tmp_path / "f.csv", "id;embedding;x\n" + "k;[0.5,1.5];1\n" * 50 + "k;[0.5,1.5];n/a\n")
    got = gather(open_source(path))
    assert [entry["x"] for entry in got.metadata] == ["1"] * 50 + ["n/a"]


@pytest.mark.parametrize("content", ["id,embedding\n", "\n \n", "id,embedding"])
def test_a_file_without_rows_is_empty(content: str, tmp_path: Path) -> None:
    """It may be a part of a folder."""
    with pytest.raises(EmptySource):
        open_source(write(tmp_path / "f.csv", content))


def test_a_row_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quote that is not closed makes one row of the rest."""
    monkeypatch.setattr(csv_table, "_ROW_BYTES_MAX", 200)
    monkeypatch.setattr(csv_table, "_CHUNK_BYTES", 50)
    path = write(tmp_path / "f.csv", 'id,embedding\na,"[1,2]"\nb,"' + "x\n" * 400 + '"\n')
    with pytest.raises(SourceError, match="has a row of more than 200 bytes, or a quote that is not closed"):
        open_source(path)


def test_an_error_of_another_kind_is_one_line() -> None:
    """The messages of pyarrow quote cells, so they are not passed on."""
    assert str(csv_table._csv_error(Path("f.csv"), "secret cell", 0)) == "f.csv cannot be read as CSV"


def test_a_byte_order_mark_and_old_line_ends_are_fine(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Spreadsheets write both; blank lines are skipped."""
    path = write(tmp_path / "f.csv", b'\xef\xbb\xbf"id";embedding\r\n\r\na;[1,2]\r\n')
    assert gather(open_source(path)).keys == ["a"]
    path = write(tmp_path / "g.csv", b"id;embedding\ra;[1,2]\rb;[3,4]\r")
    assert gather(open_source(path)).keys == ["a", "b"]


def test_a_text_that_is_no_vector_is_a_reject_that_keeps_it(
    tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """So that it can be corrected."""
    path = write(tmp_path / "f.csv", "id;embedding\na;[1,2]\nb;[1,x]\nc;\nd;[1. ... 2.]\ne;[1]\n;[1,2]\n")
    got = gather(open_source(path))
    assert got.keys == ["a"]
    assert got.problems == [
        (1, "b", "vector is text that is not a list of numbers"),
        (2, "c", "vector is missing"),
        (3, "d", 'vector is text that was abbreviated with "..." when it was written'),
        (4, "e", "vector must have length 2, but has length 1"),
        (5, "", "key is missing"),
    ]
    assert [reject.vector for reject in got.rejects] == ["[1,x]", None, "[1. ... 2.]", [1.0], [1.0, 2.0]]


def test_all_files_have_the_types_of_the_first(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Text in one and numbers in the other would be two kinds of metadata."""
    write(tmp_path / "a.csv", "id;embedding;zip;n\na;[1,2];10115;1\n")
    write(tmp_path / "b.csv", "id;embedding;zip;n\nb;[1,2];K1A 0B1;2.5\n")
    with pytest.raises(
        SourceError, match=r'"zip" of .*b.csv holds text, but numbers in the files before it'
    ) as caught:
        open_source(tmp_path)
    assert "--text-columns zip" in caught.value.hint
    source = open_source(tmp_path, columns=ColumnChoice(text_columns=("zip",)))
    assert gather(source).metadata == [{"zip": "10115", "n": 1}, {"zip": "K1A 0B1", "n": 2.5}]
    assert (
        source.describe()
        == 'key ← "id", vector ← "embedding" (2 × text), metadata ← zip, n, as text: zip, in 2 files'
    )
    write(tmp_path / "a.csv", "id;embedding;zip;n\na;[1,2];K1A;\n")
    write(tmp_path / "b.csv", "id;embedding;zip;n\nb;[1,2];10115;2\n")
    assert [entry["zip"] for entry in gather(open_source(tmp_path)).metadata] == ["K1A", "10115"]


def test_the_index_of_pandas_is_not_metadata(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """`to_csv` writes it as a column without a name."""
    source = open_source(write(tmp_path / "f.csv", ',id,vector\n0,a,"[1,2]"\n'))
    assert gather(source).metadata == [None]
    assert source.describe().endswith("metadata ← none, not used: the unnamed column")
