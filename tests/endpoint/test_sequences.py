"""Random sequences of all operations, valid and invalid. Every response must equal that of a naive
service.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from botocore.loaders import Loader
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from naive_service import ACCOUNT_ARN, MISSING_KEY, TEXTS, NaiveService

from vecgate.endpoint.core import apply
from vecgate.endpoint.requests.messages import Request
from vecgate.endpoint.storage.state import State

Json = dict[str, Any]

OPERATIONS = Loader().load_service_model("s3vectors", "service-2")["operations"]
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234"

bucket_names = st.sampled_from(["bucket-a", "bucket-b"])
index_names = st.sampled_from(["index-a", "index.b"])
keys = st.sampled_from([f"key-{number}" for number in range(8)])
#: Their norms are integers, so that cosine distances are as exact as squared ones.
vectors = st.sampled_from([[3, 4], [4, 3], [1, 0], [0, 2], [-1, 0], [6, 8], [-3, -4], [5, 12], [-4, 3]])
bad_vectors = st.sampled_from([[], [1], [1, 2, 3], [0, 0]])
words = st.sampled_from(
    ["run", "Runs", "running", "dog", "DOGS", "dogs!", "cat", "and", "(x", "北京大学", "京"]
)
texts = st.lists(words, max_size=6).map(" ".join)
#: A sum of two terms does not depend on their order; a sum of three may.
query_texts = st.lists(words, min_size=1, max_size=2).map(" ".join)
metadata_keys = st.sampled_from(["plain", "en", "zh", "n"])
scalars = st.integers(0, 3) | st.sampled_from(["a", "b", "ab"]) | st.booleans()
values = scalars | st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2)
metadatas = st.none() | st.fixed_dictionaries(
    {}, optional={"plain": texts | values, "en": texts, "zh": texts, "n": values, "tag": values}
)
bad_metadatas = st.sampled_from([{"n": None}, {"n": {}}, {"n": []}])
records: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"key": keys, "vector": vectors, "metadata": metadatas}
)
rich_records: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "key": keys,
        "vector": vectors,
        "metadata": st.fixed_dictionaries(
            {"plain": texts, "en": texts}, optional={"zh": texts, "n": values, "tag": values}
        ),
    }
)
bad_records: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"key": keys, "vector": vectors | bad_vectors, "metadata": metadatas | bad_metadatas}
)
tags = st.dictionaries(st.sampled_from(["team", "größe 1", "a:b"]), st.sampled_from(["", "x y"]), max_size=2)
bad_tags = st.sampled_from([{"aws:x": ""}, {"AWS:x": ""}, {f"t{n}": "" for n in range(51)}])
encryptions = st.sampled_from(
    [
        {"sseType": "AES256"},
        {"sseType": "aws:kms", "kmsKeyArn": KEY},
        {"sseType": "aws:kms"},
        {"kmsKeyArn": KEY},
        {"sseType": "aws:kms", "kmsKeyArn": MISSING_KEY},
        {"sseType": "aws:kms", "kmsKeyArn": KEY.replace("us-east-1", "eu-west-1")},
    ]
)
modes = st.sampled_from(["CLASSIC", "ENHANCED"])
configurations = st.builds(
    lambda names: [
        {"metadataKey": name, **({"language": name} if name in {"en", "zh"} else {})} for name in names
    ],
    st.lists(metadata_keys, max_size=3),
)
operands: st.SearchStrategy[Any] = scalars | st.sampled_from([None, [], ["a", 1], [True], {}, 1.5])
signs = st.sampled_from(
    ["$eq", "$ne", "$in", "$nin", "$gt", "$gte", "$lt", "$lte", "$exists", "$startsWith", "$eg"]
)
conditions = st.dictionaries(
    st.sampled_from(["n", "tag", "plain", "$or"]),
    operands | st.dictionaries(signs, operands, min_size=1, max_size=2),
    min_size=1,
    max_size=1,
)
TOO_MANY: Json = {"n": {"$in": list(range(101))}}
good_conditions = st.sampled_from(
    [
        {"n": {"$gte": 1}},
        {"n": {"$ne": 2}},
        {"tag": {"$nin": ["a", 1]}},
        {"tag": {"$startsWith": "a"}},
        {"plain": {"$exists": True}},
        {"n": 1},
        TOO_MANY,
    ]
)
filters = st.recursive(
    good_conditions | conditions,
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or"]), st.lists(inner, max_size=3), min_size=1, max_size=1
    ),
    max_leaves=4,
)


text_queries = st.fixed_dictionaries({"metadataKey": metadata_keys, "text": query_texts})
shown_parts = st.sets(st.sampled_from(["returnDistance", "returnScores", "returnMetadata"])).map(
    lambda names: dict.fromkeys(names, True)
)


@st.composite
def bucket_addresses(draw: st.DrawFn) -> Json:
    """A bucket by name or by ARN; rarely an invalid address."""
    name = draw(bucket_names)
    forms: list[Json] = [{"vectorBucketName": name}, {"vectorBucketArn": ACCOUNT_ARN + name}]
    invalid: list[Json] = [{}, {**forms[0], **forms[1]}, {"vectorBucketName": "under_score"}]
    return draw(st.sampled_from([*forms * 5, *invalid]))


@st.composite
def index_addresses(draw: st.DrawFn) -> Json:
    """An index by names or by ARN, often an existing one; rarely an invalid address."""
    bucket, name = draw(st.sampled_from(["bucket-a"] * 5 + ["bucket-b"])), draw(index_names)
    by_name: Json = {"vectorBucketName": bucket, "indexName": name}
    by_arn: Json = {"indexArn": f"{ACCOUNT_ARN}{bucket}/index/{name}"}
    invalid: list[Json] = [
        {"indexName": name},
        {**by_name, **by_arn},
        {**by_name, "indexName": "under_score"},
    ]
    return draw(st.sampled_from([by_name, by_arn] * 6 + invalid))


@st.composite
def resources(draw: st.DrawFn) -> str:
    """The ARN of a bucket or of an index, or an invalid one."""
    bucket = ACCOUNT_ARN + draw(bucket_names)
    return draw(st.sampled_from([bucket, f"{bucket}/index/{draw(index_names)}"] * 3 + ["arn:aws:s3:::b"]))


@st.composite
def queries(draw: st.DrawFn) -> Json:
    """All members of QueryVectors except the address; often valid."""
    kind = draw(st.sampled_from(["vector", "text", "hybrid"] * 4 + ["neither"]))
    query: Json = {"topK": draw(st.sampled_from([1, 2, 3, 5, 10_000] * 4 + [0, 10_001]))}
    if kind in {"vector", "hybrid"}:
        query["queryVector"] = {"float32": draw(st.one_of(vectors, vectors, vectors, bad_vectors))}
    if kind in {"text", "hybrid"}:
        query["queryTexts"] = draw(st.lists(text_queries, min_size=1, max_size=2))
    if draw(st.booleans()):
        query["filter"] = draw(filters)
    if draw(st.integers(0, 4)) == 0:
        query["queryMode"] = draw(modes)
    return {**query, **draw(shown_parts)}


@st.composite
def good_queries(draw: st.DrawFn) -> Json:
    """A query that is valid for an ENHANCED index with texts under `plain`, `en` and `zh`."""
    kind = draw(st.sampled_from(["vector", "text", "hybrid", "hybrid"]))
    query: Json = {"topK": draw(st.sampled_from([1, 2, 3, 5, 120]))}
    if kind in {"vector", "hybrid"}:
        query["queryVector"] = {"float32": draw(vectors)}
    if kind in {"text", "hybrid"}:
        names = draw(st.lists(st.sampled_from(["plain", "en", "zh"]), min_size=1, max_size=3, unique=True))
        query["queryTexts"] = [{"metadataKey": name, "text": draw(query_texts)} for name in names]
    if draw(st.integers(0, 2)) == 0:
        query["filter"] = draw(good_conditions.filter(lambda each: each != TOO_MANY))
    return {**query, **draw(shown_parts)}


def drop_none(**members: Any) -> Json:
    return {name: value for name, value in members.items() if value is not None}


class Comparison(RuleBasedStateMachine):
    """Sends every request to the endpoint and to the naive service."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.now = 1_800_000_000.5
        self.naive = NaiveService(
            refuses_duplicate_keys=True,
            ne_matches_absent=True,
            classic_until_s=0,
            backfill_s=1,
            hybrid_depth=1_000,
        )

    def switch(self, **switches: Any) -> None:
        """Set the switches of both, and start with empty services."""
        self.state = State()
        self.state.behaviour = replace(self.state.behaviour, **switches)
        self.naive = NaiveService(**switches)

    def send(self, operation: str, members: Json) -> tuple[int, str, Json]:
        http = OPERATIONS[operation]["http"]
        path, body, query = http["requestUri"], dict(members), ""
        if "{" in path:
            path = path.replace("{resourceArn}", quote(body.pop("resourceArn"), safe=""))
        if "tagKeys" in body:
            query = urlencode([("tagKeys", key) for key in body.pop("tagKeys")], quote_via=quote)
        content = orjson.dumps(body) if http["method"] == "POST" else b""
        response = apply(self.state, Request(http["method"], path, content, query), self.now)
        return response.status, response.error, orjson.loads(response.body)

    def compare(self, operation: str, members: Json) -> Json | None:
        """Require the response of the naive service, and return it if it is a success."""
        status, code, response = self.send(operation, members)
        expected = self.naive.expected(operation, members, self.now)
        assert (status, code) == expected[:2], (operation, members, response, expected)
        if code:
            message = expected[2]["message"].replace("kms_request_id=...)", "")
            assert response["message"].startswith(message), (operation, members, response)
            return None
        if "nextToken" in response:
            response = {**response, "nextToken": True}
        assert is_close(sort_rows(operation, response), sort_rows(operation, expected[2])), (
            operation,
            members,
            response,
            expected[2],
        )
        return response

    def compare_results(self, members: Json) -> None:
        """Require the results of the naive service over all pages."""
        status, code, response = self.all_pages("QueryVectors", members, "vectors")
        expected = self.naive.expected("QueryVectors", members, self.now)
        assert (status, code) == expected[:2], (members, response, expected)
        if code:
            assert response["message"] == expected[2]["message"], members
        else:
            assert is_close(response, expected[2]), (members, response, expected[2])

    def all_pages(self, operation: str, members: Json, name: str) -> tuple[int, str, Json]:
        """Return the response with the items of all pages."""
        status, code, response = self.send(operation, members)
        items = response.get(name, [])
        while token := response.pop("nextToken", None):
            assert response[name]
            _, _, response = self.send(operation, {**members, "nextToken": token})
            items = [*items, *response[name]]
        return status, code, {**response, name: items} if not code else response


class Sequences(Comparison):
    """All operations, in any order."""

    @initialize(
        duplicates=st.booleans(),
        absent=st.booleans(),
        old=st.sampled_from([0.0, 1_800_000_003.0, 1_900_000_000.0]),
    )
    def start(self, duplicates: bool, absent: bool, old: float) -> None:
        self.switch(
            refuses_duplicate_keys=duplicates,
            ne_matches_absent=absent,
            classic_until_s=old,
            backfill_s=2.0,
            hybrid_depth=1_000,
        )
        self.compare("CreateVectorBucket", {"vectorBucketName": "bucket-a"})
        for name, metric in (("index-a", "euclidean"), ("index.b", "cosine")):
            shape = {"dataType": "float32", "dimension": 2, "distanceMetric": metric}
            self.compare("CreateIndex", {"vectorBucketName": "bucket-a", "indexName": name, **shape})

    # --- buckets ---

    @rule(
        name=bucket_names | st.just("under_score"),
        tags=st.none() | tags | bad_tags,
        encryption=st.none() | encryptions,
    )
    def create_bucket(self, name: str, tags: Json | None, encryption: Json | None) -> None:
        settings_ = drop_none(tags=tags, encryptionConfiguration=encryption)
        self.compare("CreateVectorBucket", {"vectorBucketName": name, **settings_})

    @rule(address=bucket_addresses())
    def get_bucket(self, address: Json) -> None:
        self.compare("GetVectorBucket", address)

    @rule(address=bucket_addresses())
    def delete_bucket(self, address: Json) -> None:
        self.compare("DeleteVectorBucket", address)

    @rule(size=st.none() | st.integers(0, 3), prefix=st.none() | st.sampled_from(["b", "bucket-b", "x"]))
    def list_buckets(self, size: int | None, prefix: str | None) -> None:
        self.compare("ListVectorBuckets", drop_none(maxResults=size, prefix=prefix))

    @rule(
        address=bucket_addresses(),
        policy=st.sampled_from(['{"Version":"2012-10-17"}', "{}", "[]", "1", "{", ""]),
    )
    def put_policy(self, address: Json, policy: str) -> None:
        self.compare("PutVectorBucketPolicy", {**address, "policy": policy})

    @rule(address=bucket_addresses())
    def get_policy(self, address: Json) -> None:
        self.compare("GetVectorBucketPolicy", address)

    @rule(address=bucket_addresses())
    def delete_policy(self, address: Json) -> None:
        self.compare("DeleteVectorBucketPolicy", address)

    @rule(address=bucket_addresses(), mode=modes)
    def put_default_mode(self, address: Json, mode: str) -> None:
        self.compare("PutVectorBucketDefaultIndexMode", {**address, "defaultIndexMode": mode})

    # --- indexes ---

    @rule(
        address=bucket_addresses(),
        name=st.one_of(index_names, index_names, st.just("under_score")),
        metric=st.sampled_from(["euclidean", "cosine"]),
        hidden=st.none() | st.lists(metadata_keys, max_size=2, unique=True),
        texts=st.none() | configurations,
        tags=st.none() | tags | bad_tags,
        encryption=st.none() | encryptions,
    )
    def create_index(  # noqa: PLR0917 - rules are called by name
        self,
        address: Json,
        name: str,
        metric: str,
        hidden: list[str] | None,
        texts: list[Json] | None,
        tags: Json | None,
        encryption: Json | None,
    ) -> None:
        configuration = drop_none(nonFilterableMetadataKeys=hidden, textSearchConfigurations=texts)
        more = drop_none(
            tags=tags, encryptionConfiguration=encryption, metadataConfiguration=configuration or None
        )
        shape = {"dataType": "float32", "dimension": 2, "distanceMetric": metric}
        self.compare("CreateIndex", {**address, "indexName": name, **shape, **more})

    @rule(address=index_addresses())
    def get_index(self, address: Json) -> None:
        self.compare("GetIndex", address)

    @rule(address=index_addresses())
    def delete_index(self, address: Json) -> None:
        self.compare("DeleteIndex", address)

    @rule(address=bucket_addresses(), size=st.none() | st.integers(1, 3))
    def list_indexes(self, address: Json, size: int | None) -> None:
        members = {**address, **drop_none(maxResults=size)}
        self.compare("ListIndexes", members)
        whole = self.naive.expected("ListIndexes", address, self.now)[2]
        assert self.all_pages("ListIndexes", members, "indexes")[2] == whole

    @rule(address=index_addresses(), mode=modes)
    def update_mode(self, address: Json, mode: str) -> None:
        self.compare("UpdateIndexMode", {**address, "indexMode": mode})

    @rule(address=index_addresses(), texts=configurations)
    def add_texts(self, address: Json, texts: list[Json]) -> None:
        self.compare("UpdateMetadataConfiguration", {**address, "add": {TEXTS: texts}})

    @rule(address=index_addresses(), names=st.lists(metadata_keys, min_size=1, max_size=2))
    def delete_texts(self, address: Json, names: list[str]) -> None:
        removed = {TEXTS: [{"metadataKey": name} for name in names]}
        self.compare("UpdateMetadataConfiguration", {**address, "delete": removed})

    @rule(address=index_addresses(), both=st.booleans())
    def update_nothing_or_all(self, address: Json, both: bool) -> None:
        self.compare(
            "UpdateMetadataConfiguration", {**address, **({"add": {}, "delete": {}} if both else {})}
        )

    # --- tags ---

    @rule(arn=resources())
    def list_tags(self, arn: str) -> None:
        self.compare("ListTagsForResource", {"resourceArn": arn})

    @rule(arn=resources(), tags=tags | bad_tags)
    def tag(self, arn: str, tags: Json) -> None:
        self.compare("TagResource", {"resourceArn": arn, "tags": tags})

    @rule(
        arn=resources(),
        removed=st.lists(st.sampled_from(["team", "größe 1", "aws:x"]), min_size=1, max_size=2),
    )
    def untag(self, arn: str, removed: list[str]) -> None:
        self.compare("UntagResource", {"resourceArn": arn, "tagKeys": removed})

    # --- vectors ---

    @rule(
        address=index_addresses(),
        batch=st.lists(records, min_size=1, max_size=6, unique_by=lambda each: str(each["key"])),
    )
    def put(self, address: Json, batch: list[Json]) -> None:
        self.compare("PutVectors", {**address, "vectors": list(map(to_member, batch))})

    @rule(address=index_addresses(), batch=st.lists(bad_records, min_size=1, max_size=3))
    def put_anything(self, address: Json, batch: list[Json]) -> None:
        self.compare("PutVectors", {**address, "vectors": list(map(to_member, batch))})

    @rule(address=index_addresses(), first=st.sampled_from([0, 100]))
    def put_many(self, address: Json, first: int) -> None:
        batch = [
            {"key": f"many-{number:03}", "data": {"float32": [1 + number % 40, number // 40]}}
            for number in range(first, first + 120)
        ]
        self.compare("PutVectors", {**address, "vectors": batch})

    @rule(
        address=index_addresses(),
        requested=st.lists(keys, min_size=1),
        data=st.booleans(),
        metadata=st.booleans(),
    )
    def get(self, address: Json, requested: list[str], data: bool, metadata: bool) -> None:
        members = {**address, "keys": requested, "returnData": data, "returnMetadata": metadata}
        self.compare("GetVectors", members)

    @rule(address=index_addresses(), removed=st.lists(keys | st.just("many-007"), min_size=1, max_size=4))
    def delete(self, address: Json, removed: list[str]) -> None:
        self.compare("DeleteVectors", {**address, "keys": removed})

    @rule(address=index_addresses(), size=st.sampled_from([1, 7, 100, 1_000]), segments=st.integers(1, 4))
    def scan(self, address: Json, size: int, segments: int) -> None:
        expected = self.naive.expected("ListVectors", {**address, "returnData": True}, self.now)
        found: list[Json] = []
        for segment in range(segments):
            members = {**address, "segmentIndex": segment, "segmentCount": segments}
            shown = {"maxResults": size, "returnData": True}
            status, code, response = self.all_pages("ListVectors", {**members, **shown}, "vectors")
            assert (status, code) == expected[:2]
            found += response.get("vectors", [])
        assert sort_rows("ListVectors", {"vectors": found}) == sort_rows(
            "ListVectors", {"vectors": expected[2].get("vectors", [])}
        )

    @rule(address=index_addresses(), query=queries())
    def query(self, address: Json, query: Json) -> None:
        self.compare_results({**address, **query})

    @rule(address=index_addresses(), near=vectors)
    def query_with_a_write_between_pages(self, address: Json, near: list[int]) -> None:
        members = {**address, "topK": 150, "queryVector": {"float32": near}, "returnMetadata": True}
        expected = self.naive.expected("QueryVectors", members, self.now)[2].get("vectors", [])
        first = self.send("QueryVectors", members)[2]
        assert first.get("vectors", []) == expected[:100]
        assert ("nextToken" in first) == (len(expected) > 100)
        if "nextToken" in first:
            self.compare("DeleteVectors", {**address, "keys": [expected[100]["key"]]})
            second = self.send("QueryVectors", {**members, "nextToken": first["nextToken"]})[2]
            assert second["vectors"] == expected[100:]

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def lists_are_equal(self) -> None:
        self.compare("ListVectorBuckets", {})
        for bucket in self.naive.buckets:
            self.compare("ListIndexes", {"vectorBucketName": bucket})


class Searches(Comparison):
    """Writes to an index with texts, and searches in it, in any order."""

    address: Json = {"vectorBucketName": "bucket-a", "indexName": "index-a"}  # noqa: RUF012 - never changed

    @initialize(
        metric=st.sampled_from(["euclidean", "cosine"]),
        absent=st.booleans(),
        depth=st.sampled_from([2, 4, 1_000]),
        batch=st.lists(rich_records, min_size=3, max_size=8),
    )
    def start(self, metric: str, absent: bool, depth: int, batch: list[Json]) -> None:
        self.switch(
            refuses_duplicate_keys=False,
            ne_matches_absent=absent,
            classic_until_s=0.0,
            backfill_s=1.0,
            hybrid_depth=depth,
        )
        searchable = [{"metadataKey": "plain"}] + [{"metadataKey": w, "language": w} for w in ("en", "zh")]
        shape = {"dataType": "float32", "dimension": 2, "distanceMetric": metric}
        configuration = {"metadataConfiguration": {TEXTS: searchable}}
        self.compare("CreateVectorBucket", {"vectorBucketName": "bucket-a"})
        self.compare("CreateIndex", {**self.address, **shape, **configuration})
        self.put(batch)

    @rule(batch=st.lists(rich_records, min_size=1, max_size=6))
    def put(self, batch: list[Json]) -> None:
        self.compare("PutVectors", {**self.address, "vectors": list(map(to_member, batch))})

    @rule(removed=st.lists(keys, min_size=1, max_size=3, unique=True))
    def delete(self, removed: list[str]) -> None:
        self.compare("DeleteVectors", {**self.address, "keys": removed})

    @rule(name=st.sampled_from(["plain", "zh"]), seconds=st.sampled_from([0.5, 1.0]))
    def search_with_another_language(self, name: str, seconds: float) -> None:
        """The configuration is deleted and added again with another language."""
        self.compare(
            "UpdateMetadataConfiguration", {**self.address, "delete": {TEXTS: [{"metadataKey": name}]}}
        )
        added = {"metadataKey": name, "language": "en"}
        self.compare("UpdateMetadataConfiguration", {**self.address, "add": {TEXTS: [added]}})
        self.now += seconds
        self.compare("GetIndex", self.address)

    @rule(choice=st.integers(0, 1_000), new=st.none() | texts, query=good_queries())
    def search_for_a_deleted_text(self, choice: int, new: str | None, query: Json) -> None:
        """The vector is deleted or overwritten."""
        stored = self.naive.index(self.address)["vectors"]
        if not stored:
            return
        key = sorted(stored)[choice % len(stored)]
        old = " ".join(str(stored[key][1].get("plain", "")).split()[:2]) or "run"
        old_query = {"queryTexts": [{"metadataKey": "plain", "text": old}], "returnScores": True}
        self.search({"topK": 200, **old_query})
        if new is None:
            self.delete([key])
        else:
            self.put([{"key": key, "vector": [3, 4], "metadata": {"plain": new}}])
        self.search({**query, **old_query})

    @rule(query=query_texts, other=query_texts, top_k=st.integers(1, 3))
    def search_two_texts(self, query: str, other: str, top_k: int) -> None:
        queries = [{"metadataKey": "en", "text": query}, {"metadataKey": "plain", "text": other}]
        self.search({"topK": top_k, "queryTexts": queries, "returnScores": True})

    @rule(query=good_queries())
    def search(self, query: Json) -> None:
        self.compare_results({**self.address, **query})

    @rule(query=good_queries(), more=good_queries())
    def search_twice(self, query: Json, more: Json) -> None:
        """Makes searches more frequent."""
        self.search(query)
        self.search({**more, **query})

    @rule()
    def put_many(self) -> None:
        batch = [
            {
                "key": f"many-{number:03}",
                "data": {"float32": [1 + number % 40, number // 40]},
                "metadata": {"plain": f"run {'dog ' * (number % 5)}", "n": number},
            }
            for number in range(130)
        ]
        self.compare("PutVectors", {**self.address, "vectors": batch})


def to_member(record: Json) -> Json:
    member = {"key": record["key"], "data": {"float32": record["vector"]}}
    return member if record["metadata"] is None else {**member, "metadata": record["metadata"]}


def sort_rows(operation: str, response: Json) -> Json:
    """Return the response with its vectors sorted by key if their order is not specified."""
    if operation not in {"GetVectors", "ListVectors"}:
        return response
    return {**response, "vectors": sorted(response["vectors"], key=lambda each: str(each["key"]))}


def is_close(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal except for the last digits of floats."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_close(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_close, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-7)
    return bool(type(one) is type(other) and one == other)


for machine in (Sequences, Searches):
    machine.TestCase.settings = settings(stateful_step_count=40)
TestSequences, TestSearches = Sequences.TestCase, Searches.TestCase
