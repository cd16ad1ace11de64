"""A suite run against a server that misbehaves: it ends in bounded time, with a verdict and no error of its own."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pytest
from hostile_server import ALL_OPERATIONS, MISBEHAVIOURS, HostileServer, hostile_server
from suites import RunSuite, SuiteResult

import vecgate.conformance_kit.suite_plugin  # noqa: F401 - loads numpy before the runs: it loads only once
from vecgate.gate.conformance_verdict import judge_conformance
from vecgate.gate.requirement_rules import Rule

TIMEOUT_S = 0.3
#: 22 operations that are sent 3 times each, and a reserve for a loaded machine.
RUN_S_MAX = 60.0
#: The basic path, once more, and one test for each other kind of request.
BODY = """
import json
@must("first-steps.put-and-get")
def test_put_and_get(make_index):
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    assert set(index.get("a")) == {"a"} == index.keys()
    index.delete("a")
@must("first-steps.query", needs="query")
def test_query(make_index):
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    assert [each["key"] for each in index.query([1.0, 0.5])] == ["a"]
@must("list-indexes.all")
def test_lists(client, make_bucket, make_index):
    bucket = make_bucket()
    name = make_index(bucket).name
    assert [each["indexName"] for each in client.list_indexes(vectorBucketName=bucket.name)["indexes"]] == [name]
    names = {each["vectorBucketName"] for each in client.list_vector_buckets()["vectorBuckets"]}
    assert bucket.name in names
    assert client.get_vector_bucket(vectorBucketName=bucket.name)["vectorBucket"]["vectorBucketArn"] == bucket.arn
    client.delete_index(vectorBucketName=bucket.name, indexName=name)
    client.delete_vector_bucket(vectorBucketName=bucket.name)
@must("tag-resource.tag")
def test_tags(client, make_bucket):
    arn = make_bucket().arn
    client.tag_resource(resourceArn=arn, tags={"a": "b"})
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
@must("wire.raw", needs="raw")
def test_raw(raw):
    answer = raw("/ListVectorBuckets", {})
    assert answer.status == 200
    assert isinstance(answer.json["vectorBuckets"], list)
@must("list-vectors.again")
@pytest.mark.parametrize("n", range(3), ids=list("abc"))
def test_again(make_index, n):
    assert make_index().keys() == set()
"""
OPERATIONS = (
    "CreateVectorBucket",
    "DeleteVectorBucket",
    "ListVectorBuckets",
    "CreateIndex",
    "DeleteIndex",
    "ListIndexes",
    "PutVectors",
    "QueryVectors",
    "ListVectors",
    "TagResource",
)


@pytest.fixture
def hostile(endpoint_url: str) -> Iterator[HostileServer]:
    with hostile_server(endpoint_url) as running:
        yield running


def run_bounded(run_suite: RunSuite, hostile: HostileServer) -> SuiteResult:
    started_s = time.monotonic()
    result = run_suite(BODY, f"--vecgate-timeout={TIMEOUT_S}", target=hostile.url)
    assert time.monotonic() - started_s < RUN_S_MAX
    assert "INTERNALERROR" not in result.output
    assert result.footer.is_complete
    return result


def test_the_proxy_itself_changes_nothing(run_suite: RunSuite, hostile: HostileServer) -> None:
    """Without a misbehaviour everything passes, and nothing remains."""
    result = run_bounded(run_suite, hostile)
    assert (result.code, set(result.outcomes.values()), result.footer.orphaned) == (0, {"passed"}, ())


def cases(every: Sequence[Any], default: Collection[Any]) -> list[Any]:
    """Return the cases of a test. Those outside *default* run at night."""
    names = [each if isinstance(each, str) else "-".join(each) for each in every]
    marks = [() if each in default else pytest.mark.nightly for each in every]
    return [
        pytest.param(*([each] if isinstance(each, str) else each), id=name, marks=mark)
        for each, name, mark in zip(every, names, marks, strict=True)
    ]


#: One of each kind: no answer, no end, an endless list, a wrong answer, text that is no text.
ALWAYS = ("hang", "endless", "endless-pages", "far-time", "surrogate")


@pytest.mark.parametrize("how", cases(MISBEHAVIOURS, ALWAYS))
def test_a_target_that_always_misbehaves_fails(run_suite: RunSuite, hostile: HostileServer, how: str) -> None:
    """No rule can let it pass."""
    hostile.misbehaves = {ALL_OPERATIONS: how}
    result = run_bounded(run_suite, hostile)
    assert result.run is not None
    passed = {id_.partition("[")[0] for id_, outcome in result.outcomes.items() if outcome == "passed"}
    # These answers do have a list of buckets, and an empty list of vectors.
    assert not passed - {"wire.raw", "list-vectors.again"} or how == "endless-pages"
    assert judge_conformance(result.run, [Rule("may")]).grade == "failed"


PAIRS = [
    *zip(OPERATIONS, MISBEHAVIOURS, strict=False),
    ("ListVectors", "endless-pages"),
    ("ListIndexes", "endless-pages"),
    ("ListVectorBuckets", "endless-pages"),
]


@pytest.mark.parametrize(
    ("operation", "how"), cases(PAIRS, [PAIRS[0], PAIRS[1], ("ListVectors", "endless-pages")])
)
def test_one_operation_that_misbehaves_is_a_failure(
    run_suite: RunSuite, hostile: HostileServer, operation: str, how: str
) -> None:
    """Its group is not unsupported, and what could not be removed is named."""
    hostile.misbehaves = {operation: how}
    result = run_bounded(run_suite, hostile)
    assert result.run is not None
    assert set(result.run.header.unsupported) <= {"auth"}
    assert judge_conformance(result.run).grade == "failed"
    if operation == "DeleteVectorBucket":
        assert result.footer.orphaned
