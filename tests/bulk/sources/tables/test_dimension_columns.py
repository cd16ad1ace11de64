"""Columns that are numbered without a gap are a vector."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.sources.tables.dimension_columns import dimension_groups
from vecgate.errors import SourceError


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["id", "dim_0", "dim_1"], {"dim_*": ("dim_0", "dim_1")}),
        (["emb.1", "emb.0"], {"emb.*": ("emb.0", "emb.1")}),
        (["v1", "v2", "v3"], {"v*": ("v1", "v2", "v3")}),
        (["embedding[0]", "embedding[1]"], {"embedding[*": ("embedding[0]", "embedding[1]")}),
        (["0", "1", "2"], {"*": ("0", "1", "2")}),
        (["vec_00", "vec_01"], {"vec_*": ("vec_00", "vec_01")}),
        (["dim_0", "dim_2"], {}),
        (["dim_2", "dim_3"], {}),
        (["tag1", "tag2"], {}),
        ([f"tag{n}" for n in range(8)], {"tag*": tuple(f"tag{n}" for n in range(8))}),
        (["id", "year"], {}),
    ],
)
def test_groups_are_found_by_name(names: list[str], groups: dict[str, tuple[str, ...]]) -> None:
    """Their order is that of the numbers; a few columns need a name that says what they are."""
    assert dimension_groups(names) == groups


def parquet(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_missing_cells_are_rejects(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """A cell that is no number is one too."""
    path = tmp_path / "f.csv"
    path.write_text("id,dim_1,dim_0\na,2,1\nb,,1\nc,x,1\nd,nan,1\n")
    got = gather(open_source(path))
    assert got.vectors[0] == [1.0, 2.0]
    assert [key for _, key, _ in got.problems] == ["b", "c"]
    assert got.problems[0][2] == "vector must hold numbers only, but element 1 is null"


def test_a_table_with_vectors_keeps_its_numbered_columns(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """They are metadata, unless they are chosen."""
    path = parquet(tmp_path / "f.parquet", id=["a"], vector=[[0.5]], v0=[1.0], v1=[2.0])
    got = gather(open_source(path))
    assert (got.vectors, got.metadata) == ([[0.5]], [{"v0": 1.0, "v1": 2.0}])
    assert gather(open_source(path, columns=ColumnChoice(vector="v*"))).vectors == [[1.0, 2.0]]


def test_texts_that_are_numbered_are_no_vector(tmp_path: Path) -> None:
    """The columns must be numbers."""
    path = parquet(tmp_path / "f.parquet", id=["a"], v0=["x"], v1=["y"])
    with pytest.raises(SourceError, match="has no column with lists of numbers"):
        open_source(path)


def test_two_groups_need_a_choice(tmp_path: Path) -> None:
    """Both could be meant."""
    path = parquet(
        tmp_path / "f.parquet", id=["a"], a_vec_0=[1.0], a_vec_1=[1.0], b_vec_0=[1.0], b_vec_1=[2.0]
    )
    with pytest.raises(SourceError, match=r'several columns with lists of numbers: "a_vec_\*", "b_vec_\*"'):
        open_source(path)


def test_keys_alone_need_no_vectors(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """As for a deletion."""
    path = parquet(tmp_path / "f.parquet", id=["a"], v0=[1.0], v1=[2.0])
    assert gather(open_source(path, keys_only=True)).keys == ["a"]


def test_text_vectors_can_be_chosen_beside_others(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Columns of lists come first otherwise."""
    path = parquet(tmp_path / "f.parquet", id=["a"], vector=[[0.5]], other=["[1,2]"])
    assert gather(open_source(path)).vectors == [[0.5]]
    assert gather(open_source(path, columns=ColumnChoice(vector="other"))).vectors == [[1.0, 2.0]]
