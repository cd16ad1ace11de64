"""Laws of paging: however large the pages are, together they hold everything, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from vecgate.testing import sources
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeBucket, MakeIndex

STORED = 23
LARGE = 230


def keys_of(page: dict[str, Any]) -> list[str]:
    return [each["key"] for each in page["vectors"]]


def numbered(count: int) -> list[str]:
    return sorted(f"k{number}" for number in range(count))


def with_vectors(make_index: MakeIndex, count: int) -> Index:
    index = make_index()
    index.put(*((f"k{number}", [1, number / count]) for number in range(count)))
    return index


def flat(pages: Iterable[list[str]]) -> list[str]:
    return sorted(key for page in pages for key in page)


@requirement("laws.list-pages", level="must", evidence="recorded", source=sources.S3MOCK_VECTORS)
def test_pages_of_vectors_are_complete(make_index: MakeIndex) -> None:
    """For every page size the pages of ListVectors hold every key once, and no page more than asked for."""
    index = with_vectors(make_index, STORED)

    @given(size=st.integers(1, STORED + 2))
    @example(size=1)
    @example(size=STORED - 1)
    @example(size=STORED)
    @example(size=STORED + 1)
    def law(size: int) -> None:
        pages = [keys_of(page) for page in index.pages("ListVectors", maxResults=size)]
        assert flat(pages) == numbered(STORED)
        assert max(map(len, pages)) <= size

    law()


@requirement("laws.list-any-number", level="must", evidence="recorded", source=sources.S3MOCK_VECTORS)
@settings(max_examples=15)
@given(count=st.integers(0, 12), size=st.integers(1, 6))
@example(count=0, size=1)
@example(count=6, size=3)
def test_pages_of_any_number_are_complete(make_index: MakeIndex, count: int, size: int) -> None:
    """For every number of vectors and page size, whole multiples too, the pages are complete."""
    index = make_index()
    if count:
        index.put(*((f"k{number}", [1, 0]) for number in range(count)))
    pages = [keys_of(page) for page in index.pages("ListVectors", maxResults=size)]
    index.remove()
    assert flat(pages) == numbered(count)
    assert all(len(page) <= size for page in pages)


@requirement(
    "laws.list-segments", level="must", evidence="recorded", source=sources.SUPABASE, needs="segments"
)
def test_segments_are_complete_and_disjoint(make_index: MakeIndex) -> None:
    """For every number of segments and page size the segments hold every key, and no two the same."""
    index = with_vectors(make_index, STORED)

    @settings(max_examples=25)
    @given(count=st.integers(1, 16), size=st.integers(1, STORED + 2))
    @example(count=1, size=5)
    @example(count=16, size=1)
    def law(count: int, size: int) -> None:
        pages = [
            keys_of(page)
            for number in range(count)
            for page in index.pages("ListVectors", segmentCount=count, segmentIndex=number, maxResults=size)
        ]
        assert flat(pages) == numbered(STORED)

    law()


@requirement(
    "laws.list-segments-stable", level="should", evidence="documented", source=sources.LIST, needs="segments"
)
def test_a_segment_is_the_same_again(make_index: MakeIndex) -> None:
    """A segment that is read again, in pages of another size, holds the same keys."""
    index = with_vectors(make_index, STORED)

    @settings(max_examples=15)
    @given(count=st.integers(2, 16), size=st.integers(1, STORED), data=st.data())
    def law(count: int, size: int, data: st.DataObject) -> None:
        of = {"segmentCount": count, "segmentIndex": data.draw(st.integers(0, count - 1), label="segment")}
        whole = sorted(each["key"] for each in index.scan(**of))
        assert sorted(each["key"] for each in index.scan(**of, maxResults=size)) == whole

    law()


@requirement("laws.list-flags", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
def test_flags_change_no_page(make_index: MakeIndex) -> None:
    """Whatever is asked for of each vector, the same keys are listed."""
    index = with_vectors(make_index, STORED)

    @settings(max_examples=15)
    @given(data=st.booleans(), metadata=st.booleans(), size=st.integers(1, STORED + 2))
    def law(*, data: bool, metadata: bool, size: int) -> None:
        asked = {"returnData": data, "returnMetadata": metadata, "maxResults": size}
        assert sorted(each["key"] for each in index.scan(**asked)) == numbered(STORED)

    law()


@requirement(
    "laws.query-pages", level="must", evidence="recorded", source=sources.PROBE_CHANGES, needs="query"
)
def test_pages_of_results_are_complete(make_index: MakeIndex) -> None:
    """For every topK the pages of QueryVectors hold as many results, none twice, at most 100 on each page."""
    index = with_vectors(make_index, LARGE)

    @settings(max_examples=15)
    @given(top_k=st.integers(1, LARGE + 20))
    @example(top_k=1)
    @example(top_k=100)
    @example(top_k=101)
    @example(top_k=200)
    @example(top_k=201)
    @example(top_k=LARGE + 1)
    def law(top_k: int) -> None:
        asked = {"topK": top_k, "queryVector": {"float32": [1.0, 0.0]}}
        pages = [keys_of(page) for page in index.pages("QueryVectors", **asked)]
        found = flat(pages)
        assert max(map(len, pages)) <= 100
        assert len(set(found)) == len(found) == min(top_k, LARGE)

    law()


@requirement(
    "laws.query-pages-filtered", level="must", evidence="documented", source=sources.QUERY, needs="query"
)
def test_filtered_pages_are_complete(make_index: MakeIndex) -> None:
    """For every filter the pages of QueryVectors hold every match once."""
    index = make_index()
    index.put(*((f"k{number}", [1, number / LARGE], {"n": number}) for number in range(LARGE)))

    @settings(max_examples=15)
    @given(bound=st.integers(0, LARGE))
    @example(bound=99)
    @example(bound=100)
    @example(bound=101)
    def law(bound: int) -> None:
        found = index.query([1, 0], LARGE, filter={"n": {"$lt": bound}}, distance=False)
        assert sorted(each["key"] for each in found) == numbered(bound)

    law()


@requirement("laws.index-pages", level="must", evidence="recorded", source=sources.S3MOCK_INDEXES)
def test_pages_of_indexes_are_complete(make_bucket: MakeBucket, make_index: MakeIndex) -> None:
    """For every page size and prefix the pages of ListIndexes hold every index that fits once."""
    bucket = make_bucket()
    names = ["aa-1", "aa-2", "aa-3", "ab-1", "ab-2", "b.1", "b.2"]
    for name in names:
        make_index(bucket, name=name)

    @settings(max_examples=25)
    @given(size=st.integers(1, 8), prefix=st.sampled_from(["", "a", "aa", "aa-2", "ab-", "b.", "c"]))
    def law(size: int, prefix: str) -> None:
        asked: dict[str, Any] = {"maxResults": size, **({"prefix": prefix} if prefix else {})}
        found: list[str] = []
        for _ in range(len(names) + 1):
            page = bucket.call("ListIndexes", **asked)
            assert len(page["indexes"]) <= size
            found += [each["indexName"] for each in page["indexes"]]
            if not page.get("nextToken"):
                break
            asked["nextToken"] = page["nextToken"]
        assert sorted(found) == [name for name in names if name.startswith(prefix)]

    law()
