"""Values of metadata are converted by one rule, for every source."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.core.record_validation import IndexRules, validate
from vecgate.bulk.sources import ColumnChoice, open_source, source_from_records
from vecgate.bulk.sources.in_memory.source_argument import as_source
from vecgate.bulk.sources.plain_values import DEFAULT_SHAPE, MetadataShape, Nulls, Timestamps
from vecgate.errors import SourceError

EPOCH = MetadataShape(Timestamps.EPOCH)
FLAT = MetadataShape(flatten=True)
PRUNED = MetadataShape(nulls=Nulls.PRUNE)
STRICT = MetadataShape(nulls=Nulls.REJECT)
BERLIN = dt.timezone(dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "iso", "epoch"),
    [
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2026-01-02T03:04:05+00:00", 1_767_323_045),
        (dt.datetime(2026, 1, 2, 4, 4, 5, tzinfo=BERLIN), "2026-01-02T04:04:05+01:00", 1_767_323_045),
        (
            dt.datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001 - a column without a time zone
            "2026-01-02T03:04:05",
            1_767_323_045,
        ),
        (
            dt.datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=dt.UTC),
            "1969-12-31T23:59:59.500000+00:00",
            -0.5,
        ),
        (dt.date(2026, 1, 2), "2026-01-02", 1_767_312_000),
        (np.datetime64("2026-01-02T03:04:05", "s"), "2026-01-02T03:04:05", 1_767_323_045),
        (np.datetime64("1970-01-01T00:00:00.500", "ms"), "1970-01-01T00:00:00.500", 0.5),
        (np.datetime64("NaT", "s"), None, None),
        (dt.time(3, 4), "03:04:00", "03:04:00"),
        ([dt.date(1970, 1, 2)], ["1970-01-02"], [86_400]),
        (np.array(["1970-01-02"], dtype="datetime64[ns]"), ["1970-01-02T00:00:00.000000000"], [86_400]),
    ],
)
def test_times_are_text_or_seconds_since_1970(value: object, iso: object, epoch: object) -> None:
    """A time without a zone is in UTC, a date is its midnight. Whole seconds are integers."""
    assert DEFAULT_SHAPE.to_plain(value) == iso
    plain = EPOCH.to_plain(value)
    assert plain == epoch
    assert type(plain) is type(epoch)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.timedelta64(1500, "ms"), 1.5),
        (np.timedelta64("NaT", "s"), None),
        (dt.timedelta(minutes=1), 60.0),
        (Decimal("1.5"), 1.5),
        (b"a", "a"),
        (b"\xff", "ff"),
        (UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (np.float32(0.5), 0.5),
        (np.array([1, 2]), [1, 2]),
    ],
)
def test_other_types_have_one_form(value: object, plain: object) -> None:
    """Durations are seconds, bytes text or hexadecimal digits."""
    assert DEFAULT_SHAPE.to_plain(value) == plain


NESTED: dict[str, Any] = {
    "a": None,
    "n": float("nan"),
    "s": {"x": 1, "y": None, "z": {}},
    "l": ["b", None],
    "e": [],
    "k": 0,
}


@pytest.mark.parametrize(
    ("shape", "metadata"),
    [
        (DEFAULT_SHAPE, {"s": {"x": 1, "y": None, "z": {}}, "l": ["b", None], "e": [], "k": 0}),
        (FLAT, {"s.x": 1, "l": ["b", None], "e": [], "k": 0}),
        (PRUNED, {"s": {"x": 1}, "l": ["b"], "k": 0}),
        (MetadataShape(nulls=Nulls.PRUNE, flatten=True), {"s.x": 1, "l": ["b"], "k": 0}),
    ],
)
def test_nulls_and_objects_follow_the_settings(shape: MetadataShape, metadata: object) -> None:
    """By default null entries are left out, and what is nested is left to validation."""
    assert shape.build(NESTED) == (metadata, "")


def test_nulls_may_be_kept_to_be_rejected() -> None:
    """Also those of flattened objects."""
    assert STRICT.build({"a": None, "b": {"c": None}}) == ({"a": None, "b": {"c": None}}, "")
    both = MetadataShape(nulls=Nulls.REJECT, flatten=True)
    assert both.build({"a": None, "b": {"c": None}}) == ({"a": None, "b.c": None}, "")


def test_two_values_of_one_name_are_a_problem() -> None:
    """Neither overwrites the other silently."""
    assert (
        FLAT.build({"a.b": 1, "a": {"b": 2}})[1] == 'metadata has "a.b" twice, once as an entry of an object'
    )


def _objects(depth: int = 2) -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=2)
    values: st.SearchStrategy[Any] = scalars | st.lists(scalars, max_size=3)
    if depth:
        values |= st.dictionaries(st.sampled_from(["x", "y", "z"]), _objects(depth - 1) | scalars, max_size=3)
    return st.dictionaries(st.sampled_from(["a", "b", "c"]), values, max_size=3)


@given(
    _objects(), st.sampled_from([DEFAULT_SHAPE, FLAT, PRUNED, MetadataShape(nulls=Nulls.PRUNE, flatten=True)])
)
def test_every_source_has_the_same_rule(value: dict[str, Any], shape: MetadataShape) -> None:
    """An iterable and JSON text in a table give the same metadata, and the same as the rule itself. It changes
    nothing when it is applied again.
    """
    built, problem = shape.build(value)
    assert not problem
    assert shape.build(built) == (built, "")
    records = source_from_records([("k", [1.0], value)], columns=ColumnChoice(shape=shape))
    (block,) = records.blocks()
    assert block.metadata == [built]
    if shape.flatten:
        assert not any(isinstance(entry, dict) for entry in built.values())
    if shape.nulls is Nulls.PRUNE:
        assert "null" not in json.dumps(built)


ROW = {"id": "k", "vector": [1.0], "metadata": {"a": None, "n": 1}, "t": "x"}


def _written(tmp_path: Path, suffix: str, row: dict[str, Any]) -> Path:
    path = tmp_path / f"f{suffix}"
    if suffix == ".jsonl":
        path.write_text(json.dumps(row))
    else:
        pq.write_table(pa.Table.from_pylist([row]), path)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("chosen", "shape", "metadata"),
    [
        (None, DEFAULT_SHAPE, {"n": 1}),
        (None, STRICT, {"a": None, "n": 1}),
        (("metadata.n=count", "t"), DEFAULT_SHAPE, {"t": "x", "count": 1}),
        (("t=text",), DEFAULT_SHAPE, {"text": "x"}),
        (("metadata", "t"), DEFAULT_SHAPE, {"t": "x", "n": 1}),
        (("metadata=m",), DEFAULT_SHAPE, {"m": {"a": None, "n": 1}}),
        (("metadata=m",), FLAT, {"m.n": 1}),
        (("metadata.a",), DEFAULT_SHAPE, None),
    ],
)
def test_json_and_parquet_are_shaped_alike(  # noqa: PLR0917 - given by name
    suffix: str,
    chosen: tuple[str, ...] | None,
    shape: MetadataShape,
    metadata: object,
    tmp_path: Path,
    gather: Callable[..., Any],
) -> None:
    """Null entries, chosen entries, other names, several columns."""
    path = _written(tmp_path, suffix, ROW)
    columns = ColumnChoice(metadata=chosen, shape=shape)
    assert gather(open_source(path, columns=columns)).metadata == [metadata]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ""])
@pytest.mark.parametrize("entry", ["metadata.titel", "metadata.n.deeper", "metadata.titel=title"])
def test_a_chosen_entry_that_is_nowhere_is_an_error(suffix: str, entry: str, tmp_path: Path) -> None:
    """A typing error must not lose metadata silently."""
    columns = ColumnChoice(metadata=("t", entry))
    given: Any = _written(tmp_path, suffix, ROW) if suffix else [ROW]
    with pytest.raises(SourceError, match=f'has no entry "{entry.partition("=")[0]}"'):
        as_source(given, columns=columns)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_chosen_entry_must_be_in_every_table(suffix: str, tmp_path: Path) -> None:
    """A record of JSON may lack it."""
    columns = ColumnChoice(metadata=("metadata.n", "t"))
    _written(tmp_path, suffix, ROW).rename(tmp_path / f"a{suffix}")
    _written(tmp_path, suffix, ROW | {"metadata": {"a": 1}}).rename(tmp_path / f"b{suffix}")
    if suffix == ".jsonl":
        assert open_source(tmp_path, columns=columns).describe().endswith("in 2 files")
    else:
        with pytest.raises(SourceError, match=r'b\.parquet has no entry "metadata\.n"'):
            open_source(tmp_path, columns=columns)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_repeated_entry_of_several_objects_is_a_reject(
    suffix: str, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """The record is named, and nothing is overwritten."""
    path = _written(tmp_path, suffix, ROW | {"n": 5})
    got = gather(open_source(path, columns=ColumnChoice(metadata=("n", "metadata"))))
    assert got.problems == [(0, "k", 'metadata has "n" twice, once from "metadata"')]
    assert gather(open_source(path, columns=ColumnChoice(metadata=("n=m", "metadata")))).metadata == [
        {"m": 5, "n": 1}
    ]


def test_a_chosen_object_that_is_none_is_a_reject(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The column and the type are named."""
    path = tmp_path / "f.jsonl"
    rows = [ROW, ROW | {"id": "l", "metadata": [1]}]
    path.write_text("\n".join(map(json.dumps, rows)))
    got = gather(open_source(path, columns=ColumnChoice(metadata=("t", "metadata"))))
    assert got.problems == [(1, "l", 'Metadata must be an object: "metadata" is an array of numbers')]


def test_maps_of_tables_are_objects(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Also inside a choice of several columns."""
    maps = pa.array([[("x", 1)], None], pa.map_(pa.string(), pa.int8()))
    table = pa.table({"id": ["a", "b"], "vector": [[1.0], [2.0]], "m": maps, "t": ["x", "y"]})
    pq.write_table(table, tmp_path / "f.parquet")
    got = gather(open_source(tmp_path / "f.parquet", columns=ColumnChoice(metadata=("m.x=count", "t"))))
    assert got.metadata == [{"t": "x", "count": 1}, {"t": "y"}]
    got = gather(open_source(tmp_path / "f.parquet", columns=ColumnChoice(shape=FLAT)))
    assert got.metadata == [{"m.x": 1, "t": "x"}, {"t": "y"}]


def _typed(tmp_path: Path) -> Path:
    utc = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    columns = {
        "id": ["a"],
        "vector": [[1.0]],
        "ns": pa.array([utc], pa.timestamp("ns", "UTC")),
        "day": pa.array([dt.date(2026, 1, 2)]),
        "list": pa.array([[utc]], pa.list_(pa.timestamp("us"))),
        "clock": pa.array([dt.time(3, 4)], pa.time64("us")),
        "span": pa.array([5], pa.duration("s")),
        "price": pa.array([Decimal("1.5")]),
        "raw": pa.array([b"\xff"]),
        "none": pa.array([None]),
        "s": pa.array([{"a": utc}]),
        "category": pa.array(["x"]).dictionary_encode(),
        "uuid": pa.array([UUID(int=1).bytes], pa.uuid()),
    }
    pq.write_table(pa.table(columns), tmp_path / "f.parquet")
    return tmp_path / "f.parquet"


def test_each_conversion_of_a_table_is_said(tmp_path: Path) -> None:
    """By column, with the way to filter ranges of times."""
    path = _typed(tmp_path)
    assert open_source(path).conversions == (
        "ns, day, list as ISO 8601 text, which has no range filters; --timestamps epoch makes it a number",
        "clock as ISO 8601 text",
        "span as seconds",
        "price as float64 numbers",
        "raw as UTF-8 text, or hexadecimal digits if they are not UTF-8",
        "none as nothing, because all are null",
        "s as objects, which the service rejects; --flatten makes each of their entries metadata",
        "uuid as text",
    )
    shape = MetadataShape(Timestamps.EPOCH, flatten=True)
    source = open_source(path, columns=ColumnChoice(metadata=("ns=at", "s", "s.a"), shape=shape))
    assert source.conversions == ("at, a, s.a as epoch seconds",)
    assert source.describe().endswith(
        "timestamps as epoch seconds, nested objects flattened, not used: day, list, "
        "clock, span, price, raw, none, category, uuid"
    )


def test_a_typed_table_is_accepted_whole_when_it_is_flattened(tmp_path: Path) -> None:
    """No record is rejected, and times are numbers."""
    shape = MetadataShape(Timestamps.EPOCH, Nulls.PRUNE, flatten=True)
    (block,) = open_source(_typed(tmp_path), columns=ColumnChoice(shape=shape)).blocks()
    good, rejects = validate(block, IndexRules(1, "euclidean"))
    assert not rejects
    metadata = good.metadata[0]
    assert metadata is not None
    assert metadata["ns"] == metadata["s.a"] == 1_767_323_045
    assert metadata["list"] == [1_767_323_045]
    assert metadata["uuid"] == str(UUID(int=1))


def test_conversions_of_python_objects_are_said() -> None:
    """The first records show them."""
    day = dt.date(2026, 1, 2)
    records = [("a", [1.0], {"n": 1}), ("b", [1.0], {"n": 1, "day": day, "days": [day], "t": [[]]})]
    (conversion,) = source_from_records(records).conversions
    assert conversion.startswith("day, days as ISO 8601 text")
    flat = [{"id": "a", "vector": [1.0], "day": day}]
    assert source_from_records(flat).conversions == (conversion.replace("day, days", "day"),)
    chosen = ColumnChoice(metadata=("day=when",))
    assert source_from_records(flat, columns=chosen).conversions == (conversion.replace("day, days", "when"),)


def test_conversions_of_arrays_are_said(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """A numpy archive has types too, and its columns can have other names."""
    path = tmp_path / "f.npz"
    days = np.array(["1970-01-02"], dtype="datetime64[D]")
    np.savez(path, id=np.array(["a"]), vector=np.ones((1, 2)), day=days)
    source = open_source(path, columns=ColumnChoice(metadata=("day=when",), shape=EPOCH))
    assert source.conversions == ("when as epoch seconds",)
    assert gather(source).metadata == [{"when": 86_400}]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_matrix_of_one_row_is_a_vector(suffix: str, tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Datasets store fixed shapes so. Of several rows none is taken silently."""
    rows = [
        {"id": "a", "emb": [[1.0, 2.0]]},
        {"id": "b", "emb": [[3.0, 4.0], [5.0, 6.0]]},
        {"id": "c", "emb": None},
        {"id": "d", "emb": [[7.0, 8.0]]},
        {"id": "e", "emb": []},
    ]
    path = tmp_path / f"f{suffix}"
    if suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    got = gather(open_source(path), rows=3)
    assert (got.keys, got.vectors) == (["a", "d"], [[1.0, 2.0], [7.0, 8.0]])
    assert [(key, problem) for _, key, problem in got.problems] == [
        ("b", "vector must hold numbers only, but element 0 is an array")
        if suffix == ".jsonl"
        else ("b", "vector must be one list of numbers, but is 2"),
        ("c", "vector is missing"),
        ("e", "vector must have length 2, but has length 0")
        if suffix == ".jsonl"
        else ("e", "vector must be one list of numbers, but is 0"),
    ]
