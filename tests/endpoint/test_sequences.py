"""Random sequences of all operations, valid and invalid: each answer is that of a second, naive service."""

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

from vecgate.endpoint.answers import Request
from vecgate.endpoint.core import apply
from vecgate.endpoint.state import State

Json = dict[str, Any]

OPERATIONS = Loader().load_service_model("s3vectors", "service-2")["operations"]
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234"

bucket_names = st.sampled_from(["bucket-a", "bucket-b"])
index_names = st.sampled_from(["index-a", "index.b"])
keys = st.sampled_from([f"key-{number}" for number in range(8)])
#: Their norms are whole, so that cosine distances are as exact as squares.
vectors = st.sampled_from([[3, 4], [4, 3], [1, 0], [0, 2], [-1, 0], [6, 8], [-3, -4], [5, 12], [-4, 3]])
bad_vectors = st.sampled_from([[], [1], [1, 2, 3], [0, 0]])
words = st.sampled_from(
    ["run", "Runs", "running", "dog", "DOGS", "dogs!", "cat", "and", "(x", "北京大学", "京"]
)
texts = st.lists(words, max_size=6).map(" ".join)
#: Sums of two terms come out the same in any arithmetic; of three they need not.
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
    """A bucket by name or by ARN; now and then in no form that there is."""
    name = draw(bucket_names)
    forms: list[Json] = [{"vectorBucketName": name}, {"vectorBucketArn": ACCOUNT_ARN + name}]
    odd: list[Json] = [{}, {**forms[0], **forms[1]}, {"vectorBucketName": "under_score"}]
    return draw(st.sampled_from([*forms * 5, *odd]))


@st.composite
def index_addresses(draw: st.DrawFn) -> Json:
    """An index by names or by ARN, often one that is there; now and then in no form that there is."""
    bucket, name = draw(st.sampled_from(["bucket-a"] * 5 + ["bucket-b"])), draw(index_names)
    by_name: Json = {"vectorBucketName": bucket, "indexName": name}
    by_arn: Json = {"indexArn": f"{ACCOUNT_ARN}{bucket}/index/{name}"}
    odd: list[Json] = [{"indexName": name}, {**by_name, **by_arn}, {**by_name, "indexName": "under_score"}]
    return draw(st.sampled_from([by_name, by_arn] * 6 + odd))


@st.composite
def resources(draw: st.DrawFn) -> str:
    """The ARN of a bucket or of an index, or of nothing."""
    bucket = ACCOUNT_ARN + draw(bucket_names)
    return draw(st.sampled_from([bucket, f"{bucket}/index/{draw(index_names)}"] * 3 + ["arn:aws:s3:::b"]))


@st.composite
def queries(draw: st.DrawFn) -> Json:
    """Everything of QueryVectors but the address; often enough valid."""
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
    """A query that an ENHANCED index with texts under `plain`, `en` and `zh` answers."""
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


def drop_empty(**members: Any) -> Json:
    return {name: value for name, value in members.items() if value is not None}


class Beside(RuleBasedStateMachine):
    """The endpoint beside the naive service, asked the same."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.now = 1_800_000_000.5
        self.naive = NaiveService(
            refuses_duplicate_keys=True,
            absent_differs=True,
            classic_until_s=0,
            backfill_s=1,
            hybrid_depth=1_000,
        )

    def switch(self, **switches: Any) -> None:
        """Set the endpoint's switches; an empty service begins."""
        self.state = State()
        self.state.behaviour = replace(self.state.behaviour, **switches)
        self.naive = NaiveService(**switches)

    def ask(self, operation: str, members: Json) -> tuple[int, str, Json]:
        http = OPERATIONS[operation]["http"]
        path, body, query = http["requestUri"], dict(members), ""
        if "{" in path:
            path = path.replace("{resourceArn}", quote(body.pop("resourceArn"), safe=""))
        if "tagKeys" in body:
            query = urlencode([("tagKeys", key) for key in body.pop("tagKeys")], quote_via=quote)
        content = orjson.dumps(body) if http["method"] == "POST" else b""
        answer = apply(self.state, Request(http["method"], path, content, query), self.now)
        return answer.status, answer.error, orjson.loads(answer.body)

    def same(self, operation: str, members: Json) -> Json | None:
        """The answer, if it is a success: what the naive service says, to the letter."""
        status, code, answer = self.ask(operation, members)
        expected = self.naive.expected(operation, members, self.now)
        assert (status, code) == expected[:2], (operation, members, answer, expected)
        if code:
            wanted = expected[2]["message"].replace("kms_request_id=...)", "")
            assert answer["message"].startswith(wanted), (operation, members, answer)
            return None
        if "nextToken" in answer:
            answer = {**answer, "nextToken": True}
        assert close(in_order(operation, answer), in_order(operation, expected[2])), (
            operation,
            members,
            answer,
            expected[2],
        )
        return answer

    def same_results(self, members: Json) -> None:
        """The results of all pages are those of the naive service."""
        status, code, answer = self.all_pages("QueryVectors", members, "vectors")
        expected = self.naive.expected("QueryVectors", members, self.now)
        assert (status, code) == expected[:2], (members, answer, expected)
        if code:
            assert answer["message"] == expected[2]["message"], members
        else:
            assert close(answer, expected[2]), (members, answer, expected[2])

    def all_pages(self, operation: str, members: Json, name: str) -> tuple[int, str, Json]:
        """The answer with the items of all pages."""
        status, code, answer = self.ask(operation, members)
        items = answer.get(name, [])
        while token := answer.pop("nextToken", None):
            assert answer[name]
            _, _, answer = self.ask(operation, {**members, "nextToken": token})
            items = [*items, *answer[name]]
        return status, code, {**answer, name: items} if not code else answer


class Sequences(Beside):
    """All operations: the same answers, whatever the sequence."""

    @initialize(
        duplicates=st.booleans(),
        absent=st.booleans(),
        old=st.sampled_from([0.0, 1_800_000_003.0, 1_900_000_000.0]),
    )
    def begin(self, duplicates: bool, absent: bool, old: float) -> None:
        self.switch(
            refuses_duplicate_keys=duplicates,
            absent_differs=absent,
            classic_until_s=old,
            backfill_s=2.0,
            hybrid_depth=1_000,
        )
        self.same("CreateVectorBucket", {"vectorBucketName": "bucket-a"})
        for name, metric in (("index-a", "euclidean"), ("index.b", "cosine")):
            shape = {"dataType": "float32", "dimension": 2, "distanceMetric": metric}
            self.same("CreateIndex", {"vectorBucketName": "bucket-a", "indexName": name, **shape})

    # --- buckets ---

    @rule(
        name=bucket_names | st.just("under_score"),
        tags=st.none() | tags | bad_tags,
        encryption=st.none() | encryptions,
    )
    def create_bucket(self, name: str, tags: Json | None, encryption: Json | None) -> None:
        settings_ = drop_empty(tags=tags, encryptionConfiguration=encryption)
        self.same("CreateVectorBucket", {"vectorBucketName": name, **settings_})

    @rule(address=bucket_addresses())
    def get_bucket(self, address: Json) -> None:
        self.same("GetVectorBucket", address)

    @rule(address=bucket_addresses())
    def delete_bucket(self, address: Json) -> None:
        self.same("DeleteVectorBucket", address)

    @rule(size=st.none() | st.integers(0, 3), prefix=st.none() | st.sampled_from(["b", "bucket-b", "x"]))
    def list_buckets(self, size: int | None, prefix: str | None) -> None:
        self.same("ListVectorBuckets", drop_empty(maxResults=size, prefix=prefix))

    @rule(
        address=bucket_addresses(),
        policy=st.sampled_from(['{"Version":"2012-10-17"}', "{}", "[]", "1", "{", ""]),
    )
    def put_policy(self, address: Json, policy: str) -> None:
        self.same("PutVectorBucketPolicy", {**address, "policy": policy})

    @rule(address=bucket_addresses())
    def get_policy(self, address: Json) -> None:
        self.same("GetVectorBucketPolicy", address)

    @rule(address=bucket_addresses())
    def delete_policy(self, address: Json) -> None:
        self.same("DeleteVectorBucketPolicy", address)

    @rule(address=bucket_addresses(), mode=modes)
    def put_default_mode(self, address: Json, mode: str) -> None:
        self.same("PutVectorBucketDefaultIndexMode", {**address, "defaultIndexMode": mode})

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
        configuration = drop_empty(nonFilterableMetadataKeys=hidden, textSearchConfigurations=texts)
        more = drop_empty(
            tags=tags, encryptionConfiguration=encryption, metadataConfiguration=configuration or None
        )
        shape = {"dataType": "float32", "dimension": 2, "distanceMetric": metric}
        self.same("CreateIndex", {**address, "indexName": name, **shape, **more})

    @rule(address=index_addresses())
    def get_index(self, address: Json) -> None:
        self.same("GetIndex", address)

    @rule(address=index_addresses())
    def delete_index(self, address: Json) -> None:
        self.same("DeleteIndex", address)

    @rule(address=bucket_addresses(), size=st.none() | st.integers(1, 3))
    def list_indexes(self, address: Json, size: int | None) -> None:
        members = {**address, **drop_empty(maxResults=size)}
        self.same("ListIndexes", members)
        whole = self.naive.expected("ListIndexes", address, self.now)[2]
        assert self.all_pages("ListIndexes", members, "indexes")[2] == whole

    @rule(address=index_addresses(), mode=modes)
    def update_mode(self, address: Json, mode: str) -> None:
        self.same("UpdateIndexMode", {**address, "indexMode": mode})

    @rule(address=index_addresses(), texts=configurations)
    def add_texts(self, address: Json, texts: list[Json]) -> None:
        self.same("UpdateMetadataConfiguration", {**address, "add": {TEXTS: texts}})

    @rule(address=index_addresses(), names=st.lists(metadata_keys, min_size=1, max_size=2))
    def delete_texts(self, address: Json, names: list[str]) -> None:
        gone = {TEXTS: [{"metadataKey": name} for name in names]}
        self.same("UpdateMetadataConfiguration", {**address, "delete": gone})

    @rule(address=index_addresses(), both=st.booleans())
    def update_nothing_or_all(self, address: Json, both: bool) -> None:
        self.same("UpdateMetadataConfiguration", {**address, **({"add": {}, "delete": {}} if both else {})})

    # --- tags ---

    @rule(arn=resources())
    def list_tags(self, arn: str) -> None:
        self.same("ListTagsForResource", {"resourceArn": arn})

    @rule(arn=resources(), tags=tags | bad_tags)
    def tag(self, arn: str, tags: Json) -> None:
        self.same("TagResource", {"resourceArn": arn, "tags": tags})

    @rule(
        arn=resources(), gone=st.lists(st.sampled_from(["team", "größe 1", "aws:x"]), min_size=1, max_size=2)
    )
    def untag(self, arn: str, gone: list[str]) -> None:
        self.same("UntagResource", {"resourceArn": arn, "tagKeys": gone})

    # --- vectors ---

    @rule(
        address=index_addresses(),
        batch=st.lists(records, min_size=1, max_size=6, unique_by=lambda each: str(each["key"])),
    )
    def put(self, address: Json, batch: list[Json]) -> None:
        self.same("PutVectors", {**address, "vectors": list(map(wire, batch))})

    @rule(address=index_addresses(), batch=st.lists(bad_records, min_size=1, max_size=3))
    def put_anything(self, address: Json, batch: list[Json]) -> None:
        self.same("PutVectors", {**address, "vectors": list(map(wire, batch))})

    @rule(address=index_addresses(), first=st.sampled_from([0, 100]))
    def put_many(self, address: Json, first: int) -> None:
        batch = [
            {"key": f"many-{number:03}", "data": {"float32": [1 + number % 40, number // 40]}}
            for number in range(first, first + 120)
        ]
        self.same("PutVectors", {**address, "vectors": batch})

    @rule(
        address=index_addresses(),
        wanted=st.lists(keys, min_size=1),
        data=st.booleans(),
        metadata=st.booleans(),
    )
    def get(self, address: Json, wanted: list[str], data: bool, metadata: bool) -> None:
        members = {**address, "keys": wanted, "returnData": data, "returnMetadata": metadata}
        self.same("GetVectors", members)

    @rule(address=index_addresses(), gone=st.lists(keys | st.just("many-007"), min_size=1, max_size=4))
    def delete(self, address: Json, gone: list[str]) -> None:
        self.same("DeleteVectors", {**address, "keys": gone})

    @rule(address=index_addresses(), size=st.sampled_from([1, 7, 100, 1_000]), segments=st.integers(1, 4))
    def scan(self, address: Json, size: int, segments: int) -> None:
        expected = self.naive.expected("ListVectors", {**address, "returnData": True}, self.now)
        found: list[Json] = []
        for segment in range(segments):
            members = {**address, "segmentIndex": segment, "segmentCount": segments}
            shown = {"maxResults": size, "returnData": True}
            status, code, answer = self.all_pages("ListVectors", {**members, **shown}, "vectors")
            assert (status, code) == expected[:2]
            found += answer.get("vectors", [])
        assert in_order("ListVectors", {"vectors": found}) == in_order(
            "ListVectors", {"vectors": expected[2].get("vectors", [])}
        )

    @rule(address=index_addresses(), query=queries())
    def query(self, address: Json, query: Json) -> None:
        self.same_results({**address, **query})

    @rule(address=index_addresses(), near=vectors)
    def query_with_a_write_between_pages(self, address: Json, near: list[int]) -> None:
        members = {**address, "topK": 150, "queryVector": {"float32": near}, "returnMetadata": True}
        expected = self.naive.expected("QueryVectors", members, self.now)[2].get("vectors", [])
        first = self.ask("QueryVectors", members)[2]
        assert first.get("vectors", []) == expected[:100]
        assert ("nextToken" in first) == (len(expected) > 100)
        if "nextToken" in first:
            self.same("DeleteVectors", {**address, "keys": [expected[100]["key"]]})
            second = self.ask("QueryVectors", {**members, "nextToken": first["nextToken"]})[2]
            assert second["vectors"] == expected[100:]

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def everything_shows_in_lists(self) -> None:
        self.same("ListVectorBuckets", {})
        for bucket in self.naive.buckets:
            self.same("ListIndexes", {"vectorBucketName": bucket})


class Searches(Beside):
    """One index with texts, written to and searched: the same results, whatever the sequence."""

    address: Json = {"vectorBucketName": "bucket-a", "indexName": "index-a"}  # noqa: RUF012 - never changed

    @initialize(
        metric=st.sampled_from(["euclidean", "cosine"]),
        absent=st.booleans(),
        depth=st.sampled_from([2, 4, 1_000]),
        batch=st.lists(rich_records, min_size=3, max_size=8),
    )
    def begin(self, metric: str, absent: bool, depth: int, batch: list[Json]) -> None:
        self.switch(
            refuses_duplicate_keys=False,
            absent_differs=absent,
            classic_until_s=0.0,
            backfill_s=1.0,
            hybrid_depth=depth,
        )
        searchable = [{"metadataKey": "plain"}] + [{"metadataKey": w, "language": w} for w in ("en", "zh")]
        shape = {"dataType": "float32", "dimension": 2, "distanceMetric": metric}
        configuration = {"metadataConfiguration": {TEXTS: searchable}}
        self.same("CreateVectorBucket", {"vectorBucketName": "bucket-a"})
        self.same("CreateIndex", {**self.address, **shape, **configuration})
        self.put(batch)

    @rule(batch=st.lists(rich_records, min_size=1, max_size=6))
    def put(self, batch: list[Json]) -> None:
        self.same("PutVectors", {**self.address, "vectors": list(map(wire, batch))})

    @rule(gone=st.lists(keys, min_size=1, max_size=3, unique=True))
    def delete(self, gone: list[str]) -> None:
        self.same("DeleteVectors", {**self.address, "keys": gone})

    @rule(name=st.sampled_from(["plain", "zh"]), seconds=st.sampled_from([0.5, 1.0]))
    def search_anew(self, name: str, seconds: float) -> None:
        """The configuration goes, and comes again as another."""
        self.same("UpdateMetadataConfiguration", {**self.address, "delete": {TEXTS: [{"metadataKey": name}]}})
        added = {"metadataKey": name, "language": "en"}
        self.same("UpdateMetadataConfiguration", {**self.address, "add": {TEXTS: [added]}})
        self.now += seconds
        self.same("GetIndex", self.address)

    @rule(choice=st.integers(0, 1_000), new=st.none() | texts, query=good_queries())
    def search_for_a_text_that_is_gone(self, choice: int, new: str | None, query: Json) -> None:
        """It has been deleted, or overwritten."""
        there = self.naive.index(self.address)["vectors"]
        if not there:
            return
        key = sorted(there)[choice % len(there)]
        old = " ".join(str(there[key][1].get("plain", "")).split()[:2]) or "run"
        asked = {"queryTexts": [{"metadataKey": "plain", "text": old}], "returnScores": True}
        self.search({"topK": 200, **asked})
        if new is None:
            self.delete([key])
        else:
            self.put([{"key": key, "vector": [3, 4], "metadata": {"plain": new}}])
        self.search({**query, **asked})

    @rule(query=query_texts, other=query_texts, top_k=st.integers(1, 3))
    def search_two_texts(self, query: str, other: str, top_k: int) -> None:
        asked = [{"metadataKey": "en", "text": query}, {"metadataKey": "plain", "text": other}]
        self.search({"topK": top_k, "queryTexts": asked, "returnScores": True})

    @rule(query=good_queries())
    def search(self, query: Json) -> None:
        self.same_results({**self.address, **query})

    @rule(query=good_queries(), more=good_queries())
    def search_twice(self, query: Json, more: Json) -> None:
        """Most steps are to be searches."""
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
        self.same("PutVectors", {**self.address, "vectors": batch})


def wire(record: Json) -> Json:
    one = {"key": record["key"], "data": {"float32": record["vector"]}}
    return one if record["metadata"] is None else {**one, "metadata": record["metadata"]}


def in_order(operation: str, answer: Json) -> Json:
    """The answer with its vectors by key, where their order is not known."""
    if operation not in {"GetVectors", "ListVectors"}:
        return answer
    return {**answer, "vectors": sorted(answer["vectors"], key=lambda each: str(each["key"]))}


def close(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal but for the last digits of floats."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-7)
    return bool(type(one) is type(other) and one == other)


for machine in (Sequences, Searches):
    machine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestSequences, TestSearches = Sequences.TestCase, Searches.TestCase
