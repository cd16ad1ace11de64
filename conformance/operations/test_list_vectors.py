"""ListVectors: it returns all vectors in any order, in pages, and in segments on request."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation, parse_error
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex

from .calls import check_lengths_are_valid

SOURCE = sources.api("ListVectors")
DATA = {"float32": [1.0, 0.5]}
#: Found in an error message about the length of a token.
LENGTH = re.compile("length", re.IGNORECASE)

MEMBERS_BY_FLAGS: dict[str, tuple[dict[str, bool], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "data": ({"returnData": True}, {"data": DATA}),
    "metadata": ({"returnMetadata": True}, {"metadata": {"n": 1}}),
    "both": ({"returnData": True, "returnMetadata": True}, {"data": DATA, "metadata": {"n": 1}}),
    "neither": ({"returnData": False, "returnMetadata": False}, {}),
}


def make_filled_index(make_index: MakeIndex, count: int) -> IndexHandle:
    index = make_index()
    index.put(*[(f"k{number}", [1.0, float(number)]) for number in range(count)])
    return index


def keys_of(page: dict[str, Any]) -> list[str]:
    return [each["key"] for each in page["vectors"]]


def sizes(index: IndexHandle, **members: Any) -> list[int]:
    return [len(page["vectors"]) for page in index.pages("ListVectors", **members)]


def all_keys(count: int) -> Counter[str]:
    return Counter(f"k{number}" for number in range(count))


def page_or_none(index: IndexHandle, **members: Any) -> dict[str, Any] | None:
    """Return the page, or None if the request is rejected with 400."""
    try:
        return index.call("ListVectors", **members)
    except ClientError as error:
        status = parse_error(error).status
    assert status == 400
    return None


def message_of_400(index: IndexHandle, **members: Any) -> str:
    """Return the message of a request that must be rejected with 400."""
    with pytest.raises(ClientError) as raised:
        index.call("ListVectors", **members)
    error = parse_error(raised.value)
    assert error.status == 400
    return error.message


@pytest.mark.parametrize("requested", list(MEMBERS_BY_FLAGS))
@requirement(
    "list-vectors.flags",
    kind="effect",
    evidence="documented",
    source=SOURCE,
    covers="ListVectors>vectors ListVectors>vectors.key ListVectors>vectors.data "
    "ListVectors>vectors.data.float32 ListVectors>vectors.metadata",
)
def test_an_entry_has_the_requested_members(make_index: MakeIndex, requested: str) -> None:
    """Data and metadata are returned if they are requested, and only then; the key always is."""
    flags, members = MEMBERS_BY_FLAGS[requested]
    index = make_index()
    index.put(("k", [1.0, 0.5], {"n": 1}))
    assert index.call("ListVectors", **flags)["vectors"] == [{"key": "k", **members}]


@requirement("list-vectors.no-metadata", kind="detail", evidence="recorded", source=sources.MOTO_VECTORS)
def test_no_metadata_reads_as_an_empty_object(make_index: MakeIndex) -> None:
    """The metadata of a vector without metadata is returned as `{}`."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    assert index.call("ListVectors", returnMetadata=True)["vectors"] == [{"key": "k", "metadata": {}}]


@requirement("list-vectors.float32", kind="detail", evidence="documented", source=sources.LIST)
def test_values_are_float32_as_double(make_index: MakeIndex) -> None:
    """A value is written as the double that equals its float32, not as a shorter decimal."""
    index = make_index()
    index.put(("k", [0.1, 0.4]))
    (entry,) = index.call("ListVectors", returnData=True)["vectors"]
    assert entry["data"]["float32"] == [0.10000000149011612, 0.4000000059604645]


@requirement("list-vectors.empty-index", kind="effect", evidence="documented", source=SOURCE)
def test_an_empty_index_gives_an_empty_list(make_index: MakeIndex) -> None:
    """An index without vectors returns an empty list and no token."""
    page = make_index().call("ListVectors")
    assert page["vectors"] == []
    assert "nextToken" not in page


# Pages.


@requirement(
    "list-vectors.pages",
    kind="effect",
    evidence="recorded",
    source=sources.S3MOCK_VECTORS,
    covers="ListVectors>nextToken",
)
def test_pages_have_max_results_and_the_last_has_no_token(make_index: MakeIndex) -> None:
    """5 vectors with maxResults 3 come as 3 with a token, then 2 without."""
    index = make_filled_index(make_index, 5)
    assert sizes(index, maxResults=3) == [3, 2]


@pytest.mark.parametrize(("count", "size"), [(6, 3), (4, 4), (3, 1)], ids=["6-by-3", "4-by-4", "3-by-1"])
@requirement("list-vectors.full-last-page", kind="effect", evidence="recorded", source=sources.S3MOCK_VECTORS)
def test_a_full_last_page_has_no_token(make_index: MakeIndex, count: int, size: int) -> None:
    """A page has a token only if more vectors follow: a full last page has none."""
    index = make_filled_index(make_index, count)
    assert sizes(index, maxResults=size) == [size] * (count // size)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 16])
@requirement("list-vectors.pages-complete", kind="effect", evidence="documented", source=SOURCE, slow=True)
def test_pages_of_any_size_return_every_vector_once(make_index: MakeIndex, size: int) -> None:
    """All pages together return every vector once, whatever the page size."""
    index = make_filled_index(make_index, 17)
    assert Counter(each["key"] for each in index.scan(maxResults=size)) == all_keys(17)


@requirement("list-vectors.page-default", kind="effect", evidence="documented", source=SOURCE)
def test_a_page_has_500_vectors_by_default(make_index: MakeIndex) -> None:
    """Without maxResults, a page has 500 vectors: 501 come as 500 and 1."""
    index = make_filled_index(make_index, 501)
    assert sizes(index) == [500, 1]


@requirement("list-vectors.page-default-exact", kind="effect", evidence="inferred", source=SOURCE)
def test_500_vectors_are_one_page(make_index: MakeIndex) -> None:
    """500 vectors come on one page without a token."""
    assert sizes(make_filled_index(make_index, 500)) == [500]


@requirement("list-vectors.128-vectors", kind="effect", evidence="recorded", source=sources.SUPABASE)
def test_128_vectors_are_one_page(make_index: MakeIndex) -> None:
    """128 vectors come on one page by default, without a token."""
    assert sizes(make_filled_index(make_index, 128)) == [128]


@requirement(
    "list-vectors.page-largest",
    kind="effect",
    evidence="documented",
    source=sources.LIMITS,
    covers="ListVectors.maxResults.max",
)
def test_a_page_may_have_1000_vectors(make_index: MakeIndex) -> None:
    """With maxResults 1,000, a page has 1,000 vectors: 1,001 come as 1,000 and 1."""
    index = make_filled_index(make_index, 1_001)
    assert sizes(index, maxResults=1_000) == [1_000, 1]


@requirement(
    "list-vectors.page-smallest",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectors.maxResults.min",
)
def test_a_page_may_have_1_vector(make_index: MakeIndex) -> None:
    """With maxResults 1, a page has one vector."""
    assert sizes(make_filled_index(make_index, 2), maxResults=1) == [1, 1]


@pytest.mark.parametrize(("size", "bound"), [(0, "min-1"), (1_001, "max+1")])
@requirement(
    "list-vectors.max-results",
    kind="refusal",
    evidence="recorded",
    source=sources.NEIGHBOR,
    covers="ListVectors.maxResults.{bound} ListVectors!ValidationException",
)
def test_a_page_size_out_of_range_is_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, size: int, bound: str
) -> None:
    """The limit maxResults must be from 1 to 1,000."""
    del bound
    expect_error("ListVectors", {**plain_index.address, "maxResults": size}, code="ValidationException")


@requirement("list-vectors.max-results-message", kind="detail", evidence="recorded", source=sources.NEIGHBOR)
def test_the_error_of_a_page_size_gives_the_range(
    plain_index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """The error message for maxResults gives the range."""
    expect_error(
        "ListVectors",
        {**plain_index.address, "maxResults": 1_001},
        code="ValidationException",
        message=re.compile("Member must be between 1 and 1000, inclusive"),
    )


@requirement("list-vectors.page-of-1-mb", kind="detail", evidence="documented", source=SOURCE)
def test_a_page_ends_after_1_mb(make_index: MakeIndex) -> None:
    """A page also ends after 1 MB: 100 vectors of 16 KiB come on several pages, and all of them come."""
    index = make_index(dimension=4_096)
    index.put(*[(f"k{number}", [1.0] * 4_096) for number in range(100)])
    pages = [keys_of(page) for page in index.pages("ListVectors", maxResults=100, returnData=True)]
    assert len(pages) > 1
    assert Counter(key for page in pages for key in page) == all_keys(100)


# Tokens.


@requirement("list-vectors.token-text", kind="detail", evidence="documented", source=sources.LIST)
def test_a_token_is_url_safe_text(make_index: MakeIndex) -> None:
    """A token needs no escaping in a URL, and has no padding."""
    token = make_filled_index(make_index, 3).call("ListVectors", maxResults=1)["nextToken"]
    assert re.fullmatch(r"[A-Za-z0-9_.~-]+", token)


@requirement("list-vectors.token-length", kind="effect", evidence="model", source=sources.MODEL)
def test_a_token_is_not_longer_than_a_request_accepts(make_index: MakeIndex) -> None:
    """A token has at most the 2,048 characters that a request accepts, however long the keys are."""
    index = make_index()
    index.put(*[(f"{number}" + "é" * 511, [1.0, 0.5]) for number in range(3)])
    pages = list(index.pages("ListVectors", maxResults=1))
    assert len(pages) == 3
    assert all(1 <= len(page["nextToken"]) <= 2_048 for page in pages[:-1])


@requirement("list-vectors.token-again", kind="open", evidence="inferred", source=SOURCE)
def test_a_token_can_be_used_again(make_index: MakeIndex) -> None:
    """A token can be used again and returns the same page: a client may have lost the answer."""
    index = make_filled_index(make_index, 6)
    token = index.call("ListVectors", maxResults=2)["nextToken"]
    pages = [set(keys_of(index.call("ListVectors", maxResults=2, nextToken=token))) for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize("token", ["x", "not-a-token", "AAAA"], ids=["x", "words", "base64"])
@requirement(
    "list-vectors.token-unknown",
    kind="open",
    evidence="inferred",
    source=SOURCE,
    covers="ListVectors.nextToken.min",
)
def test_an_unknown_token_is_rejected(make_index: MakeIndex, token: str) -> None:
    """A token that no answer contained is rejected with 400; it does not mean the first page."""
    assert not LENGTH.search(message_of_400(make_filled_index(make_index, 3), maxResults=1, nextToken=token))


@requirement(
    "list-vectors.token-longest",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectors.nextToken.max",
)
def test_a_token_of_2048_characters_is_not_too_long(client: Any, make_index: MakeIndex) -> None:
    """A token of 2,048 characters is not rejected because of its length."""
    check_lengths_are_valid(client, "ListVectors", {**make_index().address, "nextToken": "x" * 2_048})


@pytest.mark.parametrize(("length", "bound"), [(0, "min-1"), (2_049, "max+1")])
@requirement(
    "list-vectors.token-out-of-range",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="ListVectors.nextToken.{bound}",
)
def test_a_token_of_the_wrong_length_is_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, length: int, bound: str
) -> None:
    """A token must have 1 to 2,048 characters."""
    del bound
    expect_error(
        "ListVectors", {**plain_index.address, "nextToken": "x" * length}, code="ValidationException"
    )


@requirement("list-vectors.token-of-another-index", kind="open", evidence="inferred", source=SOURCE)
def test_a_token_of_another_index_hides_nothing(make_index: MakeIndex) -> None:
    """A token of another index is rejected or ignored: no vector of this index is skipped."""
    index, other = make_filled_index(make_index, 20), make_index()
    other.put(*[(f"other{number}", [1.0, 0.5]) for number in range(20)])
    token = other.call("ListVectors", maxResults=10)["nextToken"]
    page = page_or_none(index, nextToken=token)
    assert page is None or Counter(keys_of(page)) == all_keys(20)


@requirement("list-vectors.page-size-changes", kind="open", evidence="inferred", source=SOURCE)
def test_pages_of_changing_size(make_index: MakeIndex) -> None:
    """If maxResults may change between pages, every vector still comes exactly once."""
    index = make_filled_index(make_index, 9)
    first = index.call("ListVectors", maxResults=2)
    remaining = page_or_none(index, maxResults=100, nextToken=first["nextToken"])
    assert remaining is None or Counter(keys_of(first) + keys_of(remaining)) == all_keys(9)


@requirement("list-vectors.delete-while-paging", kind="effect", evidence="inferred", source=SOURCE, slow=True)
def test_deleting_listed_vectors_skips_nothing(make_index: MakeIndex) -> None:
    """A client that deletes each page before it requests the next one sees every vector once."""
    index, seen = make_filled_index(make_index, 12), Counter[str]()
    for page in index.pages("ListVectors", maxResults=5):
        seen.update(keys_of(page))
        index.delete(*keys_of(page))
    assert seen == all_keys(12)


@requirement("list-vectors.write-while-paging", kind="effect", evidence="inferred", source=SOURCE, slow=True)
def test_writing_between_pages_hides_nothing(make_index: MakeIndex) -> None:
    """Vectors that are not changed between pages come exactly once, whatever else is written.

    Some of the new keys sort before all others: a token that is an offset would then repeat vectors.
    """
    index, seen = make_filled_index(make_index, 12), Counter[str]()
    for number, page in enumerate(index.pages("ListVectors", maxResults=5)):
        seen.update(key for key in keys_of(page) if key in all_keys(12))
        if number < 3:
            index.put(*[(f"{start}{number}", [1.0, 0.5]) for start in ("!new", "new", "~new")])
    assert seen == all_keys(12)


# Segments.


@pytest.mark.parametrize("segments", list(range(1, 17)))
@requirement(
    "list-vectors.segments", kind="effect", evidence="recorded", source=sources.SUPABASE, needs="segments"
)
def test_segments_are_disjoint_and_complete(make_index: MakeIndex, segments: int) -> None:
    """All segments of an index together contain every vector once, however many segments there are."""
    index = make_filled_index(make_index, 40)
    listed = [
        each["key"]
        for number in range(segments)
        for each in index.scan(segmentCount=segments, segmentIndex=number)
    ]
    assert Counter(listed) == all_keys(40)


@requirement(
    "list-vectors.segments-of-an-empty-index",
    kind="effect",
    evidence="documented",
    source=SOURCE,
    needs="segments",
)
def test_segments_may_be_empty(make_index: MakeIndex) -> None:
    """A segment without vectors is an empty list without a token."""
    page = make_index().call("ListVectors", segmentCount=4, segmentIndex=3)
    assert page["vectors"] == []
    assert "nextToken" not in page


@requirement(
    "list-vectors.segments-in-pages",
    kind="effect",
    evidence="documented",
    source=SOURCE,
    needs="segments",
    slow=True,
)
def test_segments_have_pages(make_index: MakeIndex) -> None:
    """Each segment has its own pages of at most maxResults, and all together contain every vector once."""
    index, listed = make_filled_index(make_index, 40), Counter[str]()
    for number in range(4):
        for page in index.pages("ListVectors", segmentCount=4, segmentIndex=number, maxResults=3):
            assert len(page["vectors"]) <= 3
            listed.update(keys_of(page))
    assert listed == all_keys(40)


@requirement(
    "list-vectors.segments-stay", kind="effect", evidence="inferred", source=SOURCE, needs="segments"
)
def test_a_vector_stays_in_its_segment(make_index: MakeIndex) -> None:
    """While nothing is written, a segment contains the same vectors each time."""
    index = make_filled_index(make_index, 40)
    scans = [{each["key"] for each in index.scan(segmentCount=3, segmentIndex=1)} for _ in range(2)]
    assert scans[0] == scans[1]


@requirement(
    "list-vectors.segments-share",
    kind="open",
    evidence="inferred",
    source=SOURCE,
    needs="segments",
    slow=True,
)
def test_segments_have_similar_sizes(make_index: MakeIndex) -> None:
    """Of 1,000 vectors in 4 segments, no segment has nearly all: segments exist for parallel reading."""
    index = make_filled_index(make_index, 1_000)
    counts = [len(index.scan(segmentCount=4, segmentIndex=number)) for number in range(4)]
    assert sum(counts) == 1_000
    assert max(counts) < 900


@requirement(
    "list-vectors.segment-flags", kind="effect", evidence="documented", source=SOURCE, needs="segments"
)
def test_segments_return_data_and_metadata(make_index: MakeIndex) -> None:
    """The flags returnData and returnMetadata apply to segments, too."""
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
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="segments",
    covers="ListVectors.{word}",
)
def test_1_to_16_segments_are_accepted(make_index: MakeIndex, count: int, number: int, word: str) -> None:
    """An index can be read in 1 to 16 segments, numbered from 0."""
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
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="segments",
    covers="ListVectors.{word}",
)
def test_segments_out_of_range_are_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, count: int, number: int, word: str
) -> None:
    """The members segmentCount and segmentIndex must be from 1 to 16 and from 0 to 15."""
    del word
    members = {**plain_index.address, "segmentCount": count, "segmentIndex": number}
    expect_error("ListVectors", members, code="ValidationException")


@pytest.mark.parametrize(
    "members",
    [
        {"segmentCount": 4, "segmentIndex": 4},
        {"segmentCount": 1, "segmentIndex": 1},
    ],
    ids=["number-is-count", "1-of-1"],
)
@requirement(
    "list-vectors.segment-pairs", kind="refusal", evidence="documented", source=SOURCE, needs="segments"
)
def test_segment_members_must_match(
    plain_index: IndexHandle, expect_error: ErrorExpectation, members: dict[str, int]
) -> None:
    """The member segmentIndex must be below segmentCount."""
    expect_error("ListVectors", {**plain_index.address, **members}, code="ValidationException")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"segmentCount": 2}, {"segmentCount": 2, "segmentIndex": 0}),
        ({"segmentIndex": 0}, {"segmentCount": 1, "segmentIndex": 0}),
    ],
    ids=["count-alone", "number-alone"],
)
@requirement(
    "list-vectors.segment-defaults",
    kind="detail",
    evidence="documented",
    source=sources.SMITHY_MODEL,
    needs="segments",
)
def test_segment_members_have_defaults(
    make_index: MakeIndex, given: dict[str, int], meant: dict[str, int]
) -> None:
    """Without segmentIndex it is segment 0, and without segmentCount there is 1 segment."""
    index = make_filled_index(make_index, 40)
    assert {each["key"] for each in index.scan(**given)} == {each["key"] for each in index.scan(**meant)}


@requirement(
    "list-vectors.segment-of-a-token", kind="open", evidence="inferred", source=SOURCE, needs="segments"
)
def test_a_token_of_another_segment_hides_nothing(make_index: MakeIndex) -> None:
    """A token of another segment is rejected or ignored: no vector of this segment is skipped."""
    index = make_filled_index(make_index, 40)
    for given, requested in ((0, 1), (1, 0)):
        token = index.call("ListVectors", segmentCount=2, segmentIndex=given, maxResults=1)["nextToken"]
        expected = Counter(each["key"] for each in index.scan(segmentCount=2, segmentIndex=requested))
        page = page_or_none(index, segmentCount=2, segmentIndex=requested, nextToken=token)
        assert page is None or Counter(keys_of(page)) == expected
