from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.storage.query_snapshots import Snapshots
from vecgate.endpoint.storage.state import State

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

FLOAT32_MAX = 3.4028234663852886e38
BAD_VECTOR = "Query vector contains invalid values or is invalid for this index"


def put(service: Service, address: dict[str, str], vectors: dict[str, list[float]], **metadata: Any) -> None:
    batch = [
        {"key": key, "data": {"float32": values}, **({"metadata": metadata[key]} if key in metadata else {})}
        for key, values in vectors.items()
    ]
    service("PutVectors", **address, vectors=batch)


def query(service: Service, address: dict[str, str], *values: float, **members: Any) -> dict[str, Any]:
    query_members = {"topK": 10, "queryVector": {"float32": list(values)}, **members}
    return service("QueryVectors", **address, **query_members)


def keys(response: dict[str, Any]) -> list[str]:
    return [each["key"] for each in response["vectors"]]


def test_euclidean_distances_are_squared(service: Service) -> None:
    """Points at 0, 5 and 17 have distances 0, 25 and 289. Observed on AWS, 2026-06."""
    address = service.index(distanceMetric="euclidean")
    put(service, address, {"far": [8, 15], "near": [3, 4], "here": [0, 0]})
    assert query(service, address, 0, 0, returnDistance=True) == {
        "vectors": [
            {"key": "here", "distance": 0.0},
            {"key": "near", "distance": 25.0},
            {"key": "far", "distance": 289.0},
        ],
        "distanceMetric": "euclidean",
    }


def test_cosine_distances_are_one_minus_similarity(service: Service) -> None:
    """Identical 0, orthogonal 1, opposite 2, for any length. Observed on AWS, 2026-09."""
    address = service.index(distanceMetric="cosine")
    put(service, address, {"same": [1, 0], "longer": [20, 0], "across": [0, 3], "back": [-1, 0]})
    response = query(service, address, 2, 0, returnDistance=True)
    assert keys(response) == ["longer", "same", "across", "back"]
    assert [each["distance"] for each in response["vectors"]] == pytest.approx([0, 0, 1, 2], abs=1e-6)
    assert response["distanceMetric"] == "cosine"


def test_a_known_cosine_distance(service: Service) -> None:
    """[1,1,1] to [1,1,2] is 0.0571909584 in float32. Observed on AWS, 2026-09."""
    address = service.index(dimension=3, distanceMetric="cosine")
    put(service, address, {"a": [1, 1, 2]})
    (hit,) = query(service, address, 1, 1, 1, returnDistance=True)["vectors"]
    assert hit["distance"] == pytest.approx(0.0571909584, abs=1e-7)


def test_only_the_requested_members_are_returned(service: Service) -> None:
    """Always the key, distance and metadata on request, the vector never."""
    address = service.index()
    put(service, address, {"a": [1, 2], "b": [1, 3]}, a={"n": 1})
    assert query(service, address, 1, 2)["vectors"] == [{"key": "a"}, {"key": "b"}]
    assert query(service, address, 1, 2, returnMetadata=True)["vectors"] == [
        {"key": "a", "metadata": {"n": 1}},
        {"key": "b", "metadata": {}},
    ]


def test_top_k_limits_the_results(service: Service) -> None:
    """If fewer are stored, all are returned."""
    address = service.index()
    put(service, address, {f"k{n}": [n, 0] for n in range(5)})
    assert keys(query(service, address, 0, 0, topK=3)) == ["k0", "k1", "k2"]
    assert len(keys(query(service, address, 0, 0, topK=10_000))) == 5


def test_equal_distances_are_ordered_by_key(service: Service) -> None:
    """Also if topK separates equal ones. The service's order is not known."""
    address = service.index()
    put(service, address, {key: [1, 1] for key in "dbca"})
    assert keys(query(service, address, 0, 0)) == ["a", "b", "c", "d"]
    assert keys(query(service, address, 0, 0, topK=2)) == ["a", "b"]


def test_a_filter_limits_the_search(service: Service) -> None:
    """Returns the nearest matches; no match is not an error, and a vector without metadata counts as `{}`."""
    address = service.index()
    put(
        service,
        address,
        {f"k{n}": [n, 0] for n in range(6)},
        k1={"odd": True},
        k3={"odd": True},
        k4={"odd": False},
    )
    assert keys(query(service, address, 0, 0, filter={"odd": True})) == ["k1", "k3"]
    assert keys(query(service, address, 0, 0, filter={"odd": True}, topK=1)) == ["k1"]
    assert keys(query(service, address, 0, 0, filter={"odd": {"$exists": False}})) == ["k0", "k2", "k5"]
    assert query(service, address, 0, 0, filter={"odd": "x"}) == {
        "vectors": [],
        "distanceMetric": "euclidean",
    }


def test_an_empty_index_finds_nothing(service: Service) -> None:
    """200 with an empty list."""
    assert query(service, service.index(), 0, 0)["vectors"] == []


@pytest.mark.parametrize("document", [{}, {"a": 1, "b": 2}, {"$schema": 1}, "a", [], 1])
def test_an_invalid_filter_is_refused(service: Service, document: object) -> None:
    """400 at `filter`. An empty object is not the same as no filter."""
    error = service.error(
        "QueryVectors", **service.index(), topK=1, queryVector={"float32": [1.0, 2.0]}, filter=document
    )
    assert (error.status, error.message, error.paths) == (400, "Invalid filter", ("filter",))


def test_a_non_filterable_key_in_a_filter_is_refused(service: Service) -> None:
    """400 with the service's message."""
    address = service.index(metadataConfiguration={"nonFilterableMetadataKeys": ["raw"]})
    error = service.error(
        "QueryVectors", **address, topK=1, queryVector={"float32": [1.0, 2.0]}, filter={"raw": "x"}
    )
    assert (error.status, error.message) == (400, "Invalid use of non-filterable metadata in filter")


@pytest.mark.parametrize("values", [[], [1], [1, 2, 3], [1, "NaN"], ["Infinity", 1], [1, 1e39]])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_query_vector_must_match_the_index(service: Service, metric: str, values: list[Any]) -> None:
    """Its length, and that it is finite after rounding to float32."""
    error = service.error(
        "QueryVectors", **service.index(distanceMetric=metric), topK=1, queryVector={"float32": values}
    )
    assert (error.status, error.message, error.paths) == (400, BAD_VECTOR, ("vector",))


def test_a_zero_query_vector_is_refused_under_cosine(service: Service) -> None:
    """400 with a different text in `fieldList`; it is valid under euclidean."""
    members = {"topK": 1, "queryVector": {"float32": [0.0, 0.0]}}
    cosine = service.index("cosine", distanceMetric="cosine")
    response = service.send_body("QueryVectors", orjson.dumps({**cosine, **members}))
    assert response.status == 400
    assert orjson.loads(response.body) == {
        "message": BAD_VECTOR,
        "fieldList": [
            {
                "path": "vector",
                "message": "Invalid input: cosine distance does not support vectors with zero norm",
            }
        ],
    }
    service("QueryVectors", **service.index("euclidean"), **members)


def test_the_mode_of_a_query_cannot_be_classic(service: Service) -> None:
    """400 on an ENHANCED index; ENHANCED is accepted and changes nothing. Observed on AWS, 2026-10."""
    address = service.index()
    members = {"topK": 1, "queryVector": {"float32": [0.0, 0.0]}}
    error = service.error("QueryVectors", **address, **members, queryMode="CLASSIC")
    assert (error.status, error.message) == (
        400,
        "queryMode cannot be CLASSIC when indexMode is ENHANCED",
    )
    service("QueryVectors", **address, **members, queryMode="ENHANCED")


def test_a_query_without_vector_and_texts_is_refused(service: Service) -> None:
    assert service.error("QueryVectors", **service.index(), topK=1).status == 400


@pytest.mark.parametrize("sign", [{"$ne": "x"}, {"$nin": ["x"]}])
@pytest.mark.parametrize(("differs", "found"), [(True, ["none", "other"]), (False, ["other"])])
def test_a_switch_decides_whether_negations_match_an_absent_key(
    new_service: type[Service], sign: dict[str, Any], found: list[str], *, differs: bool
) -> None:
    """No source says what AWS does with `$ne` and `$nin`; by default they match, as negations."""
    service = new_service(State(behaviour=Behaviour(ne_matches_absent=differs)))
    address = service.index()
    put(
        service, address, {"none": [0, 0], "other": [1, 1], "same": [2, 2]}, other={"t": "y"}, same={"t": "x"}
    )
    assert keys(query(service, address, 0, 0, filter={"t": sign})) == found


# --- pages ---


def many(service: Service, count: int = 250) -> dict[str, str]:
    address = service.index()
    put(
        service,
        address,
        {f"k{n:04}": [n, 0] for n in range(count)},
        **{f"k{n:04}": {"n": n} for n in range(count)},
    )
    return address


def pages(service: Service, address: dict[str, str], **members: Any) -> list[list[str]]:
    response = query(service, address, 0, 0, **members)
    found = [keys(response)]
    while "nextToken" in response:
        response = query(service, address, 0, 0, **members, nextToken=response["nextToken"])
        found.append(keys(response))
    return found


@pytest.mark.parametrize(
    ("top_k", "sizes"),
    [(99, [99]), (100, [100]), (101, [100, 1]), (200, [100, 100]), (10_000, [100, 100, 50])],
)
def test_a_page_holds_at_most_100_results(service: Service, top_k: int, sizes: list[int]) -> None:
    """Pages contain every result once and in order; the last one has no token."""
    found = pages(service, many(service), topK=top_k)
    assert list(map(len, found)) == sizes
    assert [key for page in found for key in page] == [f"k{n:04}" for n in range(sum(sizes))]


def test_writes_between_pages_have_no_effect(service: Service) -> None:
    """Later pages are from the time of the first: without later deletes, replacements and inserts."""
    address = many(service)
    first = query(service, address, 0, 0, topK=200)
    service("DeleteVectors", **address, keys=["k0150"])
    put(service, address, {"k0151": [0, 0], "new": [0, 0]}, k0151={"n": "replaced"})
    second = query(service, address, 0, 0, topK=200, nextToken=first["nextToken"], returnMetadata=True)
    assert keys(second) == [f"k{n:04}" for n in range(100, 200)]
    assert second["vectors"][51]["metadata"] == {"n": 151}


def test_a_page_can_be_requested_again(service: Service) -> None:
    """A retry gets the same page."""
    address = many(service)
    token = query(service, address, 0, 0, topK=250)["nextToken"]
    repeated = [query(service, address, 0, 0, topK=250, nextToken=token) for _ in range(2)]
    assert repeated[0] == repeated[1]


def test_the_returned_members_may_differ_between_pages(service: Service) -> None:
    """Only the query must stay the same."""
    address = many(service)
    token = query(service, address, 0, 0, topK=250)["nextToken"]
    page = query(service, address, 0, 0, topK=250, nextToken=token, returnDistance=True)
    assert page["vectors"][0] == {"key": "k0100", "distance": 10_000.0}


def test_a_token_is_refused_with_another_query(service: Service) -> None:
    """A different vector, topK, filter, mode or index is a 400. The text is inferred from that for an expired
    token.
    """
    address, other = many(service), service.index("other")
    query_members = {"topK": 200, "queryVector": {"float32": [0.0, 0.0]}, "filter": {"n": {"$gte": 0}}}
    token = service("QueryVectors", **address, **query_members)["nextToken"]
    changes: list[dict[str, Any]] = [
        {**address, **query_members, "topK": 201},
        {**address, **query_members, "queryVector": {"float32": [0.0, 1.0]}},
        {**address, **query_members, "filter": {"n": {"$gte": 1}}},
        {**address, **query_members, "queryMode": "ENHANCED"},
        {**other, **query_members},
    ]
    for members in changes:
        error = service.error("QueryVectors", **members, nextToken=token)
        assert (error.status, error.message) == (400, "Invalid page token")
    assert service("QueryVectors", **address, **query_members, nextToken=token)["vectors"]


@pytest.mark.parametrize("token", ["x", "nonsense", "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA", "%", "é"])
def test_an_invented_token_is_refused(service: Service, token: str) -> None:
    """With a 400."""
    error = service.error(
        "QueryVectors", **many(service), topK=200, queryVector={"float32": [0.0, 0.0]}, nextToken=token
    )
    assert (error.status, error.message) == (400, "Invalid page token")


def test_a_token_expires_after_some_minutes(service: Service) -> None:
    """It is valid after five and not after sixteen. Observed on AWS, 2026-10."""
    address = many(service)
    token = query(service, address, 0, 0, topK=200)["nextToken"]
    service.now += 5 * 60
    query(service, address, 0, 0, topK=200, nextToken=token)
    service.now += 11 * 60
    error = service.error(
        "QueryVectors", **address, topK=200, queryVector={"float32": [0.0, 0.0]}, nextToken=token
    )
    assert error.message == "Invalid page token"


def test_a_token_is_invalid_for_a_new_index_of_the_same_name(service: Service) -> None:
    address = many(service)
    token = query(service, address, 0, 0, topK=200)["nextToken"]
    service("DeleteIndex", **address)
    many(service)
    error = service.error(
        "QueryVectors", **address, topK=200, queryVector={"float32": [0.0, 0.0]}, nextToken=token
    )
    assert error.message == "Invalid page token"


def test_snapshots_are_limited_in_bytes(service: Service) -> None:
    """Paged queries must not keep all metadata that was ever replaced."""
    address = service.index(metadataConfiguration={"nonFilterableMetadataKeys": ["big"]})
    service.state.snapshots = Snapshots(bytes_max=500_000)
    tokens = []
    for number in range(6):
        metadata = {"big": str(number) + "x" * 1_000}
        batch = [
            {"key": f"k{row}", "data": {"float32": [1, row]}, "metadata": metadata} for row in range(200)
        ]
        service("PutVectors", **address, vectors=batch)
        tokens.append(query(service, address, 0, 0, topK=200)["nextToken"])
    assert len(service.state.snapshots) == 2
    for token in tokens[:-2]:
        error = service.error(
            "QueryVectors", **address, topK=200, queryVector={"float32": [0, 0]}, nextToken=token
        )
        assert error.message == "Invalid page token"
    page = query(service, address, 0, 0, topK=200, nextToken=tokens[-2], returnMetadata=True)
    assert page["vectors"][0]["metadata"]["big"].startswith("4")


@pytest.mark.parametrize("dimension", [1, 8, 1024])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_largest_floats_cause_no_warning(service: Service, dimension: int, metric: str) -> None:
    """Stderr belongs to the user. With and without a filter that excludes them."""
    address = service.index(dimension=dimension, distanceMetric=metric)
    values = [FLOAT32_MAX, -FLOAT32_MAX, FLOAT32_MAX / 2, 1.0, 2.0, 3.0, 4.0, 5.0, 1e-45]
    batch = [
        {"key": f"k{row}", "data": {"float32": [value] * dimension}, "metadata": {"small": abs(value) < 10}}
        for row, value in enumerate(values)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        service("PutVectors", **address, vectors=batch)
        for value in (FLOAT32_MAX, 1e15, 1.0, 1e-45):
            members = {"topK": 2, "queryVector": {"float32": [value] * dimension}, "returnDistance": True}
            for filter_ in ({}, {"filter": {"small": True}}, {"filter": {"small": False}}):
                found = service("QueryVectors", **address, **members, **filter_)
                assert len(found["vectors"]) == 2
