from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from vecgate.endpoint.requests.messages import ApiError
from vecgate.endpoint.storage.state import Bucket, Index, State, Store
from vecgate.endpoint.storage.vector_table import VectorTable

ONES = np.ones((1, 2), np.float32)


def bucket_of(state: State) -> Bucket:
    return Bucket("films", state.bucket_arn("films"), 1, {"sseType": "AES256"}, {})


def index_of(state: State) -> Index:
    return Index(
        bucket="films",
        name="plots",
        arn=state.index_arn("films", "plots"),
        created_s=1,
        dimension=2,
        metric="cosine",
        table=VectorTable(2),
        metadata_configuration={"nonFilterableMetadataKeys": ["text"]},
        encryption={},
        tags={},
        serial=1,
    )


class FullStore(Store):
    """A store whose disk is full. *calls* are the names of the methods called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattribute__(self, name: str) -> object:
        if name == "calls":
            return super().__getattribute__(name)

        def refuse(*_: object) -> None:
            self.calls.append(name)
            raise ApiError("InternalServerException", "disk full")

        return refuse


def filled_state() -> State:
    state = State()
    state.save_bucket(bucket_of(state))
    state.save_index(index_of(state))
    state.put_vectors(state.buckets["films"].indexes["plots"], ["a"], ONES, [{"n": 1}])
    return state


Change = Callable[[State, Bucket, Index], None]
CHANGES: dict[str, Change] = {
    "save_bucket": lambda state, bucket, _: state.save_bucket(replace(bucket, tags={"a": "b"})),
    "remove_bucket": lambda state, bucket, _: state.remove_bucket(bucket),
    "save_index": lambda state, _, index: state.save_index(replace(index, mode="CLASSIC")),
    "remove_index": lambda state, _, index: state.remove_index(index),
    "put_vectors": lambda state, _, index: state.put_vectors(index, ["a"], 2 * ONES, [None]),
    "delete_vectors": lambda state, _, index: state.delete_vectors(index, ["a"]),
    "remove_everything": lambda state, _, __: state.reset(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_the_store_refuses_is_not_made(name: str) -> None:
    """The store comes first; its error leaves memory unchanged."""
    state = filled_state()
    bucket, store = state.buckets["films"], FullStore()
    index, state.store = bucket.indexes["plots"], store
    with pytest.raises(ApiError, match="disk full"):
        CHANGES[name](state, bucket, index)
    assert store.calls == [name]
    assert state.buckets == {"films": bucket}
    assert bucket.indexes == {"plots": index}
    assert (bucket.tags, index.mode) == ({}, "ENHANCED")
    assert index.table.keys == ["a"]
    assert index.table.metadata == [{"n": 1}]
    assert index.table.vectors.tolist() == ONES.tolist()


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_without_persistence_is_made_in_memory(name: str) -> None:
    """The default store accepts every change."""
    state = filled_state()
    bucket = state.buckets["films"]
    CHANGES[name](state, bucket, bucket.indexes["plots"])
    now: dict[str, Callable[[], bool]] = {
        "save_bucket": lambda: state.buckets["films"].tags == {"a": "b"},
        "remove_bucket": lambda: state.buckets == {},
        "save_index": lambda: state.buckets["films"].indexes["plots"].mode == "CLASSIC",
        "remove_index": lambda: state.buckets["films"].indexes == {},
        "put_vectors": lambda: bucket.indexes["plots"].table.vectors.tolist() == [[2.0, 2.0]],
        "delete_vectors": lambda: len(bucket.indexes["plots"].table) == 0,
        "remove_everything": lambda: state.buckets == {},
    }
    assert now[name]()


def test_new_settings_of_an_index_keep_its_vectors() -> None:
    """The new value has the same table."""
    state = filled_state()
    index = state.buckets["films"].indexes["plots"]
    state.save_index(replace(index, tags={"team": "search"}))
    assert state.buckets["films"].indexes["plots"].table.keys == ["a"]
    assert index.tags == {}


def test_arns_contain_partition_region_and_account() -> None:
    """In the service's format."""
    state = State(account="111122223333", region="cn-north-1", partition="aws-cn")
    assert state.bucket_arn("films") == "arn:aws-cn:s3vectors:cn-north-1:111122223333:bucket/films"
    assert state.index_arn("films", "plots") == (
        "arn:aws-cn:s3vectors:cn-north-1:111122223333:bucket/films/index/plots"
    )


def test_non_filterable_keys_come_from_the_configuration() -> None:
    """An index without a configuration has no such keys."""
    index = index_of(State())
    assert index.non_filterable == {"text"}
    assert replace(index, metadata_configuration={}).non_filterable == frozenset()
