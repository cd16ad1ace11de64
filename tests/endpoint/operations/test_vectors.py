from __future__ import annotations

import math
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.storage.state import State

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

FLOAT32_MAX = 3.4028234663852886e38
SMALLEST = 1.401298464324817e-45


def record(key: str, *values: float, metadata: Any = None) -> dict[str, Any]:
    result: dict[str, Any] = {"key": key, "data": {"float32": list(values)}}
    return result if metadata is None else {**result, "metadata": metadata}


def keys(response: dict[str, Any]) -> list[str]:
    return [each["key"] for each in response["vectors"]]


def scan(service: Service, address: dict[str, str], **members: Any) -> list[list[str]]:
    """Return the keys of every page."""
    pages: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        page = service("ListVectors", **address, **members, **token)
        pages.append(keys(page))
        if "nextToken" not in page:
            return pages
        token = {"nextToken": page["nextToken"]}


def filled(service: Service, count: int, **settings: Any) -> dict[str, str]:
    address = service.index(**settings)
    for start in range(0, count, 500):
        batch = [record(f"key-{number:05}", number, 1) for number in range(start, min(count, start + 500))]
        service("PutVectors", **address, vectors=batch)
    return address


# --- put and get ---


def test_only_the_requested_members_are_returned(service: Service) -> None:
    """Always the key, data and metadata on request; metadata is `{}` if there is none."""
    address = service.index()
    service("PutVectors", **address, vectors=[record("a", 1, 2, metadata={"n": 1}), record("b", 3, 4)])
    assert service("GetVectors", **address, keys=["a"]) == {"vectors": [{"key": "a"}]}
    assert service("GetVectors", **address, keys=["a"], returnData=True, returnMetadata=False) == {
        "vectors": [{"key": "a", "data": {"float32": [1.0, 2.0]}}]
    }
    assert service("GetVectors", **address, keys=["b"], returnMetadata=True) == {
        "vectors": [{"key": "b", "metadata": {}}]
    }


def test_floats_read_back_as_float32_widened_to_double(service: Service) -> None:
    """0.4 reads back as a slightly different number. Documented."""
    address = service.index()
    service("PutVectors", **address, vectors=[record("a", 0.4, 0.1)])
    body = service.send_body("GetVectors", orjson.dumps({**address, "keys": ["a"], "returnData": True})).body
    assert b"[0.4000000059604645,0.10000000149011612]" in body


@given(values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
@example(values=[FLOAT32_MAX, -FLOAT32_MAX, SMALLEST, -SMALLEST, 0.0, -0.0, 1.1754943508222875e-38])
def test_every_float32_reads_back_bit_for_bit(new_service: type[Service], values: list[float]) -> None:
    """Subnormals, signed zeros and extremes included."""
    service = new_service()
    address = service.index(dimension=len(values))
    service("PutVectors", **address, vectors=[record("a", *values)])
    (one,) = service("GetVectors", **address, keys=["a"], returnData=True)["vectors"]
    form = f"{len(values)}d"
    assert struct.pack(form, *one["data"]["float32"]) == struct.pack(form, *values)


def test_a_put_replaces_the_whole_vector(service: Service) -> None:
    """Old metadata is removed, even if the new record has none."""
    address = service.index()
    service("PutVectors", **address, vectors=[record("a", 1, 2, metadata={"old": 1})])
    service("PutVectors", **address, vectors=[record("a", 3, 4)])
    assert service("GetVectors", **address, keys=["a"], returnData=True, returnMetadata=True) == {
        "vectors": [{"key": "a", "data": {"float32": [3.0, 4.0]}, "metadata": {}}]
    }


def test_unknown_keys_are_omitted_and_repeated_ones_are_returned_once(service: Service) -> None:
    """If no key exists, the list is empty and the request succeeds."""
    address = service.index()
    service("PutVectors", **address, vectors=[record("a", 1, 2), record("b", 1, 2)])
    assert sorted(keys(service("GetVectors", **address, keys=["b", "nope", "a", "b"]))) == ["a", "b"]
    assert service("GetVectors", **address, keys=["nope"]) == {"vectors": []}


def test_vectors_are_not_returned_in_the_order_of_the_request(service: Service) -> None:
    """Nor in reverse order: a client that zips them with its keys must notice."""
    address = filled(service, 50)
    requested = [f"key-{number:05}" for number in range(50)]
    returned = keys(service("GetVectors", **address, keys=requested))
    assert sorted(returned) == requested
    assert returned not in (requested, requested[::-1])


def test_metadata_reads_back_as_given(service: Service) -> None:
    """Strings, numbers, booleans, arrays, unusual keys."""
    address = service.index()
    metadata = {
        "": "x",
        "$eq": 1,
        "a.b": 1.5,
        "t": True,
        "l": ["a", "a", ""],
        "m": [1, 2.5],
        "big": 2**53 + 1,
    }
    service(
        "PutVectors",
        **address,
        vectors=[record("a", 1, 2, metadata=metadata), record("b", 1, 2, metadata={})],
    )
    one, other = sorted(
        service("GetVectors", **address, keys=["a", "b"], returnMetadata=True)["vectors"],
        key=lambda each: each["key"],
    )
    assert one["metadata"] == metadata
    assert [type(value) for value in one["metadata"].values()] == [type(value) for value in metadata.values()]
    assert other["metadata"] == {}


# --- refused puts ---

LONG = "x" * 2036
BAD: list[tuple[dict[str, Any], str, str]] = [
    (record("bad", 1), "vector must have length 2, but has length 1", ""),
    (record("bad"), "vector must have length 2, but has length 0", ""),
    (record("bad", 1, 1, 1), "vector must have length 2, but has length 3", ""),
    (record("bad", 1, "NaN"), "vector contains NaNs or Infs", ""),  # type: ignore[arg-type]
    (record("bad", 1, "-Infinity"), "vector contains NaNs or Infs", ""),  # type: ignore[arg-type]
    (record("bad", 1, 3.5e38), "vector contains NaNs or Infs", ""),
    (record("bad", 0, -0.0), "cosine distance does not support vectors with zero norm", ""),
    (record("bad", 1e-46, 0), "cosine distance does not support vectors with zero norm", ""),
    (record("bad", 1, 2, metadata=[]), "Metadata must be an object", ".metadata"),
    (
        record("bad", 1, 2, metadata={"a": {"b": 1}}),
        "Metadata values must be strings, numbers, booleans, or arrays",
        ".metadata",
    ),
    (
        record("bad", 1, 2, metadata={"a": None}),
        "Metadata values must be strings, numbers, booleans, or arrays",
        ".metadata",
    ),
    (record("bad", 1, 2, metadata={"a": []}), "Empty arrays are not allowed in metadata", ".metadata"),
    (
        record("bad", 1, 2, metadata={"a": [1, "b"]}),
        "Metadata array values must be strings or numbers",
        ".metadata",
    ),
    (
        record("bad", 1, 2, metadata={"a": [True]}),
        "Metadata array values must be strings or numbers",
        ".metadata",
    ),
    (
        record("bad", 1, 2, metadata={"raw": {"b": 1}}),
        "Metadata values must be strings, numbers, booleans, or arrays",
        ".metadata",
    ),
    (
        record("bad", 1, 2, metadata={str(n): 1 for n in range(51)}),
        "Metadata object must have at most 50 keys",
        ".metadata",
    ),
    (
        record("bad", 1, 2, metadata={"f": LONG}),
        "Filterable metadata must have at most 2048 bytes",
        ".metadata",
    ),
    (
        record("bad", 1, 2, metadata={"raw": "x" * 40_946}),
        "Metadata object must have at most 40960 bytes",
        ".metadata",
    ),
]


@pytest.mark.parametrize(("bad", "reason", "path"), BAD)
def test_one_invalid_record_refuses_the_whole_put(
    service: Service, bad: dict[str, Any], reason: str, path: str
) -> None:
    """The error has the reason and the path; nothing of the request is stored."""
    address = service.index(
        distanceMetric="cosine", metadataConfiguration={"nonFilterableMetadataKeys": ["raw"]}
    )
    error = service.error("PutVectors", **address, vectors=[record("good", 1, 2), bad, record("last", 1, 2)])
    assert (error.status, error.code) == (400, "ValidationException")
    assert error.message == f"Invalid record for key 'bad': {reason}"
    assert error.paths == (f"vectors[1]{path}",)
    assert service("ListVectors", **address) == {"vectors": []}


def test_the_first_invalid_record_is_reported(service: Service) -> None:
    """Records are checked in order; in each, the vector before the metadata."""
    address = service.index()
    batch = [record("one", 1, 2, metadata={"a": None}), record("two", 1)]
    assert "key 'one'" in service.error("PutVectors", **address, vectors=batch).message
    batch = [record("two", 1, metadata={"a": None}), record("one", 1, 2, metadata={"a": None})]
    assert "must have length" in service.error("PutVectors", **address, vectors=batch).message


@pytest.mark.parametrize(
    "metadata", [{"f": "x" * 2035}, {"raw": "x" * 40_945}, {str(n): 1 for n in range(50)}, {"": ""}]
)
def test_metadata_at_its_limits_is_accepted(service: Service, metadata: dict[str, Any]) -> None:
    """2,048 bytes filterable, 40,960 in total, 50 keys, by the service's size model."""
    address = service.index(metadataConfiguration={"nonFilterableMetadataKeys": ["raw"]})
    service("PutVectors", **address, vectors=[record("a", 1, 2, metadata=metadata)])


@pytest.mark.parametrize("values", [(FLOAT32_MAX, -FLOAT32_MAX), (SMALLEST, 0)])
def test_extremes_of_float32_are_accepted_under_cosine(service: Service, values: tuple[float, float]) -> None:
    """They are neither infinite nor zero: the norm of the smallest subnormal is not zero."""
    address = service.index(distanceMetric="cosine")
    service("PutVectors", **address, vectors=[record("a", *values)])
    query = {"float32": list(values)}
    (hit,) = service("QueryVectors", **address, topK=1, queryVector=query, returnDistance=True)["vectors"]
    assert hit["distance"] == pytest.approx(0, abs=1e-6)


def test_a_zero_vector_is_valid_under_euclidean(service: Service) -> None:
    """Only cosine needs a norm."""
    address = service.index(distanceMetric="euclidean")
    service("PutVectors", **address, vectors=[record("a", 0, 0)])


@pytest.mark.parametrize("operation", ["PutVectors", "GetVectors", "DeleteVectors"])
def test_a_key_has_at_most_1024_bytes_in_utf_8(service: Service, operation: str) -> None:
    """In addition to at most 1,024 characters. Observed on AWS, 2026-09."""
    address = service.index()

    def members(key: str) -> dict[str, Any]:
        return {"vectors": [record(key, 1, 2)]} if operation == "PutVectors" else {"keys": [key]}

    service(operation, **address, **members("é" * 512))
    service(operation, **address, **members("k" * 1024))
    error = service.error(operation, **address, **members("é" * 512 + "k"))
    assert (error.status, error.message) == (400, "Record key length exceeds the maximum allowed")


@pytest.mark.parametrize("operation", ["PutVectors", "DeleteVectors"])
def test_a_write_with_a_repeated_key_is_refused(service: Service, operation: str) -> None:
    """Nothing is written."""
    address = service.index()
    service("PutVectors", **address, vectors=[record("a", 1, 2)])
    members: dict[str, dict[str, Any]] = {
        "PutVectors": {"vectors": [record("b", 1, 2), record("b", 1, 2)]},
        "DeleteVectors": {"keys": ["a", "a"]},
    }
    error = service.error(operation, **address, **members[operation])
    assert (error.status, error.message) == (400, "Request must not contain duplicate keys")
    assert keys(service("ListVectors", **address)) == ["a"]


# --- delete ---


def test_deleting_unknown_keys_is_a_success(service: Service) -> None:
    """200 with an empty response, also for a repeated delete."""
    address = filled(service, 10)
    assert service("DeleteVectors", **address, keys=["key-00003", "nope"]) == {}
    assert service("DeleteVectors", **address, keys=["key-00003"]) == {}
    assert sorted(keys(service("ListVectors", **address))) == [f"key-{n:05}" for n in range(10) if n != 3]
    query = {"float32": [3.0, 1.0]}
    assert "key-00003" not in keys(service("QueryVectors", **address, topK=10, queryVector=query))


# --- list ---


def test_the_order_of_a_list_is_neither_insertion_order_nor_key_order(service: Service) -> None:
    """It is the same for every index that holds the same keys."""
    address, other = filled(service, 30), service.index("other")
    listed = keys(service("ListVectors", **address))
    assert listed != sorted(listed)
    assert listed != sorted(listed, reverse=True)
    service("PutVectors", **other, vectors=[record(key, 1, 2) for key in sorted(listed, reverse=True)])
    assert keys(service("ListVectors", **other)) == listed


@pytest.mark.parametrize("size", [1, 2, 3, 7, 36, 37, 38, 1000])
@pytest.mark.parametrize("segments", range(1, 17))
def test_pages_and_segments_are_complete_and_disjoint(service: Service, size: int, segments: int) -> None:
    """Every key occurs once, for any page size and number of segments."""
    address = filled(service, 37)
    pages = [
        page
        for index in range(segments)
        for page in scan(service, address, maxResults=size, segmentCount=segments, segmentIndex=index)
    ]
    assert all(len(page) <= size for page in pages)
    seen = [key for page in pages for key in page]
    assert sorted(seen) == [f"key-{number:05}" for number in range(37)]


def test_a_count_of_segments_alone_means_the_first(service: Service) -> None:
    """The defaults of AWS's model are segment 0 of 1. Go's SDK never sends the 0."""
    address = filled(service, 20)
    first = scan(service, address, segmentCount=4, maxResults=2)
    assert first == scan(service, address, segmentCount=4, segmentIndex=0, maxResults=2)
    assert scan(service, address, segmentIndex=0) == scan(service, address)


def test_one_segment_is_the_whole_list(service: Service) -> None:
    """In the order of the list without segments."""
    address = filled(service, 20)
    assert scan(service, address, segmentCount=1, segmentIndex=0) == scan(service, address)


def test_the_last_page_has_no_token(service: Service) -> None:
    """Five vectors, three to a page: a page of three with a token, a page of two without. Also if the pages
    are full.
    """
    address = filled(service, 5)
    assert list(map(len, scan(service, address, maxResults=3))) == [3, 2]
    assert list(map(len, scan(service, address, maxResults=5))) == [5]
    assert scan(service, service.index("empty")) == [[]]


def test_a_page_is_500_by_default_and_ends_at_1_mib(service: Service) -> None:
    """1 MiB of stored data: 4 bytes for each dimension, the key, and metadata by the size model."""
    assert list(map(len, scan(service, filled(service, 501)))) == [500, 1]
    wide = service.index("wide", dimension=4096)
    for start in range(0, 80, 16):
        batch = [record(f"{number:04}", *[0.5] * 4096) for number in range(start, start + 16)]
        service("PutVectors", **wide, vectors=batch)
    # (4 * 4,096 + 4) * 63 = 1,032,444 bytes; one more vector exceeds 1,048,576.
    assert list(map(len, scan(service, wide))) == [63, 17]


def test_metadata_counts_towards_the_size_of_a_page(service: Service) -> None:
    """30 records of about 40 kB exceed 1 MiB, whether or not metadata is returned."""
    address = service.index(metadataConfiguration={"nonFilterableMetadataKeys": ["raw"]})
    batch = [record(f"{number:02}", 1, 2, metadata={"raw": "x" * 40_000}) for number in range(30)]
    service("PutVectors", **address, vectors=batch)
    # 2 * 4 + 2 + 4 + 8 + 3 + 40,000 = 40,025 bytes; 26 of them are 1,040,650.
    assert list(map(len, scan(service, address))) == [26, 4]


def test_a_scan_returns_every_key_that_exists_throughout(service: Service) -> None:
    """Writes between pages have no effect on it, because a token holds a position in the order, not a row
    count.
    """
    address = filled(service, 40)
    first = service("ListVectors", **address, maxResults=10)
    service("DeleteVectors", **address, keys=keys(first))
    service("PutVectors", **address, vectors=[record(f"new-{number}", 1, 2) for number in range(40)])
    token, seen = first["nextToken"], keys(first)
    while token:
        page = service("ListVectors", **address, maxResults=10, nextToken=token)
        token, seen = page.get("nextToken"), seen + keys(page)
    assert len(set(seen)) == len(seen)
    assert {f"key-{number:05}" for number in range(40)} <= set(seen)


def test_a_token_is_valid_only_for_its_list(service: Service) -> None:
    """Another index, another segment, a new index of the same name, and nonsense are a 400."""
    address, other = filled(service, 5), service.index("other")
    token = service("ListVectors", **address, maxResults=2)["nextToken"]
    assert (
        len(service("ListVectors", **address, maxResults=1, returnData=True, nextToken=token)["vectors"]) == 1
    )
    wrong: list[dict[str, Any]] = [
        {**other, "nextToken": token},
        {**address, "nextToken": token, "segmentCount": 2, "segmentIndex": 0},
        {**address, "nextToken": "nonsense"},
        {**address, "nextToken": "%%%"},
        {**address, "nextToken": "é"},
    ]
    for members in wrong:
        error = service.error("ListVectors", **members)
        assert (error.status, error.code, error.message) == (
            400,
            "ValidationException",
            "Invalid page token",
        )
    service("DeleteIndex", **address)
    service.index()
    assert service.error("ListVectors", **address, nextToken=token).message == "Invalid page token"


@given(junk=st.binary(min_size=1, max_size=40))
def test_a_token_with_an_invalid_position_does_no_harm(new_service: type[Service], junk: bytes) -> None:
    """With a valid scope id, any bytes after it are at worst another position."""
    service = new_service()
    address = service.index()
    service("PutVectors", **address, vectors=[record("a", 1, 2), record("b", 1, 2)])
    token = service("ListVectors", **address, maxResults=1)["nextToken"]
    mark = urlsafe_b64decode(token + "=" * (-len(token) % 4))[:8]
    forged = urlsafe_b64encode(mark + junk).decode().rstrip("=")
    assert len(service("ListVectors", **address, nextToken=forged)["vectors"]) <= 2


@pytest.mark.parametrize(
    "members",
    [
        {"segmentIndex": 1},
        {"segmentCount": 2, "segmentIndex": 2},
        {"segmentCount": 1, "segmentIndex": 15},
    ],
)
def test_segment_number_and_count_must_match(service: Service, members: dict[str, int]) -> None:
    """The number is less than the count. The text is inferred."""
    error = service.error("ListVectors", **service.index(), **members)
    assert (error.status, error.code) == (400, "ValidationException")


def test_a_long_key_fits_in_a_token(service: Service) -> None:
    """A token has at most 2,048 characters."""
    address = service.index()
    awkward = ["\x01" * 1024, "\N{GRINNING FACE}" * 256, "k" * 1024]
    service("PutVectors", **address, vectors=[record(key, 1, 2) for key in awkward])
    assert sorted(key for page in scan(service, address, maxResults=1) for key in page) == sorted(awkward)


def test_sizes_and_distances_are_finite_numbers(service: Service) -> None:
    """JSON has no infinity: a squared distance beyond float32 becomes its largest number."""
    address = service.index()
    service("PutVectors", **address, vectors=[record("a", FLOAT32_MAX, FLOAT32_MAX)])
    query = {"float32": [-FLOAT32_MAX, -FLOAT32_MAX]}
    (hit,) = service("QueryVectors", **address, topK=1, queryVector=query, returnDistance=True)["vectors"]
    assert math.isfinite(hit["distance"])
    assert hit["distance"] == FLOAT32_MAX


def test_a_switch_lets_the_last_of_repeated_keys_win(new_service: type[Service]) -> None:
    """Sources disagree on what AWS does. An invalid record among them is refused all the same."""
    service = new_service(State(behaviour=Behaviour(refuses_duplicate_keys=False)))
    address = service.index()
    batch = [record("a", 1, 1), record("b", 2, 2), record("a", 3, 3, metadata={"n": 3}), record("b", 4, 4)]
    service("PutVectors", **address, vectors=batch)
    found = service("GetVectors", **address, keys=["a", "b"], returnData=True, returnMetadata=True)["vectors"]
    assert sorted(found, key=lambda each: str(each["key"])) == [
        {"key": "a", "data": {"float32": [3.0, 3.0]}, "metadata": {"n": 3}},
        {"key": "b", "data": {"float32": [4.0, 4.0]}, "metadata": {}},
    ]
    bad = [record("a", 1), record("a", 5, 5)]
    assert service.error("PutVectors", **address, vectors=bad).paths == ("vectors[0]",)
