"""Properties of writing: a vector is stored unchanged until it is overwritten or deleted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeIndex

from .oracle_checks import filled_index, put_rows, to_record
from .strategies import (
    Row,
    any_keys,
    any_values,
    metadata_objects,
    plain_keys,
    plain_metadata,
    plain_values,
    rows,
)


@requirement("properties.read-your-writes", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS)
@given(stored_rows=rows(keys=any_keys(), metadata=metadata_objects(), min_size=1))
def test_written_vectors_are_returned(make_index: MakeIndex, stored_rows: list[Row]) -> None:
    """GetVectors returns written vectors with any keys, values and metadata."""
    with filled_index(make_index, stored_rows) as (index, oracle):
        assert index.get(*oracle.records) == oracle.stored()


@requirement(
    "properties.read-your-writes-in-lists", kind="effect", evidence="documented", source=sources.LIST
)
@given(stored_rows=rows())
def test_written_vectors_are_listed(make_index: MakeIndex, stored_rows: list[Row]) -> None:
    """ListVectors returns the written vectors, and nothing else."""
    with filled_index(make_index, stored_rows) as (index, oracle):
        listed = index.scan(returnData=True, returnMetadata=True)
        assert sorted(listed, key=lambda each: each["key"]) == sorted(
            oracle.stored().values(), key=lambda each: each["key"]
        )


@requirement(
    "properties.any-float32", kind="effect", evidence="recorded", source=sources.probe("float32-range")
)
@given(stored_rows=rows(values=any_values(3), min_size=1, max_size=4))
def test_every_float32_is_stored_exactly(make_index: MakeIndex, stored_rows: list[Row]) -> None:
    """Any finite float32 values are stored exactly, from the smallest to the largest."""
    with filled_index(make_index, stored_rows, metric="euclidean", dimension=3) as (index, oracle):
        assert index.get(*oracle.records) == oracle.stored()


@requirement("properties.rounding", kind="effect", evidence="documented", source=sources.LIST)
@given(values=st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=2))
def test_doubles_are_rounded(make_index: MakeIndex, values: list[float]) -> None:
    """Values that float32 cannot represent are rounded to the nearest float32."""
    with filled_index(make_index, [("a", values, None)], metric="euclidean") as (index, oracle):
        assert index.get("a") == oracle.stored()


@requirement(
    "properties.exact-numbers", kind="open", evidence="inferred", source=sources.probe("metadata-value-types")
)
@given(number=st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300))
def test_numbers_in_metadata_keep_their_precision(make_index: MakeIndex, number: float) -> None:
    """A number in metadata is returned with the full precision of a double."""
    with filled_index(make_index, [("a", [1.0, 0.0], {"n": number})]) as (index, _):
        assert index.get("a")["a"]["metadata"] == {"n": number}


@requirement("properties.overwrite", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS)
@given(first=rows(min_size=1), second=rows(min_size=1))
def test_an_overwrite_replaces_everything(make_index: MakeIndex, first: list[Row], second: list[Row]) -> None:
    """An overwrite replaces the values and all metadata of a vector, and does not change other vectors."""
    with filled_index(make_index, first) as (index, oracle):
        put_rows(index, oracle, second)
        assert {
            each["key"]: each for each in index.scan(returnData=True, returnMetadata=True)
        } == oracle.stored()


@requirement("properties.put-twice", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS)
@given(stored_rows=rows(min_size=1))
def test_a_repeated_put_changes_nothing(make_index: MakeIndex, stored_rows: list[Row]) -> None:
    """Repeating a put changes nothing: a client may retry it."""
    with filled_index(make_index, stored_rows) as (index, oracle):
        put_rows(index, oracle, stored_rows)
        assert {
            each["key"]: each for each in index.scan(returnData=True, returnMetadata=True)
        } == oracle.stored()


@requirement("properties.one-by-one", kind="effect", evidence="documented", source=sources.api("PutVectors"))
@given(stored_rows=rows(min_size=1, max_size=5))
def test_vectors_may_be_put_one_by_one(make_index: MakeIndex, stored_rows: list[Row]) -> None:
    """Vectors that are put one by one are stored like those of one request."""
    with filled_index(make_index, []) as (index, oracle):
        for row in stored_rows:
            index.put(to_record(row))
            oracle.put(*row)
        assert index.get(*oracle.records) == oracle.stored()


@requirement("properties.last-wins", kind="effect", evidence="recorded", source=sources.NEIGHBOR)
@given(
    key=plain_keys(),
    versions=st.lists(st.tuples(plain_values(2), plain_metadata()), min_size=2, max_size=4),
)
def test_the_last_put_wins(
    make_index: MakeIndex, key: str, versions: list[tuple[list[float], dict[str, object]]]
) -> None:
    """After several puts of one key, the last one is stored."""
    with filled_index(make_index, []) as (index, oracle):
        for values, metadata in versions:
            put_rows(index, oracle, [(key, values, metadata)])
        assert index.get(key) == oracle.stored()


@requirement(
    "properties.delete-is-idempotent", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS
)
@given(stored_rows=rows(min_size=1), deleted=st.sets(plain_keys(), min_size=1, max_size=4))
def test_a_repeated_deletion_changes_nothing(
    make_index: MakeIndex, stored_rows: list[Row], deleted: set[str]
) -> None:
    """Deleting keys that do not exist, or no longer exist, succeeds and changes nothing."""
    with filled_index(make_index, stored_rows) as (index, oracle):
        for key in deleted:
            oracle.delete(key)
        for _ in range(2):
            index.delete(*sorted(deleted))
            assert index.keys() == set(oracle.records)


@requirement(
    "properties.delete-nothing-else",
    kind="effect",
    evidence="documented",
    source=sources.api("DeleteVectors"),
)
@given(stored_rows=rows(min_size=2), data=st.data())
def test_a_deletion_keeps_other_vectors(
    make_index: MakeIndex, stored_rows: list[Row], data: st.DataObject
) -> None:
    """A deletion removes its keys, and does not change other vectors."""
    keys = [key for key, _, _ in stored_rows]
    deleted = data.draw(st.lists(st.sampled_from(keys), min_size=1, unique=True), label="deleted")
    with filled_index(make_index, stored_rows) as (index, oracle):
        index.delete(*deleted)
        for key in deleted:
            oracle.delete(key)
        assert index.get(*keys) == oracle.stored()


@requirement("properties.put-after-delete", kind="effect", evidence="documented", source=sources.LIST)
@given(first=rows(min_size=1, max_size=3), second=rows(min_size=1, max_size=3))
def test_a_deleted_key_can_be_put_again(make_index: MakeIndex, first: list[Row], second: list[Row]) -> None:
    """A deleted key can be put again, without anything of the old vector."""
    with filled_index(make_index, first) as (index, oracle):
        index.delete(*oracle.records)
        oracle.records.clear()
        put_rows(index, oracle, second)
        assert {
            each["key"]: each for each in index.scan(returnData=True, returnMetadata=True)
        } == oracle.stored()


@requirement("properties.indexes-apart", kind="effect", evidence="documented", source=sources.INDEXES)
@given(first=rows(min_size=1, max_size=4), second=rows(min_size=1, max_size=4))
def test_indexes_of_one_bucket_are_separate(
    make_index: MakeIndex, first: list[Row], second: list[Row]
) -> None:
    """Writes to and deletions from one index do not change another index of the bucket."""
    with (
        filled_index(make_index, first) as (index, oracle),
        filled_index(make_index, second) as (other, other_oracle),
    ):
        other.delete(*other_oracle.records)
        assert index.get(*oracle.records) == oracle.stored()
        assert other.keys() == set()
