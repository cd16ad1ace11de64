"""Arrow columns of any type become keys, vectors and metadata."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeAlias
from uuid import UUID

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vecgate.bulk.index_settings import settings_in_files
from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.sources.column_mapping import ColumnKind, detect_layout
from vecgate.bulk.sources.tables.arrow_records import build_block, to_matrix
from vecgate.bulk.sources.tables.arrow_types import column_kinds
from vecgate.errors import SourceError

# The type stubs of pyarrow are too strict for tests.
Array: TypeAlias = Any

SHARED_FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
#: Every finite float16 by its bits; wider types represent each exactly.
FLOATS = st.builds(
    lambda bits, sign: float(np.uint16(bits | sign << 15).view(np.float16)),
    st.integers(0, 0x7BFF),
    st.integers(0, 1),
)
TYPES: dict[str, Any] = {
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int32": pa.int32(),
    "uint64": pa.uint64(),
}


def block(table: pa.Table, width: int, **choice: Any) -> Any:
    layout = detect_layout("t", column_kinds("t", table.schema), ColumnChoice(**choice))
    return build_block(table.combine_chunks().to_batches()[0], layout, width, 0)


@st.composite
def list_columns(draw: st.DrawFn) -> tuple[Array, list[list[float | None] | None], int]:
    """Generate a column of any list type, possibly a slice, with its values in Python and a width."""
    width = draw(st.integers(1, 4))
    name = draw(st.sampled_from(sorted(TYPES)))
    number = st.integers(0, 100).map(float) if "int" in name else FLOATS
    shape = draw(st.sampled_from(["list", "large", "fixed", "view"]))
    lengths = st.just(width) if shape == "fixed" else st.sampled_from([width, width, width, width + 1, 0])
    element = number if draw(st.booleans()) else st.one_of(st.none(), number, number, number)
    vectors = st.one_of(
        st.none(), *[lengths.flatmap(lambda n: st.lists(element, min_size=n, max_size=n))] * 4
    )
    values = draw(st.lists(vectors, min_size=1, max_size=8))
    types = {
        "list": pa.list_(TYPES[name]),
        "large": pa.large_list(TYPES[name]),
        "fixed": pa.list_(TYPES[name], width),
        "view": pa.list_view(TYPES[name]),
    }
    column = pa.array([_typed(value, name) for value in values], types[shape])
    start = draw(st.integers(0, len(values) - 1))
    return column.slice(start), values[start:], width


def _typed(value: list[float | None] | None, name: str) -> Any:
    if value is None:
        return None
    kind = np.float16 if name == "float16" else int if "int" in name else float
    return [None if number is None else kind(number) for number in value]


@given(list_columns())
def test_list_columns_become_a_matrix(drawn: tuple[Array, list[list[float | None] | None], int]) -> None:
    """Rows of the right length without nulls are kept bit by bit, the others have a problem."""
    column, values, width = drawn
    table = pa.table({"id": [str(i) for i in range(len(values))], "vector": column})
    got = block(table, width)
    good = [v is not None and len(v) == width and None not in v for v in values]
    assert got.positions.tolist() == [i for i, is_good in enumerate(good) if is_good]
    assert got.vectors.tolist() == [v for v, is_good in zip(values, good, strict=True) if is_good]
    assert [r.position for r in got.rejects] == [i for i, is_good in enumerate(good) if not is_good]
    assert [r.vector for r in got.rejects] == [
        v for v, is_good in zip(values, good, strict=True) if not is_good
    ]


def test_invalid_vectors_are_named() -> None:
    """Each reject says what is wrong and what is allowed, with the service's message for the length."""
    lists = pa.array([[1.0, 2.0], None, [1.0], [1.0, None], []], pa.list_(pa.float64()))
    _, rows, problems = to_matrix(lists, 2)
    assert rows.tolist() == [0, 3]
    assert problems == {
        1: "vector is missing",
        2: "vector must have length 2, but has length 1",
        3: "vector must hold numbers only, but element 1 is null",
        4: "vector must have length 2, but has length 0",
    }


def test_numbers_beyond_float32_are_infinite() -> None:
    """Rounding never raises; validation rejects infinity."""
    matrix, _, problems = to_matrix(pa.array([[1e300, -1e300, 0.1]], pa.list_(pa.float64())), 3)
    assert matrix.tolist() == [[float("inf"), float("-inf"), 0.10000000149011612]]
    assert not problems


@pytest.mark.parametrize(
    ("keys", "texts"),
    [
        (pa.array(["a", "é"]), ["a", "é"]),
        (pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        (pa.array(["a", "b"], pa.string_view()), ["a", "b"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([1, -2], pa.int8()), ["1", "-2"]),
        (pa.array([2**64 - 1, 0], pa.uint64()), ["18446744073709551615", "0"]),
        (pa.array([7, 8]).dictionary_encode(), ["7", "8"]),
        (pa.array([b"a", "é".encode()]), ["a", "é"]),
        (
            pa.array([b"sixteen bytes ok", b"sixteen bytes, 2"], pa.binary(16)),
            ["sixteen bytes ok", "sixteen bytes, 2"],
        ),
        (pa.array(["a", "b"], pa.json_()), ["a", "b"]),
        (
            pa.array([b"\x00" * 16, b"\xff" * 16], pa.uuid()),
            ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
        ),
    ],
)
def test_keys_of_any_type_become_text(keys: Array, texts: list[str]) -> None:
    """Integers as decimals, a UUID as its text, bytes as UTF-8."""
    table = pa.table({"id": keys, "vector": [[1.0], [2.0]]})
    assert block(table, 1).keys == texts
    assert block(table, 1, key_prefix="p-").keys == [f"p-{text}" for text in texts]


def test_a_record_without_a_key_is_a_reject() -> None:
    """The problem of the key takes precedence over that of the vector."""
    keys = pa.array([None, b"\xff", b"c"])
    table = pa.table({"id": keys, "vector": pa.array([None, [1.0], [1.0]], pa.list_(pa.float32()))})
    got = block(table, 1, key_prefix="p")
    assert got.keys == ["pc"]
    assert [(r.position, r.key, r.problem) for r in got.rejects] == [
        (0, "", "key is missing"),
        (1, "", "key must be text, but its bytes are not UTF-8"),
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (pa.array(["a"]), "a"),
        (pa.array(["a"]).dictionary_encode(), "a"),
        (pa.array([3], pa.int16()), 3),
        (pa.array([0.5], pa.float32()), 0.5),
        (pa.array([np.float16(0.5)], pa.float16()), 0.5),
        (pa.array([True]), True),
        (pa.array([["a", "b"]]), ["a", "b"]),
        (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), [1, 2]),
        (
            pa.array(
                [
                    dt.datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - a column without a time zone
                ]
            ),
            "2026-01-02T03:04:05",
        ),
        (pa.array([1], pa.timestamp("ns")), "1970-01-01T00:00:00.000000001"),
        (pa.array([1000], pa.timestamp("ns")), "1970-01-01T00:00:00.000001"),
        (pa.array([1], pa.timestamp("ns", "Europe/Berlin")), "1970-01-01T01:00:00.000000001+01:00"),
        (pa.array([1], pa.timestamp("s", "Mars/Olympus")), "1970-01-01T00:00:01+00:00"),
        (pa.array([2**62], pa.timestamp("s")), "146138514283-06-19T07:45:04"),
        (pa.array([1_700_000_000_000], pa.timestamp("s")), "55840-11-08T22:13:20"),
        (
            pa.array([{"x": [2**62]}], pa.struct({"x": pa.list_(pa.timestamp("ms"))})),
            {"x": ["146140482-04-24T15:36:27.904000"]},
        ),
        (pa.array([10**7], pa.date32()), "29349-01-26"),
        (pa.array([1], pa.time64("ns")), "00:00:00.000000001"),
        (pa.array([1], pa.duration("ns")), 1e-9),
        (pa.array([1], pa.bool8()), True),
        (pa.array(["[1]"], pa.json_()), "[1]"),
        (pa.array([0], pa.timestamp("s", "UTC")), "1970-01-01T00:00:00+00:00"),
        (pa.array([[1001]], pa.list_(pa.timestamp("ns"))), ["1970-01-01T00:00:00.000001001"]),
        (pa.array([dt.date(2026, 1, 2)]), "2026-01-02"),
        (pa.array([1_000], pa.time64("ns")), "00:00:00.000001"),
        (pa.array([1500], pa.duration("ms")), 1.5),
        (pa.array([Decimal("1.25")]), 1.25),
        (pa.array([b"a"]), "a"),
        (pa.array([b"\xff\x00"]), "ff00"),
        (pa.array([UUID(int=0).bytes], pa.uuid()), "00000000-0000-0000-0000-000000000000"),
        (pa.array([{"x": 1}]), {"x": 1}),
        (pa.array([[("x", 1)]], pa.map_(pa.string(), pa.int8())), {"x": 1}),
        (pa.array([None], pa.string()), None),
        (pa.array([float("nan")]), None),
    ],
)
def test_metadata_columns_are_converted(column: Array, value: object) -> None:
    """Dates are ISO text, decimals floats; null and NaN are missing entries."""
    table = pa.table({"id": ["k"], "vector": [[1.0]], "m": column})
    expected = {"m": value} if value is not None else None
    assert block(table, 1).metadata == [expected]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([{"a": 1, "b": None}, None, {"a": None, "b": "x"}]),
        pa.array([[("a", "1")], None, [("b", None)]], pa.map_(pa.string(), pa.string())),
        pa.array(['{"a": 1}', None, '{"b": null}']),
        pa.array(['{"a": 1}', None, '{"b": null}']).dictionary_encode(),
    ],
)
def test_a_column_of_objects_is_the_metadata(column: Array) -> None:
    """A struct, a map, or JSON text named metadata; null is a missing entry in all of them."""
    table = pa.table({"id": ["k", "l", "m"], "vector": [[1.0]] * 3, "metadata": column, "more": [1, 2, 3]})
    expected = {
        "struct": [{"a": 1}, None, {"b": "x"}],
        "map": [{"a": "1"}, None, {}],
        "string": [{"a": 1}, None, {}],
        "dictionary": [{"a": 1}, None, {}],
    }
    name = next(name for name in expected if str(column.type).startswith(name))
    assert block(table, 1).metadata == expected[name]


def test_metadata_text_that_is_not_an_object_is_a_reject() -> None:
    """The text is kept for the rejects file."""
    table = pa.table({"id": ["k", "l"], "vector": [[1.0]] * 2, "metadata": ["nope", "[1]"]})
    assert [(r.key, r.problem, r.metadata) for r in block(table, 1).rejects] == [
        ("k", "metadata is text that is not JSON", "nope"),
        ("l", "Metadata must be an object", "[1]"),
    ]


def test_the_form_of_the_service_is_understood() -> None:
    """`{"float32": [...]}` in a column is a vector."""
    data = pa.array(
        [{"float32": [1.0]}, None, {"float32": None}], pa.struct([("float32", pa.list_(pa.float32()))])
    )
    got = block(pa.table({"key": ["a", "b", "c"], "data": data}), 1)
    assert got.keys == ["a"]
    assert [r.problem for r in got.rejects] == ["vector is missing"] * 2


def test_a_column_of_nulls_or_of_tensors_can_be_the_vectors() -> None:
    """Extension types are unwrapped, and a column of nulls rejects every record."""
    tensors: Array = pa.FixedShapeTensorArray.from_numpy_ndarray(np.eye(2, dtype=np.float32))
    assert block(pa.table({"id": ["a", "b"], "vector": tensors}), 2).vectors.tolist() == [[1, 0], [0, 1]]
    assert not len(block(pa.table({"id": ["a"], "vector": pa.nulls(1)}), 2))


def test_decimals_are_numbers() -> None:
    """A list of decimals is a vector."""
    column = pa.array([[Decimal("0.5")]])
    assert block(pa.table({"id": ["a"], "vector": column}), 1).vectors.tolist() == [[0.5]]


def test_kinds_follow_types() -> None:
    """An unknown type is not a candidate."""
    schema = pa.schema(
        {"a": pa.list_(pa.string()), "b": pa.null(), "c": pa.bool_(), "d": pa.map_("str", "str")}
    )
    assert column_kinds("t", schema) == {
        "a": ColumnKind.LIST,
        "b": ColumnKind.EMPTY,
        "c": ColumnKind.OTHER,
        "d": ColumnKind.OBJECT,
    }


def test_columns_with_the_same_name_are_rejected() -> None:
    """It is not clear which of them is meant."""
    with pytest.raises(SourceError, match="t has several columns of one name, among a, a"):
        column_kinds("t", pa.schema([("a", pa.int8()), ("a", pa.int8())]))


# Parquet files, Arrow files and Arrow streams with the same table.


def _write(path: Path, table: pa.Table, chunk: int) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=chunk)
    elif path.suffix == ".feather":
        pf.write_feather(table, path, chunksize=chunk, compression="lz4")
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=chunk)


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".arrows"])
@given(
    vectors=st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(FLOATS, min_size=width, max_size=width), min_size=1, max_size=20)
    ),
    years=st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=20, max_size=20),
    type_name=st.sampled_from(["float16", "float32", "float64"]),
    chunk=st.integers(1, 8),
    rows=st.integers(1, 9),
    first=st.sampled_from([0, 5]),
)
@SHARED_FIXTURES
def test_tables_are_read_completely(  # noqa: PLR0917 - Hypothesis and pytest give by name
    suffix: str,
    vectors: list[list[float]],
    years: list[int | None],
    type_name: str,
    chunk: int,
    rows: int,
    first: int,
    tmp_path: Path,
    gather: Callable[..., Any],
) -> None:
    """For any row groups, batches and block sizes, every record comes back once and in order."""
    keys = [f"k{i}" for i in range(len(vectors))]
    typed = [_typed(list(vector), type_name) for vector in vectors]
    column = pa.array(typed, pa.list_(TYPES[type_name]))
    path = tmp_path / f"t{suffix}"
    _write(path, pa.table({"id": keys, "year": years[: len(keys)], "vector": column}), chunk)
    source = open_source(path)
    assert source.dimension == len(vectors[0])
    got = gather(source, rows=rows, first=first)
    assert (got.keys, got.vectors) == (keys, vectors)
    assert got.metadata == [None if y is None else {"year": y} for y in years[: len(keys)]]


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".arrows"])
def test_a_dimension_is_found_beyond_nulls(suffix: str, tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The first usable vector decides the length of the others; different ones are rejects."""
    column = pa.array([None, [], [1.0, 2.0], [1.0]], pa.list_(pa.float32()))
    path = tmp_path / f"t{suffix}"
    _write(path, pa.table({"id": list("abcd"), "vector": column}), 1)
    source = open_source(path)
    assert source.dimension == 2
    assert source.describe().startswith('key ← "id", vector ← "vector" (2 ')
    assert gather(source).problems == [
        (0, "a", "vector is missing"),
        (1, "b", "vector must have length 2, but has length 0"),
        (3, "d", "vector must have length 2, but has length 1"),
    ]
    assert gather(source, dimension=1).keys == ["d"]


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".arrows"])
def test_only_keys_are_read_for_deletes(suffix: str, tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Vectors and metadata are not read."""
    path = tmp_path / f"t{suffix}"
    _write(path, pa.table({"id": [1, 2], "vector": [[1.0], [2.0]], "m": ["x", "y"]}), 1)
    got = gather(open_source(path, keys_only=True))
    assert (got.keys, got.vectors, got.metadata) == (["1", "2"], [[], []], [None, None])
    numbered = open_source(path, columns=ColumnChoice(key_prefix="n"), keys_only=True)
    assert numbered.dimension is None
    assert gather(numbered).keys == ["n1", "n2"]


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".arrows"])
def test_rows_are_numbered_on_request(suffix: str, tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Without a column of keys a prefix numbers the rows, from *first*."""
    path = tmp_path / f"t{suffix}"
    _write(path, pa.table({"vector": [[1.0], [2.0]]}), 1)
    source = open_source(path, columns=ColumnChoice(key_prefix="n"))
    assert gather(source, first=3).keys == ["n3", "n4"]
    assert gather(open_source(path, columns=ColumnChoice(row_keys=True))).keys == ["0", "1"]
    with pytest.raises(SourceError, match="row numbers do not say what to delete"):
        open_source(path, columns=ColumnChoice(key_prefix="n"), keys_only=True)


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".arrows"])
def test_no_rows_are_an_error(suffix: str, tmp_path: Path) -> None:
    """An input without records is not a success."""
    path = tmp_path / f"t{suffix}"
    _write(
        path, pa.table({"id": pa.array([], pa.string()), "vector": pa.array([], pa.list_(pa.float32()))}), 1
    )
    with pytest.raises(SourceError, match="holds no records"):
        open_source(path)


def test_a_file_is_read_also_if_its_rows_cannot_be_counted(
    tmp_path: Path, gather: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its readers cannot count before pyarrow 26."""

    class OldReader:
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._reader = pa.RecordBatchFileReader(*arguments, **options)

        def __getattr__(self, name: str) -> Any:
            if name == "count_rows":
                raise AttributeError(name)
            return getattr(self._reader, name)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    path = tmp_path / "t.feather"
    pf.write_feather(pa.table({"id": ["a", "b"], "vector": [[1.0], [2.0]]}), path, compression="uncompressed")
    monkeypatch.setattr(pa.ipc, "open_file", OldReader)
    source = open_source(path)
    assert (source.total, gather(source).keys) == (None, ["a", "b"])


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".arrows"])
def test_a_damaged_file_is_one_clear_line(suffix: str, tmp_path: Path) -> None:
    """A truncated file is named with the reason, without a traceback of Arrow."""
    path = tmp_path / f"t{suffix}"
    _write(path, pa.table({"id": ["a"] * 50, "vector": [[1.0] * 50] * 50}), 10)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError) as caught:
        list(open_source(path).blocks())
    assert str(caught.value).startswith(f"{path} cannot be read as ")
    assert "\n" not in str(caught.value)


def test_a_parquet_file_with_damaged_pages_fails_while_it_is_read(tmp_path: Path) -> None:
    """Its footer is intact."""
    path = tmp_path / "t.parquet"
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(2000, dtype=np.float32)), 2)
    pq.write_table(pa.table({"id": ["a"] * 1000, "vector": vectors}), path)
    data = bytearray(path.read_bytes())
    data[4:200] = b"\xff" * 196
    path.write_bytes(bytes(data))
    source = open_source(path)
    with pytest.raises(SourceError, match="cannot be read as parquet"):
        list(source.blocks())


def test_wide_records_make_small_blocks(tmp_path: Path) -> None:
    """A block stays within 16 MiB for any dimension."""
    path = tmp_path / "t.parquet"
    matrix = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(1100 * 4096, dtype=np.float32)), 4096)
    pq.write_table(pa.table({"id": [str(i) for i in range(1100)], "vector": matrix}), path)
    assert max(len(b) for b in open_source(path).blocks()) <= 1024


@pytest.mark.parametrize("name", ["wide.arrow", "wide.arrows", "wide.parquet"])
def test_a_type_that_pyarrow_lacks_is_named(name: str, tmp_path: Path) -> None:
    """Polars has integers of 128 bits."""
    wide = pl.DataFrame({"id": ["a"], "vector": [[1.0]], "n": pl.Series([1], dtype=pl.Int128)})
    path, newest = tmp_path / name, pl.CompatLevel.newest()
    if name.endswith("parquet"):
        wide.write_parquet(path)
    elif name.endswith("arrow"):
        wide.write_ipc(path, compat_level=newest)
    else:
        wide.write_ipc_stream(path, compat_level=newest)
    assert settings_in_files([path]) is None
    with pytest.raises(SourceError, match="holds what pyarrow cannot read: Integers with more than 64 bits"):
        open_source(path)


def test_columns_of_views_and_their_dictionaries_are_read(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Polars writes them; pyarrow has few functions for them."""
    texts = pa.array(["x", None, "y"], pa.string_view())
    columns = {
        "id": pa.array(["a", "b", "c"], pa.string_view()),
        "vector": pa.array([[1.0], [2.0], [3.0]], pa.large_list(pa.float64())),
        "text": texts,
        "category": pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.uint32()), texts.slice(0, 2)),
        "raw": pa.array([b"r", b"s", None], pa.binary_view()),
        "list": pa.array([["x"], [], None], pa.list_(pa.string_view())),
    }
    path = tmp_path / "polars.arrow"
    table = pa.table(columns)
    with pa.OSFile(str(path), "w") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    got = gather(open_source(path))
    assert got.keys == ["a", "b", "c"]
    assert got.metadata == [
        {"text": "x", "raw": "r", "list": ["x"]},
        {"category": "x", "raw": "s", "list": []},
        {"text": "y"},
    ]
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.uint32()), columns["id"])
    table = pa.table({"id": dictionary, "vector": columns["vector"]})
    with pa.OSFile(str(path), "w") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    assert gather(open_source(path)).keys == ["a", "b", "c"]


@pytest.mark.parametrize(
    "values", [[[[[1.0]]], [[[2.0]]]], [["1.0"], ["2.0"]], [[True], [False]], [[{"x": 1.0}], [{"x": 2.0}]]]
)
def test_lists_of_other_values_are_refused_by_the_name_of_their_column(
    values: list[Any], tmp_path: Path
) -> None:
    """An array of three axes, texts, booleans, objects."""
    path = tmp_path / "t.parquet"
    _write(path, pa.table({"id": ["a", "b"], "emb": values}), 2)
    with pytest.raises(
        SourceError, match=r'column "emb" of .* is of type list<.*; vectors are lists of numbers'
    ):
        open_source(path)


def test_vectors_that_are_all_empty_are_rejects(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Arrow has no type for their values."""
    path = tmp_path / "t.parquet"
    _write(path, pa.table({"id": ["a", "b"], "emb": pa.array([[], None], pa.list_(pa.null()))}), 2)
    assert [problem for *_, problem in gather(open_source(path)).problems] == [
        "vector must have length 1, but has length 0",
        "vector is missing",
    ]


@pytest.mark.parametrize("kind", [pa.binary(), pa.binary(16), pa.uuid()], ids=str)
def test_sixteen_bytes_that_are_no_text_are_uuids(
    kind: Any, tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """The whole column is, so that a UUID whose bytes happen to be text is one too."""
    uuids = [UUID(int=2**127 + row) for row in range(5)] + [UUID(bytes=b"sixteen bytes ok")]
    path = tmp_path / "t.parquet"
    raw = pa.array([u.bytes for u in uuids], kind)
    _write(path, pa.table({"uuid": raw, "vector": [[1.0]] * 6}), 2)
    source = open_source(path)
    assert gather(source).keys == [str(u) for u in uuids]
    assert source.describe().startswith('key ← "uuid" (UUIDs as text), ')
    if kind == pa.uuid():
        return
    text = tmp_path / "u.parquet"
    _write(text, pa.table({"uuid": pa.array([b"sixteen bytes ok"], kind), "vector": [[1.0]]}), 2)
    assert gather(open_source(text)).keys == ["sixteen bytes ok"]


def test_number_arrays_beside_the_vector_are_left_out_and_named(
    tmp_path: Path, gather: Callable[..., Any]
) -> None:
    """A second embedding is no metadata; integers may be tags."""
    path = tmp_path / "t.parquet"
    columns = {"id": ["a"], "embedding": [[1.0]], "image_embedding": [[2.0]], "tags": [[1, 2]]}
    _write(path, pa.table(columns), 2)
    source = open_source(path)
    assert gather(source).metadata == [{"tags": [1, 2]}]
    assert source.describe().endswith("metadata ← tags, not used: image_embedding")
    chosen = ColumnChoice(metadata=("image_embedding",))
    assert gather(open_source(path, columns=chosen)).metadata == [{"image_embedding": [2.0]}]


@pytest.mark.parametrize("kind", ["stream", "cut stream", "file", "parquet", "short and long parquet", "npy"])
def test_what_follows_the_end_of_a_file_is_not_lost(kind: str, tmp_path: Path) -> None:
    """Two files in one, and a stream that is cut between two batches, are refused."""
    short, long = (
        pa.table({"id": list(keys), "vector": [[1.0]] * len(keys)}) for keys in ("ab", "cdefghijkl")
    )
    parts = []
    for number, table in enumerate((short, long if "long" in kind else short)):
        path = tmp_path / f"{number}"
        if "parquet" in kind:
            pq.write_table(table, path)
        elif kind == "npy":
            with path.open("wb") as file:
                np.save(file, np.ones((2, 3)))
        else:
            opener = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
            with opener(str(path), table.schema) as writer:
                writer.write_table(table)
        parts.append(path.read_bytes())
    whole = tmp_path / "t"
    whole.write_bytes(parts[0][:-8] if kind == "cut stream" else b"".join(parts))
    with pytest.raises(
        SourceError, match=r"truncated: it has no|more data after|not part of|several parquet|too long"
    ):
        open_source(whole, columns=ColumnChoice(row_keys=kind == "npy"))


def test_numbers_and_text_of_one_name_are_not_mixed(tmp_path: Path) -> None:
    """A filter would find only the records of one of the files."""
    for name, years in (("a", [2024]), ("b", pa.nulls(1, pa.int64())), ("c", ["2024"])):
        pq.write_table(
            pa.table({"id": [name], "vector": [[1.0]], "year": years}), tmp_path / f"{name}.parquet"
        )
    with pytest.raises(
        SourceError, match=r'"year" of .*c.parquet holds text, but numbers in the files before'
    ):
        open_source(tmp_path)


def test_documents_of_several_records_are_no_keys(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """All chunks of a document but the last would be lost, unless the user means it."""
    path = tmp_path / "t.parquet"
    columns = {"doc_id": ["a", "a"], "vector": [[1.0], [2.0]]}
    pq.write_table(pa.table(columns), path)
    with pytest.raises(SourceError, match='have the same "doc_id"'):
        open_source(path)
    assert gather(open_source(path, columns=ColumnChoice(key="doc_id"))).keys == ["a", "a"]
    pq.write_table(pa.table(columns | {"chunk_id": ["a1", "a2"]}), path)
    assert gather(open_source(path)).keys == ["a1", "a2"]
