"""Lance datasets are read at one version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from vecgate.bulk.sources import open_source
from vecgate.bulk.sources.source import EmptySource
from vecgate.bulk.sources.tables import lance_dataset
from vecgate.errors import SourceError

TABLE = pa.table({"id": ["a", "b"], "vector": [[0.5, 1.0], [1.5, 2.0]], "n": [1, 2]})


def test_a_later_version_is_another_input(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The run reads the one with which it began."""
    path = tmp_path / "films.lance"
    lance.write_dataset(TABLE, str(path))
    source = open_source(path)
    assert source.fingerprint.startswith("films.lance of 2 records, version 1 of ")
    lance.write_dataset(TABLE, str(path), mode="append")
    got = gather(source, rows=1)
    assert (got.keys, got.metadata) == (["a", "b"], [{"n": 1}, {"n": 2}])
    assert open_source(path).fingerprint != source.fingerprint
    assert open_source(path).total == 4


def test_an_empty_dataset_is_empty(tmp_path: Path) -> None:
    """It may be a part of a folder."""
    lance.write_dataset(TABLE.slice(0, 0), str(tmp_path / "films.lance"))
    with pytest.raises(EmptySource, match=r"films.lance holds no records"):
        open_source(tmp_path / "films.lance")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""

    def refuse(name: str) -> None:
        raise ImportError(name)

    lance.write_dataset(TABLE, str(tmp_path / "films.lance"))
    monkeypatch.setattr(lance_dataset, "import_module", refuse)
    with pytest.raises(SourceError, match="need pylance, which is not installed") as caught:
        open_source(tmp_path / "films.lance")
    assert caught.value.hint == "pip install 'vecgate[lance]'"
