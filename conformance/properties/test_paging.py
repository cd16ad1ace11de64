"""Properties of paging: whatever the page size, the pages together contain every entry exactly once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeBucket, MakeIndex

STORED = 23
LARGE = 230


def keys_of(page: dict[str, Any]) -> list[str]:
    return [each["key"] for each in page["vectors"]]


def numbered(count: int) -> list[str]:
    return sorted(f"k{number}" for number in range(count))


def make_filled_index(make_index: MakeIndex, count: int) -> IndexHandle:
    index = make_index()
    index.put(*((f"k{number}", [1, number / count]) for number in range(count)))
    return index


def all_entries(pages: Iterable[list[str]]) -> list[str]:
    return sorted(key for page in pages for key in page)


@requirement(
    "properties.list-pages", kind="effect", evidence="recorded", source=sources.S3MOCK_VECTORS, slow=True
)
def test_pages_of_vectors_are_complete(make_index: MakeIndex) -> None:
    """For every page size, the pages of ListVectors contain every key once and respect the page size."""
    index = make_filled_index(make_index, STORED)

    @given(size=st.integers(1, STORED + 2))
    @example(size=1)
    @example(size=STORED - 1)
    @example(size=STORED)
    @example(size=STORED + 1)
    def check(size: int) -> None:
        pages = [keys_of(page) for page in index.pages("ListVectors", maxResults=size)]
        assert all_entries(pages) == numbered(STORED)
        assert max(map(len, pages)) <= size

    check()


@requirement("properties.list-any-number", kind="effect", evidence="recorded", source=sources.S3MOCK_VECTORS)
@settings(max_examples=15)
@given(count=st.integers(0, 12), size=st.integers(1, 6))
@example(count=0, size=1)
@example(count=6, size=3)
def test_pages_of_any_number_of_vectors_are_complete(make_index: MakeIndex, count: int, size: int) -> None:
    """For every number of vectors and page size, including exact multiples, the pages are complete."""
    index = make_index()
    if count:
        index.put(*((f"k{number}", [1, 0]) for number in range(count)))
    pages = [keys_of(page) for page in index.pages("ListVectors", maxResults=size)]
    index.remove()
    assert all_entries(pages) == numbered(count)
    assert all(len(page) <= size for page in pages)


@requirement(
    "properties.list-segments",
    kind="effect",
    evidence="recorded",
    source=sources.SUPABASE,
    needs="segments",
    slow=True,
)
def test_segments_are_complete_and_disjoint(make_index: MakeIndex) -> None:
    """For every number of segments and page size, the segments contain every key exactly once."""
    index = make_filled_index(make_index, STORED)

    @settings(max_examples=25)
    @given(count=st.integers(1, 16), size=st.integers(1, STORED + 2))
    @example(count=1, size=5)
    @example(count=16, size=1)
    def check(count: int, size: int) -> None:
        pages = [
            keys_of(page)
            for number in range(count)
            for page in index.pages("ListVectors", segmentCount=count, segmentIndex=number, maxResults=size)
        ]
        assert all_entries(pages) == numbered(STORED)

    check()


@requirement(
    "properties.list-segments-stable",
    kind="detail",
    evidence="documented",
    source=sources.LIST,
    needs="segments",
    slow=True,
)
def test_a_segment_does_not_change(make_index: MakeIndex) -> None:
    """A segment that is read again, with another page size, contains the same keys."""
    index = make_filled_index(make_index, STORED)

    @settings(max_examples=15)
    @given(count=st.integers(2, 16), size=st.integers(1, STORED), data=st.data())
    def check(count: int, size: int, data: st.DataObject) -> None:
        segment = {
            "segmentCount": count,
            "segmentIndex": data.draw(st.integers(0, count - 1), label="segment"),
        }
        whole = sorted(each["key"] for each in index.scan(**segment))
        assert sorted(each["key"] for each in index.scan(**segment, maxResults=size)) == whole

    check()


@requirement(
    "properties.list-flags", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS, slow=True
)
def test_flags_do_not_change_the_keys(make_index: MakeIndex) -> None:
    """The same keys are listed whatever members are requested."""
    index = make_filled_index(make_index, STORED)

    @settings(max_examples=15)
    @given(data=st.booleans(), metadata=st.booleans(), size=st.integers(1, STORED + 2))
    def check(*, data: bool, metadata: bool, size: int) -> None:
        members = {"returnData": data, "returnMetadata": metadata, "maxResults": size}
        assert sorted(each["key"] for each in index.scan(**members)) == numbered(STORED)

    check()


@pytest.mark.usefixtures("more_than_a_page")
@requirement(
    "properties.query-pages", kind="effect", evidence="recorded", source=sources.PROBE_CHANGES, needs="query"
)
def test_pages_of_results_are_complete(make_index: MakeIndex) -> None:
    """For every topK, the pages of QueryVectors contain topK results, each once, at most 100 per page."""
    index = make_filled_index(make_index, LARGE)

    @settings(max_examples=15)
    @given(top_k=st.integers(1, LARGE + 20))
    @example(top_k=1)
    @example(top_k=100)
    @example(top_k=101)
    @example(top_k=200)
    @example(top_k=201)
    @example(top_k=LARGE + 1)
    def check(top_k: int) -> None:
        members = {"topK": top_k, "queryVector": {"float32": [1.0, 0.0]}}
        pages = [keys_of(page) for page in index.pages("QueryVectors", **members)]
        found = all_entries(pages)
        assert max(map(len, pages)) <= 100
        assert len(set(found)) == len(found) == min(top_k, LARGE)

    check()


@pytest.mark.usefixtures("more_than_a_page")
@requirement(
    "properties.query-pages-filtered",
    kind="effect",
    evidence="documented",
    source=sources.QUERY,
    needs="query",
)
def test_filtered_pages_are_complete(make_index: MakeIndex) -> None:
    """For every filter, the pages of QueryVectors contain every match once."""
    index = make_index()
    index.put(*((f"k{number}", [1, number / LARGE], {"n": number}) for number in range(LARGE)))

    @settings(max_examples=15)
    @given(bound=st.integers(0, LARGE))
    @example(bound=99)
    @example(bound=100)
    @example(bound=101)
    def check(bound: int) -> None:
        found = index.query([1, 0], LARGE, filter={"n": {"$lt": bound}}, distance=False)
        assert sorted(each["key"] for each in found) == numbered(bound)

    check()


@requirement(
    "properties.index-pages", kind="effect", evidence="recorded", source=sources.S3MOCK_INDEXES, slow=True
)
def test_pages_of_indexes_are_complete(make_bucket: MakeBucket, make_index: MakeIndex) -> None:
    """For every page size and prefix, the pages of ListIndexes contain every matching index once."""
    bucket = make_bucket()
    names = ["aa-1", "aa-2", "aa-3", "ab-1", "ab-2", "b-1", "b-2"]
    for name in names:
        make_index(bucket, name=name)

    @settings(max_examples=25)
    @given(size=st.integers(1, 8), prefix=st.sampled_from(["", "a", "aa", "aa-2", "ab-", "b-", "c"]))
    def check(size: int, prefix: str) -> None:
        members: dict[str, Any] = {"maxResults": size, **({"prefix": prefix} if prefix else {})}
        found: list[str] = []
        for _ in range(len(names) + 1):
            page = bucket.call("ListIndexes", **members)
            assert len(page["indexes"]) <= size
            found += [each["indexName"] for each in page["indexes"]]
            if not page.get("nextToken"):
                break
            members["nextToken"] = page["nextToken"]
        assert sorted(found) == [name for name in names if name.startswith(prefix)]

    check()
