from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.state import State

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

BAD_VECTOR = "Query vector contains invalid values or is invalid for this index"


def put(service: Service, address: dict[str, str], vectors: dict[str, list[float]], **metadata: Any) -> None:
    batch = [
        {"key": key, "data": {"float32": values}, **({"metadata": metadata[key]} if key in metadata else {})}
        for key, values in vectors.items()
    ]
    service("PutVectors", **address, vectors=batch)


def query(service: Service, address: dict[str, str], *values: float, **members: Any) -> dict[str, Any]:
    asked = {"topK": 10, "queryVector": {"float32": list(values)}, **members}
    return service("QueryVectors", **address, **asked)


def keys(answer: dict[str, Any]) -> list[str]:
    return [each["key"] for each in answer["vectors"]]


def test_euclidean_distances_are_squared(service: Service) -> None:
    """Points at 0, 5 and 17 are at 0, 25 and 289. Observed on AWS, 2026-06."""
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
    """Identical 0, orthogonal 1, opposite 2, whatever the length. Observed on AWS, 2026-09."""
    address = service.index(distanceMetric="cosine")
    put(service, address, {"same": [1, 0], "longer": [20, 0], "across": [0, 3], "back": [-1, 0]})
    answer = query(service, address, 2, 0, returnDistance=True)
    assert keys(answer) == ["longer", "same", "across", "back"]
    assert [each["distance"] for each in answer["vectors"]] == pytest.approx([0, 0, 1, 2], abs=1e-6)
    assert answer["distanceMetric"] == "cosine"


def test_a_known_cosine_distance(service: Service) -> None:
    """[1,1,1] against [1,1,2] is 0.0571909584, as a float32. Observed on AWS, 2026-09."""
    address = service.index(dimension=3, distanceMetric="cosine")
    put(service, address, {"a": [1, 1, 2]})
    (hit,) = query(service, address, 1, 1, 1, returnDistance=True)["vectors"]
    assert hit["distance"] == pytest.approx(0.0571909584, abs=1e-7)


def test_only_what_is_asked_for_comes_back(service: Service) -> None:
    """The key always, distance and metadata on request, the vector never."""
    address = service.index()
    put(service, address, {"a": [1, 2], "b": [1, 3]}, a={"n": 1})
    assert query(service, address, 1, 2)["vectors"] == [{"key": "a"}, {"key": "b"}]
    assert query(service, address, 1, 2, returnMetadata=True)["vectors"] == [
        {"key": "a", "metadata": {"n": 1}},
        {"key": "b", "metadata": {}},
    ]


def test_top_k_bounds_the_answer(service: Service) -> None:
    """Fewer stored than asked for gives all."""
    address = service.index()
    put(service, address, {f"k{n}": [n, 0] for n in range(5)})
    assert keys(query(service, address, 0, 0, topK=3)) == ["k0", "k1", "k2"]
    assert len(keys(query(service, address, 0, 0, topK=10_000))) == 5


def test_equal_distances_are_ordered_by_key(service: Service) -> None:
    """Ours, and so also where topK cuts between them."""
    address = service.index()
    put(service, address, {key: [1, 1] for key in "dbca"})
    assert keys(query(service, address, 0, 0)) == ["a", "b", "c", "d"]
    assert keys(query(service, address, 0, 0, topK=2)) == ["a", "b"]


def test_a_filter_bounds_what_is_searched(service: Service) -> None:
    """The nearest of those that match; none is no error; a vector without metadata counts as `{}`."""
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
    """400 at `filter`; an empty object is not "no filter"."""
    refusal = service.refusal(
        "QueryVectors", **service.index(), topK=1, queryVector={"float32": [1.0, 2.0]}, filter=document
    )
    assert (refusal.status, refusal.message, refusal.paths) == (400, "Invalid filter", ("filter",))


def test_a_non_filterable_key_in_a_filter_is_refused(service: Service) -> None:
    """400, in the service's words."""
    address = service.index(metadataConfiguration={"nonFilterableMetadataKeys": ["raw"]})
    refusal = service.refusal(
        "QueryVectors", **address, topK=1, queryVector={"float32": [1.0, 2.0]}, filter={"raw": "x"}
    )
    assert (refusal.status, refusal.message) == (400, "Invalid use of non-filterable metadata in filter")


@pytest.mark.parametrize("values", [[], [1], [1, 2, 3], [1, "NaN"], ["Infinity", 1], [1, 1e39]])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_query_vector_must_fit_the_index(service: Service, metric: str, values: list[Any]) -> None:
    """Length and finiteness, after rounding to float32."""
    refusal = service.refusal(
        "QueryVectors", **service.index(distanceMetric=metric), topK=1, queryVector={"float32": values}
    )
    assert (refusal.status, refusal.message, refusal.paths) == (400, BAD_VECTOR, ("vector",))


def test_a_zero_query_needs_a_metric_without_norms(service: Service) -> None:
    """400 under cosine, with its own words in `fieldList`; fine under euclidean."""
    members = {"topK": 1, "queryVector": {"float32": [0.0, 0.0]}}
    cosine = service.index("cosine", distanceMetric="cosine")
    answer = service.answer("QueryVectors", orjson.dumps({**cosine, **members}))
    assert answer.status == 400
    assert orjson.loads(answer.body) == {
        "message": BAD_VECTOR,
        "fieldList": [
            {
                "path": "vector",
                "message": "Invalid input: cosine distance does not support vectors with zero norm",
            }
        ],
    }
    service("QueryVectors", **service.index("euclidean"), **members)


def test_the_mode_of_a_query_may_not_be_classic(service: Service) -> None:
    """400 on an ENHANCED index; ENHANCED is accepted and changes nothing. Observed on AWS, 2026-10."""
    address = service.index()
    members = {"topK": 1, "queryVector": {"float32": [0.0, 0.0]}}
    refusal = service.refusal("QueryVectors", **address, **members, queryMode="CLASSIC")
    assert (refusal.status, refusal.message) == (
        400,
        "queryMode cannot be CLASSIC when indexMode is ENHANCED",
    )
    service("QueryVectors", **address, **members, queryMode="ENHANCED")


def test_a_query_without_anything_to_look_for_is_refused(service: Service) -> None:
    """Neither vector nor texts."""
    assert service.refusal("QueryVectors", **service.index(), topK=1).status == 400


@pytest.mark.parametrize("sign", [{"$ne": "x"}, {"$nin": ["x"]}])
@pytest.mark.parametrize(("differs", "found"), [(True, ["none", "other"]), (False, ["other"])])
def test_whether_an_absent_key_differs_is_a_switch(
    new_service: type[Service], sign: dict[str, Any], found: list[str], *, differs: bool
) -> None:
    """No source says what AWS does with `$ne` and `$nin`; by default they match, as negations."""
    service = new_service(State(behaviour=Behaviour(absent_differs=differs)))
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
    answer = query(service, address, 0, 0, **members)
    found = [keys(answer)]
    while "nextToken" in answer:
        answer = query(service, address, 0, 0, **members, nextToken=answer["nextToken"])
        found.append(keys(answer))
    return found


@pytest.mark.parametrize(
    ("top_k", "sizes"),
    [(99, [99]), (100, [100]), (101, [100, 1]), (200, [100, 100]), (10_000, [100, 100, 50])],
)
def test_a_page_holds_at_most_100_results(service: Service, top_k: int, sizes: list[int]) -> None:
    """All of them once and in order; the last page has no token."""
    found = pages(service, many(service), topK=top_k)
    assert list(map(len, found)) == sizes
    assert [key for page in found for key in page] == [f"k{n:04}" for n in range(sum(sizes))]


def test_no_write_shows_between_pages(service: Service) -> None:
    """Later pages are of the moment of the first: deletes, replacements and inserts are not seen."""
    address = many(service)
    first = query(service, address, 0, 0, topK=200)
    service("DeleteVectors", **address, keys=["k0150"])
    put(service, address, {"k0151": [0, 0], "new": [0, 0]}, k0151={"n": "replaced"})
    second = query(service, address, 0, 0, topK=200, nextToken=first["nextToken"], returnMetadata=True)
    assert keys(second) == [f"k{n:04}" for n in range(100, 200)]
    assert second["vectors"][51]["metadata"] == {"n": 151}


def test_a_page_may_be_asked_for_again(service: Service) -> None:
    """A retry gets the same page."""
    address = many(service)
    token = query(service, address, 0, 0, topK=250)["nextToken"]
    again = [query(service, address, 0, 0, topK=250, nextToken=token) for _ in range(2)]
    assert again[0] == again[1]


def test_what_a_page_shows_may_change_from_page_to_page(service: Service) -> None:
    """Only what is asked must stay the same."""
    address = many(service)
    token = query(service, address, 0, 0, topK=250)["nextToken"]
    page = query(service, address, 0, 0, topK=250, nextToken=token, returnDistance=True)
    assert page["vectors"][0] == {"key": "k0100", "distance": 10_000.0}


def test_a_token_is_refused_with_another_query(service: Service) -> None:
    """Another vector, topK, filter, mode or index: 400. The text is inferred from that for a stale one."""
    address, other = many(service), service.index("other")
    asked = {"topK": 200, "queryVector": {"float32": [0.0, 0.0]}, "filter": {"n": {"$gte": 0}}}
    token = service("QueryVectors", **address, **asked)["nextToken"]
    changes: list[dict[str, Any]] = [
        {**address, **asked, "topK": 201},
        {**address, **asked, "queryVector": {"float32": [0.0, 1.0]}},
        {**address, **asked, "filter": {"n": {"$gte": 1}}},
        {**address, **asked, "queryMode": "ENHANCED"},
        {**other, **asked},
    ]
    for members in changes:
        refusal = service.refusal("QueryVectors", **members, nextToken=token)
        assert (refusal.status, refusal.message) == (400, "Invalid page token")
    assert service("QueryVectors", **address, **asked, nextToken=token)["vectors"]


@pytest.mark.parametrize("token", ["x", "nonsense", "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA", "%", "é"])
def test_a_made_up_token_is_refused(service: Service, token: str) -> None:
    """400."""
    refusal = service.refusal(
        "QueryVectors", **many(service), topK=200, queryVector={"float32": [0.0, 0.0]}, nextToken=token
    )
    assert (refusal.status, refusal.message) == (400, "Invalid page token")


def test_a_token_lives_for_some_minutes(service: Service) -> None:
    """Five are fine, sixteen too many. Observed on AWS, 2026-10."""
    address = many(service)
    token = query(service, address, 0, 0, topK=200)["nextToken"]
    service.now += 5 * 60
    query(service, address, 0, 0, topK=200, nextToken=token)
    service.now += 11 * 60
    refusal = service.refusal(
        "QueryVectors", **address, topK=200, queryVector={"float32": [0.0, 0.0]}, nextToken=token
    )
    assert refusal.message == "Invalid page token"


def test_a_token_dies_with_its_index(service: Service) -> None:
    """An index made anew under the same name is another."""
    address = many(service)
    token = query(service, address, 0, 0, topK=200)["nextToken"]
    service("DeleteIndex", **address)
    many(service)
    refusal = service.refusal(
        "QueryVectors", **address, topK=200, queryVector={"float32": [0.0, 0.0]}, nextToken=token
    )
    assert refusal.message == "Invalid page token"
