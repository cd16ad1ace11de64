"""`vecgate scan`: files that put restores, interrupted exports, and output that is closed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pyarrow.parquet as pq
import pytest
from child_processes import WITHIN_S, child_process, wait_until
from commands import Vecgate, write_parquet
from paged_index import PagedIndex

from vecgate.cli.commands.indexes import scan as scan_command
from vecgate.testing.scripted_service import modelled_error

ROWS = 60


@pytest.fixture
def films(vecgate: Vecgate, endpoint: str) -> Iterator[tuple[str, ...]]:
    """An index with settings that are not the defaults."""
    where = ("--bucket", "bucket", "--index", "scanned", "--target", endpoint)
    options = (
        "--dimension",
        "4",
        "--metric",
        "euclidean",
        "--non-filterable",
        "text",
        "--text-search",
        "title:en",
    )
    assert vecgate("index", "create", *where, *options).code == 0
    assert vecgate("put", write_parquet(Path("films.parquet"), ROWS), *where).code == 0
    yield where
    assert vecgate("index", "delete", *where, "--yes").code == 0


def described(vecgate: Vecgate, where: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of an index."""
    facts = json.loads(vecgate("index", "describe", *where, "--json").out)
    return {name: facts[name] for name in ("dimension", "metric", "non_filterable", "text_search")}


@pytest.mark.parametrize("name", ["out.parquet", "out.arrow"])
def test_a_table_restores_the_settings_of_its_index(
    vecgate: Vecgate, endpoint: str, films: tuple[str, ...], name: str
) -> None:
    """Options of `put` take precedence, and the file can have one name only."""
    assert vecgate("scan", *films, "-o", name).code == 0
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []
    where = ("--bucket", "bucket", "--index", f"restored-{Path(name).suffix[1:]}", "--target", endpoint)
    restored = vecgate("put", name, *where, "--create")
    assert restored.code == 0, restored.err
    assert "its settings are those of the index in the file" in restored.err
    assert described(vecgate, where) == described(vecgate, films)
    again = ("--bucket", "bucket", "--index", f"{where[3]}-2", "--target", endpoint)
    assert vecgate("put", name, *again, "--create", "--metric", "cosine", "--non-filterable", "").code == 0
    expected = {**described(vecgate, films), "metric": "cosine", "non_filterable": []}
    assert described(vecgate, again) == expected


def test_lines_come_with_the_options_that_create_the_index(vecgate: Vecgate, films: tuple[str, ...]) -> None:
    """They have no place for settings."""
    result = vecgate("scan", *films, "-o", "out.jsonl")
    assert "`vecgate put out.jsonl --create --metric euclidean --non-filterable text`" in result.err


class Failing(PagedIndex):
    """An index whose listing fails after some pages."""

    def __init__(self) -> None:
        super().__init__([f"k{number}" for number in range(40)], page=4)
        self.pages: int | None = 3

    def fail_later(self, operation: str, _: dict[str, Any]) -> None:
        """Refuse a page."""
        if operation == "ListVectors" and self.pages is not None:
            self.pages -= 1
            if self.pages < 0:
                raise modelled_error("AccessDeniedException", operation=operation)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    """The index that every `scan` of the test reads."""
    index = Failing()
    index._before = index.fail_later

    class FakeTarget:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def sender(self, **_: object) -> FakeTarget:
            return self

        def send(self, *arguments: Any) -> bytes:
            return index.send(*arguments)

    monkeypatch.setattr(scan_command, "open_chosen_target", lambda _: FakeTarget())
    return index


WORDS = ("scan", "--bucket", "media", "--index", "films", "--segments", "2", "--out", "out.parquet")


@pytest.mark.parametrize("token_is_refused", [False, True])
def test_an_export_that_failed_is_resumed(
    vecgate: Vecgate, failing: Failing, *, token_is_refused: bool
) -> None:
    """Every vector is in the file once, also if the service does not know its token any more."""
    failed = vecgate(*WORDS)
    assert (failed.code, "vectors are saved; continue with --resume" in failed.err) == (3, True)
    assert not Path("out.parquet").exists()
    refused = vecgate(*WORDS)
    assert (refused.code, "an earlier export to out.parquet did not finish" in refused.err) == (2, True)
    failing.pages, failing.refuses_tokens = None, token_is_refused
    result = vecgate(*WORDS, "--resume", "--segments", "5")
    assert result.code == 0, result.err
    assert "the export may lack what has changed" in result.err
    assert sorted(pq.read_table("out.parquet")["key"].to_pylist()) == sorted(failing.stored)
    assert [path.name for path in Path().iterdir()] == ["out.parquet"]


def test_an_unfinished_export_belongs_to_one_index(vecgate: Vecgate, failing: Failing) -> None:
    """One that was created again, or another choice of data, is refused; --restart begins again."""
    assert vecgate(*WORDS).code == 3
    failing.pages = None
    other = vecgate(*WORDS, "--resume", "--no-data")
    assert (other.code, "another choice of data" in other.err) == (2, True)
    failing.index["creationTime"] = 1_900_000_000
    again = vecgate(*WORDS, "--resume")
    assert (again.code, "another creation time of the index" in again.err) == (2, True)
    assert vecgate(*WORDS, "--restart").code == 0
    assert pq.read_metadata("out.parquet").num_rows == 40


def test_an_export_that_read_nothing_leaves_nothing(vecgate: Vecgate, failing: Failing) -> None:
    """It can be started again."""
    failing.pages = 0
    assert vecgate(*WORDS).code == 3
    assert list(Path().iterdir()) == []
    resumed = vecgate("scan", "--bucket", "media", "--index", "films", "--resume")
    assert (resumed.code, "to standard output cannot be resumed" in resumed.err) == (2, True)


@pytest.mark.parametrize("name", ["out.parquet", "out.arrow", "out.jsonl"])
def test_an_empty_index_is_exported(vecgate: Vecgate, failing: Failing, name: str) -> None:
    """To a file without records."""
    failing.stored.clear()
    failing.pages = None
    result = vecgate(*WORDS[:-1], name)
    assert (result.code, "exported 0 vectors" in result.err, Path(name).exists()) == (0, True, True)


def test_progress_is_printed_and_reads_are_limited(
    vecgate: Vecgate, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From time to time."""
    failing.pages = None
    monkeypatch.setattr(scan_command, "PROGRESS_S", 0.0)
    result = vecgate(*WORDS, "--reads-per-s", "10000")
    assert "40 vectors read" in result.err


def test_output_that_is_closed_ends_the_export_without_an_error(
    vecgate: Vecgate, endpoint: str, tmp_path: Path
) -> None:
    """As in `vecgate scan | head`; it is not called whole."""
    where = ("--bucket", "bucket", "--index", "piped", "--target", endpoint)
    file = write_parquet(tmp_path / "wide.parquet", 500, dimension=400)
    assert vecgate("put", file, *where, "--create").code == 0
    words = [sys.executable, "-m", "vecgate", "scan", *where]
    with child_process(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith('{"key":')
        process.stdout.close()
        wait_until(lambda: process.poll() is not None)
        errors = process.stderr.read()
        assert process.wait(WITHIN_S) == 0
    assert ", then the output was closed" in errors
    assert "error" not in errors
