from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.core.response_decoding import Vectors
from vecgate.bulk.index_settings import IndexSettings, TextSearch, settings_in_files
from vecgate.bulk.transfer.scan_export import (
    GROUP_ROWS,
    JsonLinesSink,
    Spool,
    check_export_path,
    export_schema,
    recreation_options,
    redact_page,
    write_export,
)
from vecgate.bulk.transfer.segment_journal import StoredPart
from vecgate.errors import JournalMismatch, ProtocolError, UsageError
from vecgate.redaction import MARK, register_secrets

TOKEN = "token-of-this-process"
RULES = IndexRules(2, "euclidean", frozenset({"text", "url"}))
SETTINGS = IndexSettings(RULES, (TextSearch("text", "de"), TextSearch("title")), mode="ENHANCED")


def page(*texts: str) -> Vectors:
    """Return a page with a record for each text."""
    matrix = np.ones((len(texts), 2), np.float32)
    return Vectors([f"key {text}" for text in texts], matrix, [{"text": text} for text in texts])


def export(path: Path, *pages: Vectors, data: bool = True, metadata: bool = True) -> Path:
    """Export *pages* to *path*."""
    schema = export_schema(SETTINGS, data=data, metadata=metadata)
    with Spool(path.with_name("spool"), schema, used=0) as spool:
        parts = [spool.append(each) for each in pages]
        write_export(path, schema, spool.batches(parts))
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    table = pq.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_credentials_that_a_server_repeats_are_not_exported() -> None:
    """They are counted, so that the command can say that it changed data. Nothing else is changed."""
    register_secrets(TOKEN)
    document = "Authorization: Bearer of-a-document, http://user:password@a.example"
    redacted, found = redact_page(page(f"x-amz-security-token:{TOKEN}", document))
    assert found == 1
    assert redacted.keys == [f"key x-amz-security-token:{MARK}", f"key {document}"]
    assert redacted.metadata == [{"text": f"x-amz-security-token:{MARK}"}, {"text": document}]
    untouched = page(document)
    assert redact_page(untouched) == (untouched, 0)


def test_exported_lines_are_printable_and_mean_the_same(tmp_path: Path) -> None:
    """A terminal that shows the file is not controlled by it."""
    text = "\x1b[2J\x9b\u202e##[error]x\U000e0041"
    line = export(tmp_path / "a.jsonl", page(text)).read_text()
    assert json.loads(line)["metadata"] == {"text": text}
    assert line.rstrip("\n").isprintable()
    assert "##[" not in line


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_pages_with_other_metadata_than_the_first_are_exported(tmp_path: Path, suffix: str) -> None:
    """The schema is that of the index: a page may have no metadata, or values of another type."""
    ones = np.ones((1, 2), np.float32)
    pages = [
        Vectors(["a"], ones, [None]),
        Vectors([], None, []),
        Vectors(["b"], ones, [{"year": 2024}]),
        Vectors(["c"], ones, [{"year": ["2024"], "x": True}]),
    ]
    rows = read_rows(export(tmp_path / f"a{suffix}", *pages))
    assert [(row["key"], row["vector"]) for row in rows] == [(key, [1.0, 1.0]) for key in "abc"]
    assert [row["metadata"] and json.loads(row["metadata"]) for row in rows] == [
        None,
        {"year": 2024},
        {"year": ["2024"], "x": True},
    ]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl"])
@pytest.mark.parametrize("choice", [(True, True), (True, False), (False, True), (False, False)])
def test_an_empty_index_is_a_file_without_rows(
    tmp_path: Path, suffix: str, choice: tuple[bool, bool]
) -> None:
    """It has the columns that were requested."""
    path = export(tmp_path / f"a{suffix}", data=choice[0], metadata=choice[1])
    if suffix == ".jsonl":
        assert path.read_bytes() == b""
        return
    assert read_rows(path) == []
    columns = ["key", *["vector"] * choice[0], *["metadata"] * choice[1]]
    schema = pq.read_schema(path) if suffix == ".parquet" else pa.ipc.open_file(path).schema
    assert schema.names == columns


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_only_what_was_requested_is_exported(tmp_path: Path, suffix: str) -> None:
    """Keys always are."""
    bare = Vectors(["a"], None, [None])
    path = export(tmp_path / f"a{suffix}", bare, data=False, metadata=False)
    rows = read_rows(path) if suffix == ".parquet" else [json.loads(path.read_text())]
    assert rows == [{"key": "a"}]


def test_row_groups_are_large(tmp_path: Path) -> None:
    """Small pages are collected, so that only the last group is smaller."""
    pages = [Vectors([f"{number}-{row}" for row in range(700)], np.ones((700, 2), np.float32), [None] * 700) for number in range(31)]  # fmt: skip
    file = pq.ParquetFile(export(tmp_path / "a.parquet", *pages))
    groups = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
    assert sum(groups) == 31 * 700
    assert min(groups[:-1]) >= GROUP_ROWS
    assert len(groups) == 3


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_a_table_has_the_settings_of_its_index(tmp_path: Path, suffix: str) -> None:
    """All of them come back, and several files count only if they agree."""
    path = export(tmp_path / f"a{suffix}", page("x"))
    assert settings_in_files([path]) == SETTINGS
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"key": ["a"]}), other)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1")
    for others in ([other], [damaged], [tmp_path / "absent.parquet"], [tmp_path / "a.jsonl"]):
        assert settings_in_files([path, *others]) is None
    assert settings_in_files([]) is None


def test_options_recreate_the_index_of_an_export_without_settings() -> None:
    """JSON lines have no place for them."""
    assert recreation_options(SETTINGS) == "--metric euclidean --non-filterable text,url"
    assert recreation_options(IndexSettings(IndexRules(2, "cosine"))) == "--metric cosine"


def test_a_page_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    """The spool continues after the last page that does, and refuses to if that is missing."""
    schema = export_schema(SETTINGS, data=True, metadata=True)
    path = tmp_path / "spool"
    with Spool(path, schema, used=0) as spool:
        kept = spool.append(page("a"))
        spool.append(page("lost"))
    with Spool(path, schema, used=kept.stop) as spool:
        parts = [kept, spool.append(page("b"))]
        keys = [batch.column("key").to_pylist() for batch in spool.batches(parts)]
    assert keys == [["key a"], ["key b"]]
    with pytest.raises(JournalMismatch, match="has lost vectors"):
        Spool(path, schema, used=10_000_000)


def test_vectors_of_another_dimension_than_the_index_are_an_error_of_the_server(tmp_path: Path) -> None:
    """Not of the file."""
    with pytest.raises(ProtocolError, match="the index has 2 dimensions, but its vectors 3"):
        export(tmp_path / "a.parquet", Vectors(["a"], np.ones((1, 3), np.float32), [None]))


@pytest.mark.parametrize(
    ("name", "said"),
    [("a.xml", "cannot tell the format"), ("none/a.parquet", "there is no folder"), ("a", "cannot tell")],
)
def test_a_file_that_cannot_be_written_is_named_before_the_export(
    tmp_path: Path, name: str, said: str
) -> None:
    """An hour of reading would be lost."""
    check_export_path(tmp_path / "a.parquet")
    with pytest.raises(UsageError, match=said):
        check_export_path(tmp_path / name)


def test_a_key_of_two_pages_is_no_export(tmp_path: Path) -> None:
    """Another vector may be missing. The file of before stays."""
    with pytest.raises(ProtocolError, match="listed 1 vector twice"):
        export(tmp_path / "out.jsonl", page("a", "b"), page("c", "a"))
    assert not (tmp_path / "out.jsonl").exists()
    sink = JsonLinesSink(io.BytesIO())
    sink.write(page("a", "b"))
    sink.check_keys()
    sink.write(page("a"))
    with pytest.raises(ProtocolError, match="listed 1 vector twice"):
        sink.check_keys()


def test_a_failure_while_writing_keeps_the_file_of_before(tmp_path: Path) -> None:
    """A file gets its name when it is complete."""
    path = tmp_path / "a.jsonl"
    path.write_text("before")
    schema = export_schema(SETTINGS, data=True, metadata=True)
    with Spool(tmp_path / "spool", schema, used=0) as spool:
        spool.path.unlink()
        with pytest.raises(UsageError, match="cannot be written: No such file"):
            write_export(path, schema, spool.batches([StoredPart(0, 10)]))
    assert path.read_text() == "before"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.jsonl"]
