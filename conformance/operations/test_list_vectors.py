"""ListVectors: gives all vectors, page by page, in segments where asked, in no order."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.testing import sources
from vecgate.testing.refusals import Refused, refusal_of
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

SOURCE = sources.api("ListVectors")
DATA = {"float32": [1.0, 0.5]}
#: What a refusal for the length of a token would say.
LENGTH = re.compile("length", re.IGNORECASE)

SHOWN: dict[str, tuple[dict[str, bool], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "data": ({"returnData": True}, {"data": DATA}),
    "metadata": ({"returnMetadata": True}, {"metadata": {"n": 1}}),
    "both": ({"returnData": True, "returnMetadata": True}, {"data": DATA, "metadata": {"n": 1}}),
    "neither": ({"returnData": False, "returnMetadata": False}, {}),
}


def filled(make_index: MakeIndex, count: int) -> Index:
    index = make_index()
    index.put(*[(f"k{number}", [1.0, float(number)]) for number in range(count)])
    return index


def keys_of(page: dict[str, Any]) -> list[str]:
    return [each["key"] for each in page["vectors"]]


def sizes(index: Index, **members: Any) -> list[int]:
    return [len(page["vectors"]) for page in index.pages("ListVectors", **members)]


def all_keys(count: int) -> Counter[str]:
    return Counter(f"k{number}" for number in range(count))


def page_or_none(index: Index, **members: Any) -> dict[str, Any] | None:
    """The page, or None where the request is refused with 400."""
    try:
        return index.call("ListVectors", **members)
    except ClientError as error:
        status = refusal_of(error).status
    assert status == 400
    return None


def refused_with_400(index: Index, **members: Any) -> str:
    """The sentence of the refusal."""
    with pytest.raises(ClientError) as error:
        index.call("ListVectors", **members)
    refusal = refusal_of(error.value)
    assert refusal.status == 400
    return refusal.message


@pytest.mark.parametrize("asked", list(SHOWN))
@requirement(
    "list-vectors.flags",
    level="must",
    evidence="documented",
    source=SOURCE,
    covers="ListVectors>vectors ListVectors>vectors.key ListVectors>vectors.data "
    "ListVectors>vectors.data.float32 ListVectors>vectors.metadata",
)
def test_an_entry_holds_what_is_asked_for(make_index: MakeIndex, asked: str) -> None:
    """Data and metadata come where they are asked for, and only there; the key comes always."""
    flags, rest = SHOWN[asked]
    index = make_index()
    index.put(("k", [1.0, 0.5], {"n": 1}))
    assert index.call("ListVectors", **flags)["vectors"] == [{"key": "k", **rest}]


@requirement("list-vectors.no-metadata", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
def test_no_metadata_reads_as_an_empty_object(make_index: MakeIndex) -> None:
    """Where a vector has no metadata and it is asked for, `metadata` is `{}`."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    assert index.call("ListVectors", returnMetadata=True)["vectors"] == [{"key": "k", "metadata": {}}]


@requirement("list-vectors.float32", level="must", evidence="documented", source=sources.LIST)
def test_values_are_widened(make_index: MakeIndex) -> None:
    """A value reads back as the nearest float32, widened to double."""
    index = make_index()
    index.put(("k", [0.1, 0.4]))
    (entry,) = index.call("ListVectors", returnData=True)["vectors"]
    assert entry["data"]["float32"] == [0.10000000149011612, 0.4000000059604645]


@requirement("list-vectors.empty-index", level="must", evidence="documented", source=SOURCE)
def test_an_empty_index_gives_an_empty_list(make_index: MakeIndex) -> None:
    """An index without vectors gives an empty list, and no token."""
    page = make_index().call("ListVectors")
    assert page["vectors"] == []
    assert "nextToken" not in page


# Pages.


@requirement(
    "list-vectors.pages",
    level="must",
    evidence="recorded",
    source=sources.S3MOCK_VECTORS,
    covers="ListVectors>nextToken",
)
def test_pages_hold_what_is_asked_for_and_the_last_has_no_token(make_index: MakeIndex) -> None:
    """5 vectors, 3 to a page: 3 with a token, then 2 without."""
    index = filled(make_index, 5)
    assert sizes(index, maxResults=3) == [3, 2]


@pytest.mark.parametrize(("count", "size"), [(6, 3), (4, 4), (3, 1)], ids=["6-by-3", "4-by-4", "3-by-1"])
@requirement("list-vectors.full-last-page", level="must", evidence="recorded", source=sources.S3MOCK_VECTORS)
def test_a_last_page_that_is_full_has_no_token(make_index: MakeIndex, count: int, size: int) -> None:
    """A token comes only where more follows: a last page that is just full has none."""
    index = filled(make_index, count)
    assert sizes(index, maxResults=size) == [size] * (count // size)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 16])
@requirement("list-vectors.pages-complete", level="must", evidence="documented", source=SOURCE)
def test_pages_of_any_size_give_every_vector_once(make_index: MakeIndex, size: int) -> None:
    """Over all pages every vector comes once, whatever the size of a page."""
    index = filled(make_index, 17)
    assert Counter(each["key"] for each in index.scan(maxResults=size)) == all_keys(17)


@requirement("list-vectors.page-default", level="must", evidence="documented", source=SOURCE)
def test_a_page_holds_500_unless_asked_otherwise(make_index: MakeIndex) -> None:
    """Without maxResults a page holds 500 vectors: 501 come as 500 and 1."""
    index = filled(make_index, 501)
    assert sizes(index) == [500, 1]


@requirement("list-vectors.page-default-exact", level="should", evidence="inferred", source=SOURCE)
def test_500_vectors_are_one_page(make_index: MakeIndex) -> None:
    """500 vectors come on one page, without a token."""
    assert sizes(filled(make_index, 500)) == [500]


@requirement("list-vectors.128-vectors", level="must", evidence="recorded", source=sources.SUPABASE)
def test_128_vectors_are_one_page(make_index: MakeIndex) -> None:
    """128 vectors come on one page by default, without a token."""
    assert sizes(filled(make_index, 128)) == [128]


@requirement(
    "list-vectors.page-largest",
    level="must",
    evidence="documented",
    source=sources.LIMITS,
    covers="ListVectors.maxResults.max",
)
def test_a_page_may_hold_1000(make_index: MakeIndex) -> None:
    """With maxResults 1,000 a page holds 1,000: 1,001 vectors come as 1,000 and 1."""
    index = filled(make_index, 1_001)
    assert sizes(index, maxResults=1_000) == [1_000, 1]


@requirement(
    "list-vectors.page-smallest",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectors.maxResults.min",
)
def test_a_page_may_hold_one(make_index: MakeIndex) -> None:
    """With maxResults 1 a page holds one vector."""
    assert sizes(filled(make_index, 2), maxResults=1) == [1, 1]


@pytest.mark.parametrize(("size", "bound"), [(0, "min-1"), (1_001, "max+1")])
@requirement(
    "list-vectors.max-results",
    level="must",
    evidence="recorded",
    source=sources.NEIGHBOR,
    covers="ListVectors.maxResults.{bound} ListVectors!ValidationException",
)
def test_a_page_size_out_of_range_is_refused(
    make_index: MakeIndex, refused: Refused, size: int, bound: str
) -> None:
    """`maxResults` is 1 to 1,000."""
    del bound
    refused("ListVectors", {**make_index().address, "maxResults": size}, code="ValidationException")


@requirement("list-vectors.max-results-message", level="should", evidence="recorded", source=sources.NEIGHBOR)
def test_a_page_size_out_of_range_is_told_the_range(make_index: MakeIndex, refused: Refused) -> None:
    """The sentence gives the range."""
    refused(
        "ListVectors",
        {**make_index().address, "maxResults": 1_001},
        code="ValidationException",
        message=re.compile("Member must be between 1 and 1000, inclusive"),
    )


@requirement("list-vectors.page-of-1-mb", level="may", evidence="documented", source=SOURCE)
def test_a_page_ends_after_1_mb(make_index: MakeIndex) -> None:
    """A page also ends when 1 MB was processed: 100 vectors of 16 KiB take several, and all of them come."""
    index = make_index(dimension=4_096)
    index.put(*[(f"k{number}", [1.0] * 4_096) for number in range(100)])
    pages = [keys_of(page) for page in index.pages("ListVectors", maxResults=100, returnData=True)]
    assert len(pages) > 1
    assert Counter(key for page in pages for key in page) == all_keys(100)


# Tokens.


@requirement("list-vectors.token-text", level="should", evidence="documented", source=sources.LIST)
def test_a_token_is_url_safe_text(make_index: MakeIndex) -> None:
    """A token needs no escaping in a URL, and has no padding."""
    token = filled(make_index, 3).call("ListVectors", maxResults=1)["nextToken"]
    assert re.fullmatch(r"[A-Za-z0-9_.~-]+", token)


@requirement("list-vectors.token-length", level="must", evidence="model", source=sources.MODEL)
def test_a_token_is_no_longer_than_the_service_takes(make_index: MakeIndex) -> None:
    """A token has at most the 2,048 characters that a request may carry, however long the keys are."""
    index = make_index()
    index.put(*[(f"{number}" + "é" * 511, [1.0, 0.5]) for number in range(3)])
    pages = list(index.pages("ListVectors", maxResults=1))
    assert len(pages) == 3
    assert all(1 <= len(page["nextToken"]) <= 2_048 for page in pages[:-1])


@requirement("list-vectors.token-again", level="may", evidence="inferred", source=SOURCE)
def test_a_token_can_be_used_again(make_index: MakeIndex) -> None:
    """A client that lost a page asks for it again with the same token, and gets the same."""
    index = filled(make_index, 6)
    token = index.call("ListVectors", maxResults=2)["nextToken"]
    pages = [set(keys_of(index.call("ListVectors", maxResults=2, nextToken=token))) for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize("token", ["x", "not-a-token", "AAAA"], ids=["x", "words", "base64"])
@requirement(
    "list-vectors.token-unknown",
    level="may",
    evidence="inferred",
    source=SOURCE,
    covers="ListVectors.nextToken.min",
)
def test_what_is_no_token_is_refused(make_index: MakeIndex, token: str) -> None:
    """Text that no answer gave as a token is refused with 400, not taken for the first page."""
    assert not LENGTH.search(refused_with_400(filled(make_index, 3), maxResults=1, nextToken=token))


@requirement(
    "list-vectors.token-longest",
    level="may",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectors.nextToken.max",
)
def test_a_token_of_2048_characters_is_not_too_long(make_index: MakeIndex) -> None:
    """2,048 characters that are no token are refused, but not for their length."""
    assert not LENGTH.search(refused_with_400(make_index(), nextToken="x" * 2_048))


@pytest.mark.parametrize(("length", "bound"), [(0, "min-1"), (2_049, "max+1")])
@requirement(
    "list-vectors.token-out-of-range",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectors.nextToken.{bound}",
)
def test_a_token_of_the_wrong_length_is_refused(
    make_index: MakeIndex, refused: Refused, length: int, bound: str
) -> None:
    """A token has 1 to 2,048 characters."""
    del bound
    refused("ListVectors", {**make_index().address, "nextToken": "x" * length}, code="ValidationException")


@requirement("list-vectors.token-of-another-index", level="may", evidence="inferred", source=SOURCE)
def test_a_token_leads_into_no_other_index(make_index: MakeIndex) -> None:
    """The token of another index is refused, or as good as none: it hides nothing of this one."""
    index, other = filled(make_index, 20), make_index()
    other.put(*[(f"other{number}", [1.0, 0.5]) for number in range(20)])
    token = other.call("ListVectors", maxResults=10)["nextToken"]
    page = page_or_none(index, nextToken=token)
    assert page is None or Counter(keys_of(page)) == all_keys(20)


@requirement("list-vectors.page-size-changes", level="may", evidence="inferred", source=SOURCE)
def test_pages_of_changing_size_repeat_nothing(make_index: MakeIndex) -> None:
    """Where another maxResults is taken with a token at all, no vector comes twice or never."""
    index = filled(make_index, 9)
    first = index.call("ListVectors", maxResults=2)
    rest = page_or_none(index, maxResults=100, nextToken=first["nextToken"])
    assert rest is None or Counter(keys_of(first) + keys_of(rest)) == all_keys(9)


@requirement("list-vectors.delete-while-paging", level="may", evidence="inferred", source=SOURCE)
def test_deleting_what_was_listed_skips_nothing(make_index: MakeIndex) -> None:
    """Who deletes each page before asking for the next still meets every vector once."""
    index, seen = filled(make_index, 12), Counter[str]()
    for page in index.pages("ListVectors", maxResults=5):
        seen.update(keys_of(page))
        index.delete(*keys_of(page))
    assert seen == all_keys(12)


@requirement("list-vectors.write-while-paging", level="may", evidence="inferred", source=SOURCE)
def test_writing_while_paging_hides_nothing(make_index: MakeIndex) -> None:
    """Vectors that are neither written nor deleted meanwhile come once, whatever is written beside them."""
    index, seen = filled(make_index, 12), Counter[str]()
    for number, page in enumerate(index.pages("ListVectors", maxResults=5)):
        seen.update(key for key in keys_of(page) if not key.startswith("new"))
        if number < 3:
            index.put((f"new{number}", [1.0, 0.5]))
    assert seen == all_keys(12)


# Segments.


@pytest.mark.parametrize("segments", list(range(1, 17)))
@requirement(
    "list-vectors.segments", level="must", evidence="recorded", source=sources.SUPABASE, needs="segments"
)
def test_segments_are_disjoint_and_complete(make_index: MakeIndex, segments: int) -> None:
    """Over the segments of an index, however many, every vector comes once."""
    index = filled(make_index, 40)
    listed = [
        each["key"]
        for number in range(segments)
        for each in index.scan(segmentCount=segments, segmentIndex=number)
    ]
    assert Counter(listed) == all_keys(40)


@requirement(
    "list-vectors.segments-of-an-empty-index",
    level="must",
    evidence="documented",
    source=SOURCE,
    needs="segments",
)
def test_segments_may_be_empty(make_index: MakeIndex) -> None:
    """A segment without vectors is an empty list, without a token."""
    page = make_index().call("ListVectors", segmentCount=4, segmentIndex=3)
    assert page["vectors"] == []
    assert "nextToken" not in page


@requirement(
    "list-vectors.segments-in-pages", level="must", evidence="documented", source=SOURCE, needs="segments"
)
def test_segments_come_in_pages(make_index: MakeIndex) -> None:
    """Each segment is paged by itself; no page is larger than asked, and over all every vector comes once."""
    index, listed = filled(make_index, 40), Counter[str]()
    for number in range(4):
        for page in index.pages("ListVectors", segmentCount=4, segmentIndex=number, maxResults=3):
            assert len(page["vectors"]) <= 3
            listed.update(keys_of(page))
    assert listed == all_keys(40)


@requirement(
    "list-vectors.segments-stay", level="should", evidence="inferred", source=SOURCE, needs="segments"
)
def test_a_vector_stays_in_its_segment(make_index: MakeIndex) -> None:
    """While nothing is written, a segment holds the same vectors each time."""
    index = filled(make_index, 40)
    scans = [{each["key"] for each in index.scan(segmentCount=3, segmentIndex=1)} for _ in range(2)]
    assert scans[0] == scans[1]


@requirement(
    "list-vectors.segments-share",
    level="may",
    evidence="inferred",
    source=SOURCE,
    needs="segments",
    slow=True,
)
def test_segments_share_the_work(make_index: MakeIndex) -> None:
    """Of 1,000 vectors in 4 segments no segment holds nearly all: else segments would speed nothing up."""
    index = filled(make_index, 1_000)
    counts = [len(index.scan(segmentCount=4, segmentIndex=number)) for number in range(4)]
    assert sum(counts) == 1_000
    assert max(counts) < 900


@requirement(
    "list-vectors.segment-flags", level="must", evidence="documented", source=SOURCE, needs="segments"
)
def test_segments_give_data_and_metadata_too(make_index: MakeIndex) -> None:
    """`returnData` and returnMetadata hold for segments."""
    index = make_index()
    index.put(("k", [1.0, 0.5], {"n": 1}))
    found = [
        each
        for number in range(2)
        for each in index.scan(segmentCount=2, segmentIndex=number, returnData=True, returnMetadata=True)
    ]
    assert found == [{"key": "k", "data": DATA, "metadata": {"n": 1}}]


@pytest.mark.parametrize(
    ("count", "number", "word"),
    [
        (1, 0, "segmentCount.min"),
        (16, 0, "segmentCount.max"),
        (16, 15, "segmentIndex.max"),
        (2, 0, "segmentIndex.min"),
    ],
    ids=["1-segment", "16-segments", "the-last-of-16", "the-first"],
)
@requirement(
    "list-vectors.segment-range-taken",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="segments",
    covers="ListVectors.{word}",
)
def test_1_to_16_segments_are_taken(make_index: MakeIndex, count: int, number: int, word: str) -> None:
    """An index is read in 1 to 16 segments, numbered from 0."""
    del word
    page = make_index().call("ListVectors", segmentCount=count, segmentIndex=number)
    assert page["vectors"] == []


@pytest.mark.parametrize(
    ("count", "number", "word"),
    [
        (0, 0, "segmentCount.min-1"),
        (17, 0, "segmentCount.max+1"),
        (16, -1, "segmentIndex.min-1"),
        (16, 16, "segmentIndex.max+1"),
    ],
    ids=["0-segments", "17-segments", "number-below-0", "number-16"],
)
@requirement(
    "list-vectors.segment-range",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="segments",
    covers="ListVectors.{word}",
)
def test_segments_out_of_range_are_refused(
    make_index: MakeIndex, refused: Refused, count: int, number: int, word: str
) -> None:
    """There are 1 to 16 segments, numbered from 0 to 15."""
    del word
    members = {**make_index().address, "segmentCount": count, "segmentIndex": number}
    refused("ListVectors", members, code="ValidationException")


@pytest.mark.parametrize(
    "members",
    [
        {"segmentCount": 2},
        {"segmentIndex": 0},
        {"segmentCount": 4, "segmentIndex": 4},
        {"segmentCount": 1, "segmentIndex": 1},
    ],
    ids=["count-alone", "number-alone", "number-is-count", "1-of-1"],
)
@requirement(
    "list-vectors.segment-pairs", level="should", evidence="documented", source=SOURCE, needs="segments"
)
def test_a_segment_takes_both_members(
    make_index: MakeIndex, refused: Refused, members: dict[str, int]
) -> None:
    """`segmentCount` and segmentIndex come together, and the number is below the count."""
    refused("ListVectors", {**make_index().address, **members}, code="ValidationException")


@requirement(
    "list-vectors.segment-of-a-token", level="may", evidence="inferred", source=SOURCE, needs="segments"
)
def test_a_token_leads_into_no_other_segment(make_index: MakeIndex) -> None:
    """The token of one segment is refused with another, or as good as none: it hides nothing of that one."""
    index = filled(make_index, 40)
    for given, asked in ((0, 1), (1, 0)):
        token = index.call("ListVectors", segmentCount=2, segmentIndex=given, maxResults=1)["nextToken"]
        own = Counter(each["key"] for each in index.scan(segmentCount=2, segmentIndex=asked))
        page = page_or_none(index, segmentCount=2, segmentIndex=asked, nextToken=token)
        assert page is None or Counter(keys_of(page)) == own
