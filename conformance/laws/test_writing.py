"""Laws of writing: what is put is there, whole, until it is put anew or deleted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vecgate.testing import sources
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeIndex

from .judging import filled, put, record
from .strategies import Row, any_values, metadata_objects, plain_values, rows, vector_keys


@requirement("laws.read-your-writes", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
@given(written=rows(min_size=1))
def test_what_is_put_is_got(make_index: MakeIndex, written: list[Row]) -> None:
    """GetVectors gives back what was put, whatever keys, values and metadata it has."""
    with filled(make_index, written) as (index, oracle):
        assert index.get(*oracle.records) == oracle.stored()


@requirement("laws.read-your-writes-in-lists", level="must", evidence="documented", source=sources.LIST)
@given(written=rows())
def test_what_is_put_is_listed(make_index: MakeIndex, written: list[Row]) -> None:
    """ListVectors gives back what was put, and nothing else."""
    with filled(make_index, written) as (index, oracle):
        listed = index.scan(returnData=True, returnMetadata=True)
        assert sorted(listed, key=lambda each: each["key"]) == sorted(
            oracle.stored().values(), key=lambda each: each["key"]
        )


@requirement("laws.any-float32", level="must", evidence="recorded", source=sources.probe("float32-range"))
@given(written=rows(values=any_values(3), min_size=1, max_size=4))
def test_every_float32_is_kept(make_index: MakeIndex, written: list[Row]) -> None:
    """Any finite float32 values are kept exactly, from the smallest to the largest."""
    with filled(make_index, written, metric="euclidean", dimension=3) as (index, oracle):
        assert index.get(*oracle.records) == oracle.stored()


@requirement("laws.rounding", level="must", evidence="documented", source=sources.LIST)
@given(values=st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=2))
def test_doubles_are_rounded(make_index: MakeIndex, values: list[float]) -> None:
    """Values that float32 does not hold are rounded to the nearest that it does."""
    with filled(make_index, [("a", values, None)], metric="euclidean") as (index, oracle):
        assert index.get("a") == oracle.stored()


@requirement(
    "laws.exact-numbers", level="may", evidence="inferred", source=sources.probe("metadata-value-types")
)
@given(number=st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300))
def test_numbers_in_metadata_keep_their_precision(make_index: MakeIndex, number: float) -> None:
    """A number in metadata comes back to the last bit of a double."""
    with filled(make_index, [("a", [1.0, 0.0], {"n": number})]) as (index, _):
        assert index.get("a")["a"]["metadata"] == {"n": number}


@requirement("laws.overwrite", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
@given(first=rows(min_size=1), second=rows(min_size=1))
def test_an_overwrite_replaces_wholly(make_index: MakeIndex, first: list[Row], second: list[Row]) -> None:
    """What is put over an old vector replaces its values and all of its metadata; others stay as they are."""
    with filled(make_index, first) as (index, oracle):
        put(index, oracle, second)
        assert {
            each["key"]: each for each in index.scan(returnData=True, returnMetadata=True)
        } == oracle.stored()


@requirement("laws.put-twice", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
@given(written=rows(min_size=1))
def test_to_put_twice_is_to_put_once(make_index: MakeIndex, written: list[Row]) -> None:
    """The same put again changes nothing: a client may retry it."""
    with filled(make_index, written) as (index, oracle):
        put(index, oracle, written)
        assert {
            each["key"]: each for each in index.scan(returnData=True, returnMetadata=True)
        } == oracle.stored()


@requirement("laws.one-by-one", level="must", evidence="documented", source=sources.api("PutVectors"))
@given(written=rows(min_size=1, max_size=5))
def test_how_a_put_is_cut_is_no_matter(make_index: MakeIndex, written: list[Row]) -> None:
    """Vectors that are put one by one are stored as those of one request."""
    with filled(make_index, []) as (index, oracle):
        for row in written:
            index.put(record(row))
            oracle.put(*row)
        assert index.get(*oracle.records) == oracle.stored()


@requirement("laws.last-wins", level="must", evidence="recorded", source=sources.NEIGHBOR)
@given(
    key=vector_keys(),
    versions=st.lists(st.tuples(plain_values(2), metadata_objects()), min_size=2, max_size=4),
)
def test_the_last_put_counts(
    make_index: MakeIndex, key: str, versions: list[tuple[list[float], dict[str, object]]]
) -> None:
    """Of several puts to one key the last is what is stored."""
    with filled(make_index, []) as (index, oracle):
        for values, metadata in versions:
            put(index, oracle, [(key, values, metadata)])
        assert index.get(key) == oracle.stored()


@requirement("laws.delete-is-idempotent", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
@given(written=rows(min_size=1), gone=st.sets(vector_keys(), min_size=1, max_size=4))
def test_to_delete_twice_is_to_delete_once(make_index: MakeIndex, written: list[Row], gone: set[str]) -> None:
    """Keys may be deleted that are not there, or no more, and again: the result is the same."""
    with filled(make_index, written) as (index, oracle):
        for key in gone:
            oracle.delete(key)
        for _ in range(2):
            index.delete(*sorted(gone))
            assert index.keys() == set(oracle.records)


@requirement(
    "laws.delete-nothing-else", level="must", evidence="documented", source=sources.api("DeleteVectors")
)
@given(written=rows(min_size=2), data=st.data())
def test_a_deletion_leaves_the_others(make_index: MakeIndex, written: list[Row], data: st.DataObject) -> None:
    """A deletion removes its keys, and leaves all other vectors as they were."""
    keys = [key for key, _, _ in written]
    gone = data.draw(st.lists(st.sampled_from(keys), min_size=1, unique=True), label="gone")
    with filled(make_index, written) as (index, oracle):
        index.delete(*gone)
        for key in gone:
            oracle.delete(key)
        assert index.get(*keys) == oracle.stored()


@requirement("laws.put-after-delete", level="must", evidence="documented", source=sources.LIST)
@given(first=rows(min_size=1, max_size=3), second=rows(min_size=1, max_size=3))
def test_a_deleted_key_starts_anew(make_index: MakeIndex, first: list[Row], second: list[Row]) -> None:
    """A key that was deleted may be put again; nothing of the old vector comes back."""
    with filled(make_index, first) as (index, oracle):
        index.delete(*oracle.records)
        oracle.records.clear()
        put(index, oracle, second)
        assert {
            each["key"]: each for each in index.scan(returnData=True, returnMetadata=True)
        } == oracle.stored()


@requirement("laws.indexes-apart", level="must", evidence="documented", source=sources.INDEXES)
@given(first=rows(min_size=1, max_size=4), second=rows(min_size=1, max_size=4))
def test_indexes_know_nothing_of_each_other(
    make_index: MakeIndex, first: list[Row], second: list[Row]
) -> None:
    """What is written to one index of a bucket, and deleted from it, shows in no other."""
    with filled(make_index, first) as (one, stays), filled(make_index, second) as (other, goes):
        other.delete(*goes.records)
        assert one.get(*stays.records) == stays.stored()
        assert other.keys() == set()
