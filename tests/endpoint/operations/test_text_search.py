"""QueryVectors with queryTexts: text search and hybrid search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.storage.state import State

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

TEXTS = "textSearchConfigurations"
Address = dict[str, str]


def searchable(service: Service, **languages: str) -> Address:
    """Create an index with searchable metadata keys, each with a language or with none."""
    configurations = [
        {"metadataKey": name, **({"language": language} if language else {})}
        for name, language in languages.items()
    ]
    return service.index(metadataConfiguration={TEXTS: configurations})


def put(service: Service, address: Address, key: str, *vector: float, **metadata: Any) -> None:
    record = {"key": key, "data": {"float32": list(vector or (1, 1))}, "metadata": metadata}
    service("PutVectors", **address, vectors=[record])


def search(service: Service, address: Address, *texts: str, **members: Any) -> list[dict[str, Any]]:
    """Return the results for texts such as `body=words`."""
    queries = [dict(zip(("metadataKey", "text"), each.split("=", 1), strict=True)) for each in texts]
    response = service("QueryVectors", **address, **{"topK": 10, "queryTexts": queries, **members})
    found: list[dict[str, Any]] = response["vectors"]
    return found


def keys(found: list[dict[str, Any]]) -> list[str]:
    return [each["key"] for each in found]


def refused(service: Service, address: Address, *names: str) -> Any:
    queries = [{"metadataKey": name, "text": "x"} for name in names]
    return service.error("QueryVectors", **address, topK=1, queryTexts=queries)


# --- text search ---


def test_a_text_finds_vectors_with_any_of_its_words(service: Service) -> None:
    """More matching words and rarer words rank higher; no match is not an error."""
    address = searchable(service, body="")
    put(service, address, "one", body="red apple")
    put(service, address, "two", body="red red cherry")
    put(service, address, "both", body="green apple cherry")
    put(service, address, "none", body="blue plum")
    assert keys(search(service, address, "body=cherry apple")) == ["both", "one", "two"]
    assert search(service, address, "body=melon") == []


def test_a_text_result_has_scores_on_request_but_no_distance(service: Service) -> None:
    """Only bm25Scores; the best result is first."""
    address = searchable(service, body="")
    put(service, address, "once", body="apple tree and more words")
    put(service, address, "twice", body="apple apple")
    found = search(
        service, address, "body=apple", returnScores=True, returnDistance=True, returnMetadata=True
    )
    assert [sorted(each) for each in found] == [["key", "metadata", "scores"]] * 2
    assert [list(each["scores"]) for each in found] == [["bm25Scores"]] * 2
    (best,), (second,) = (each["scores"]["bm25Scores"] for each in found)
    assert keys(found) == ["twice", "once"]
    assert best["metadataKey"] == "body"
    assert best["score"] > second["score"] > 0
    assert search(service, address, "body=apple") == [{"key": "twice"}, {"key": "once"}]


def test_the_response_of_a_text_search_names_the_metric(service: Service) -> None:
    """The model requires it."""
    address = searchable(service, body="")
    response = service("QueryVectors", **address, topK=1, queryTexts=[{"metadataKey": "body", "text": "x"}])
    assert response == {"vectors": [], "distanceMetric": "euclidean"}


def test_scores_of_several_texts_are_added(service: Service) -> None:
    """Each result lists the scores that it has. The sum is inferred."""
    address = searchable(service, title="", body="")
    put(service, address, "title", title="apple", body="other")
    put(service, address, "body", title="other", body="apple pie")
    put(service, address, "both", title="apple", body="apple pie")
    found = search(service, address, "title=apple", "body=pie apple", returnScores=True)
    parts = {
        each["key"]: {one["metadataKey"]: one["score"] for one in each["scores"]["bm25Scores"]}
        for each in found
    }
    assert {key: set(each) for key, each in parts.items()} == {
        "title": {"title"},
        "body": {"body"},
        "both": {"title", "body"},
    }
    sums = [sum(parts[each["key"]].values()) for each in found]
    assert sums == sorted(sums, reverse=True)
    assert keys(found)[0] == "both"


def test_the_best_sum_may_lead_no_single_ranking(service: Service) -> None:
    """So topK limits the sums, not the rankings of the texts."""
    address = searchable(service, title="", body="")
    put(service, address, "a", title="apple apple", body="none")
    put(service, address, "b", title="none", body="apple apple")
    put(service, address, "sum", title="apple pie", body="apple pie")
    assert keys(search(service, address, "title=apple", "body=apple", topK=1)) == ["sum"]


def test_equal_scores_are_ordered_by_key(service: Service) -> None:
    """Also if topK separates equal ones, and if more are equal than are fetched first. The service's order is
    not known.
    """
    address = searchable(service, body="")
    names = [f"k{number:03}" for number in range(200)]
    for name in reversed(names):
        put(service, address, name, body="same words")
    assert keys(search(service, address, "body=words", topK=5)) == names[:5]
    assert keys(search(service, address, "body=same words", topK=80)) == names[:80]


def test_a_filter_applies_before_the_ranking(service: Service) -> None:
    """Results are the best of those that pass, however many others score higher."""
    address = searchable(service, body="")
    for number in range(120):
        put(service, address, f"better-{number}", body="apple", kind="a")
    put(service, address, "worse", body="an apple among many other words", kind="b")
    assert keys(search(service, address, "body=apple", topK=1, filter={"kind": "b"})) == ["worse"]
    assert search(service, address, "body=apple", filter={"kind": "c"}) == []


def test_text_results_have_pages_of_100(service: Service) -> None:
    """All from the time of the first page, with scores on request; a token is valid for its text only."""
    address = searchable(service, body="")
    for number in range(150):
        put(service, address, f"k{number:03}", body="apple")
    query: dict[str, Any] = {
        **address,
        "topK": 10_000,
        "queryTexts": [{"metadataKey": "body", "text": "apple"}],
    }
    first = service("QueryVectors", **query)
    service("DeleteVectors", **address, keys=["k100"])
    second = service("QueryVectors", **query, returnScores=True, nextToken=first["nextToken"])
    assert keys(first["vectors"]) + keys(second["vectors"]) == [f"k{number:03}" for number in range(150)]
    assert all(each["scores"]["bm25Scores"] for each in second["vectors"])
    assert "nextToken" not in second
    other = {
        **query,
        "queryTexts": [{"metadataKey": "body", "text": "pear"}],
        "nextToken": first["nextToken"],
    }
    assert service.error("QueryVectors", **other).message == "Invalid page token"


def test_writes_are_seen_by_the_next_search(service: Service) -> None:
    """An overwritten, removed or deleted text never matches again; a new one matches at once."""
    address = searchable(service, body="")
    put(service, address, "k", body="old words")
    assert keys(search(service, address, "body=old")) == ["k"]
    put(service, address, "k", body="new words")
    assert search(service, address, "body=old") == []
    assert keys(search(service, address, "body=new")) == ["k"]
    put(service, address, "k", other="new")
    assert search(service, address, "body=new") == []
    put(service, address, "k", body="back")
    service("DeleteVectors", **address, keys=["k"])
    assert search(service, address, "body=back") == []


@pytest.mark.parametrize("value", [1, True, ["apple"], ["apple", "pear"]])
def test_only_a_string_is_a_text(service: Service, value: object) -> None:
    """Other values under a searchable key are stored and not searched. Inferred."""
    address = searchable(service, body="")
    put(service, address, "k", body=value)
    assert search(service, address, "body=apple 1 true") == []


@pytest.mark.parametrize(
    "text",
    [
        '"apple',
        "apple AND NOT pear",
        "body:apple",
        "+apple -",
        "apple*",
        "(apple",
        "[a TO z] apple",
        "apple^9 ~",
    ],
)
def test_query_syntax_is_plain_text(service: Service, text: str) -> None:
    """No character and no word has a special meaning."""
    address = searchable(service, body="")
    put(service, address, "k", body="apple pear")
    put(service, address, "other", body="plum")
    assert keys(search(service, address, f"body={text}")) == ["k"]


@pytest.mark.parametrize("text", ["!!!", " ", "\N{GRINNING FACE}", "\x00", "''"])
def test_a_text_without_words_finds_nothing(service: Service, text: str) -> None:
    """200 with an empty list."""
    address = searchable(service, body="")
    put(service, address, "k", body="apple !!!")
    assert search(service, address, f"body={text}") == []


@pytest.mark.parametrize("vector", [{}, {"queryVector": {"float32": [1.0, 1.0]}}])
def test_each_text_needs_a_different_searchable_key(service: Service, vector: dict[str, Any]) -> None:
    """A key without a configuration, or the same key twice, is a 400 at `queryTexts`. The texts are
    inferred.
    """
    address = searchable(service, body="")
    for names in (["other"], ["body", "other"], ["body", "body"]):
        queries = [{"metadataKey": name, "text": "x"} for name in names]
        error = service.error("QueryVectors", **address, topK=1, queryTexts=queries, **vector)
        assert (error.status, error.code, error.paths) == (400, "ValidationException", ("queryTexts",))


def test_an_index_without_searchable_keys_refuses_text_search(service: Service) -> None:
    """With a 400."""
    assert refused(service, service.index(), "body").status == 400


# --- hybrid ---


def hybrid(service: Service, address: Address, *texts: str, **members: Any) -> list[dict[str, Any]]:
    return search(service, address, *texts, **{"queryVector": {"float32": [0.0, 0.0]}, **members})


def test_a_hybrid_search_fuses_ranks(service: Service) -> None:
    """The sum of 1 / (60 + rank): two second places beat a first place in one ranking only. Inferred."""
    service.state.behaviour = Behaviour(hybrid_depth=2)
    address = searchable(service, body="")
    put(service, address, "nearest", 1, 0, body="nothing")
    put(service, address, "best", 9, 0, body="apple apple")
    put(service, address, "second", 2, 0, body="apple and other words")
    found = hybrid(service, address, "body=apple", topK=2, returnScores=True, returnDistance=True)
    assert keys(found) == ["second", "best"]
    second, best = found
    assert second["scores"]["fused"] == pytest.approx(2 / 62)
    assert best["scores"]["fused"] == pytest.approx(1 / 61)
    assert (second["distance"], second["scores"]["vectorDistance"]) == (4.0, 4.0)
    assert "distance" not in best
    assert "vectorDistance" not in best["scores"]
    assert [len(each["scores"]["bm25Scores"]) for each in found] == [1, 1]


def test_a_result_without_a_matching_text_has_no_text_scores(service: Service) -> None:
    address = searchable(service, body="")
    put(service, address, "k", 3, 4, body="plum")
    (found,) = hybrid(service, address, "body=apple", returnScores=True)
    assert found == {"key": "k", "scores": {"fused": pytest.approx(1 / 61), "vectorDistance": 25.0}}


def test_each_text_has_its_own_ranking(service: Service) -> None:
    """Two texts and a vector are three rankings."""
    address = searchable(service, title="", body="")
    put(service, address, "k", title="apple", body="apple")
    put(service, address, "far", 9, 9, title="plum", body="plum")
    found = hybrid(service, address, "title=apple", "body=apple", returnScores=True)
    assert keys(found) == ["k", "far"]
    assert found[0]["scores"]["fused"] == pytest.approx(3 / 61)
    assert [each["metadataKey"] for each in found[0]["scores"]["bm25Scores"]] == ["title", "body"]


def test_a_hybrid_search_returns_only_the_requested_members(service: Service) -> None:
    """Always the key. returnScores has no effect in a search by vector."""
    address = searchable(service, body="")
    put(service, address, "k", 3, 4, body="apple")
    assert hybrid(service, address, "body=apple") == [{"key": "k"}]
    assert hybrid(service, address, "body=apple", returnDistance=True, returnMetadata=True) == [
        {"key": "k", "distance": 25.0, "metadata": {"body": "apple"}}
    ]
    by_vector = service(
        "QueryVectors", **address, topK=1, queryVector={"float32": [0.0, 0.0]}, returnScores=True
    )
    assert by_vector["vectors"] == [{"key": "k"}]


def test_a_filter_applies_before_every_ranking(service: Service) -> None:
    """Vectors that do not pass it have no rank."""
    address = searchable(service, body="")
    put(service, address, "out", 0, 0, body="apple", kind="x")
    put(service, address, "in", 5, 5, body="apple pie", kind="y")
    (found,) = hybrid(service, address, "body=apple", filter={"kind": "y"}, returnScores=True)
    assert found["key"] == "in"
    assert found["scores"]["fused"] == pytest.approx(2 / 61)


def test_a_larger_top_k_begins_with_the_same_results(service: Service) -> None:
    """Up to the depth of the rankings."""
    address = searchable(service, body="")
    for number in range(40):
        put(service, address, f"k{number:02}", number * 7 % 40, 0, body="apple " * (number % 5) + "pie")
    longest = keys(hybrid(service, address, "body=apple pie", topK=100))
    assert len(longest) == 40
    for top_k in range(1, 40):
        assert keys(hybrid(service, address, "body=apple pie", topK=top_k)) == longest[:top_k]


def test_hybrid_results_have_pages_of_100(service: Service) -> None:
    """Each key occurs once."""
    address = searchable(service, body="")
    for number in range(130):
        put(service, address, f"k{number:03}", number, 0, body="apple")
    query = {
        **address,
        "topK": 130,
        "queryVector": {"float32": [0.0, 0.0]},
        "queryTexts": [{"metadataKey": "body", "text": "apple"}],
    }
    first = service("QueryVectors", **query)
    second = service("QueryVectors", **query, nextToken=first["nextToken"])
    assert sorted(keys(first["vectors"]) + keys(second["vectors"])) == [f"k{n:03}" for n in range(130)]


def test_a_hybrid_search_validates_its_vector(service: Service) -> None:
    address = searchable(service, body="")
    error = service.error(
        "QueryVectors",
        **address,
        topK=1,
        queryVector={"float32": [1.0]},
        queryTexts=[{"metadataKey": "body", "text": "x"}],
    )
    assert error.paths == ("vector",)


def test_a_classic_index_refuses_text_search(new_service: type[Service]) -> None:
    """It has no searchable keys, also with `queryMode` ENHANCED."""
    service = new_service(State(behaviour=Behaviour(classic_until_s=1_900_000_000.0)))
    address = service.index()
    texts = [{"metadataKey": "body", "text": "x"}]
    for mode in ({}, {"queryMode": "ENHANCED"}, {"queryMode": "CLASSIC"}):
        assert service.error("QueryVectors", **address, topK=1, queryTexts=texts, **mode).status == 400
