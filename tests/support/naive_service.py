"""A second implementation of S3 Vectors: slow, obvious, made of dictionaries. It judges random sequences.

It shares no code with the endpoint. `expected` returns the status, the error code and the body with which a
request must be answered. The order of listed vectors is not defined, and True stands for a token.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
Scores = dict[str, float]

ACCOUNT_ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/"
AES = {"sseType": "AES256"}
MISSING_KEY = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000"
ENGLISH = {"runs": "run", "running": "run", "dogs": "dog"}
TEXTS = "textSearchConfigurations"


class Refusal(Exception):
    """Raised to answer with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def bad(message: str) -> Refusal:
    return Refusal(400, "ValidationException", message)


def missing(what: str) -> Refusal:
    return Refusal(404, "NotFoundException", f"The specified {what} could not be found")


def conflict(message: str) -> Refusal:
    return Refusal(409, "ConflictException", message)


def constraint(path: str, rule: str) -> Refusal:
    return bad(
        f"1 validation error detected. Value at '{path}' failed to satisfy constraint: Member must {rule}"
    )


class NaiveService:
    """One account in one region. The arguments are the switches of the endpoint."""

    def __init__(
        self,
        *,
        refuses_duplicate_keys: bool,
        ne_matches_absent: bool,
        classic_until_s: float,
        backfill_s: float,
        hybrid_depth: int,
    ) -> None:
        self.buckets: dict[str, Json] = {}
        self.refuses_duplicate_keys, self.ne_matches_absent = refuses_duplicate_keys, ne_matches_absent
        self.classic_until_s, self.backfill_s = classic_until_s, backfill_s
        self.hybrid_depth = hybrid_depth

    def expected(self, operation: str, members: Json, now: float) -> tuple[int, str, Json]:
        try:
            return 200, "", getattr(self, operation)(members, now)
        except Refusal as refusal:
            return refusal.status, refusal.code, {"message": refusal.message}

    # --- addresses ---

    def bucket(self, members: Json) -> Json:
        name, arn = members.get("vectorBucketName"), members.get("vectorBucketArn")
        if (name is None) == (arn is None):
            raise bad("Must specify either vectorBucketName or vectorBucketArn but not both")
        if arn is not None:
            found = [bucket for bucket in self.buckets.values() if bucket["arn"] == arn]
        else:
            check_name(name, "vector bucket")
            found = [bucket for bucket in self.buckets.values() if bucket["name"] == name]
        for bucket in found:
            return bucket
        raise missing("vector bucket")

    def index(self, members: Json) -> Json:
        bucket, name, arn = (members.get(m) for m in ("vectorBucketName", "indexName", "indexArn"))
        by_name, by_arn = bucket is not None and name is not None, arn is not None
        half = (bucket is not None) != (name is not None)
        if by_name == by_arn or half:
            raise bad("Must specify either indexArn or both vectorBucketName and indexName")
        if by_name:
            check_name(bucket, "vector bucket")
            check_name(name, "index")
            arn = f"{ACCOUNT_ARN}{bucket}/index/{name}"
        for each in self.buckets.values():
            found: list[Json] = [index for index in each["indexes"].values() if index["arn"] == arn]
            for index in found:
                return index
        raise missing("index")

    def resource(self, arn: str) -> Json:
        for bucket in self.buckets.values():
            found: list[Json] = [bucket, *bucket["indexes"].values()]
            for one in found:
                if one["arn"] == arn:
                    return one
        if not arn.startswith(ACCOUNT_ARN):
            raise bad("Invalid resource ARN")
        raise missing("index" if "/index/" in arn else "vector bucket")

    # --- buckets ---

    def CreateVectorBucket(self, members: Json, now: float) -> Json:  # noqa: N802 - the operation's name
        name = members["vectorBucketName"]
        check_name(name, "vector bucket")
        encryption = encryption_of(members, AES)
        check_tags(members.get("tags", {}))
        if name in self.buckets:
            raise conflict("A vector bucket with the specified name already exists")
        self.buckets[name] = {
            "name": name,
            "arn": ACCOUNT_ARN + name,
            "created": int(now),
            "encryption": encryption,
            "tags": members.get("tags", {}),
            "mode": "CLASSIC" if int(now) < self.classic_until_s else "ENHANCED",
            "policy": None,
            "indexes": {},
        }
        return {"vectorBucketArn": ACCOUNT_ARN + name}

    def GetVectorBucket(self, members: Json, now: float) -> Json:  # noqa: N802
        bucket = self.bucket(members)
        more = {"encryptionConfiguration": bucket["encryption"], "defaultIndexMode": bucket["mode"]}
        return {"vectorBucket": {**bucket_summary(bucket), **more}}

    def ListVectorBuckets(self, members: Json, now: float) -> Json:  # noqa: N802
        return page("vectorBuckets", self.buckets, members, bucket_summary)

    def DeleteVectorBucket(self, members: Json, now: float) -> Json:  # noqa: N802
        bucket = self.bucket(members)
        if bucket["indexes"]:
            raise conflict("The specified vector bucket is not empty")
        del self.buckets[bucket["name"]]
        return {}

    def PutVectorBucketPolicy(self, members: Json, now: float) -> Json:  # noqa: N802
        bucket = self.bucket(members)
        try:
            document = json.loads(members["policy"])
        except ValueError:
            document = None
        if type(document) is not dict:
            raise bad("Policies must be valid JSON and the first byte must be '{'")
        bucket["policy"] = members["policy"]
        return {}

    def GetVectorBucketPolicy(self, members: Json, now: float) -> Json:  # noqa: N802
        bucket = self.bucket(members)
        if bucket["policy"] is None:
            raise missing("vector bucket policy")
        return {"policy": bucket["policy"]}

    def DeleteVectorBucketPolicy(self, members: Json, now: float) -> Json:  # noqa: N802
        self.bucket(members)["policy"] = None
        return {}

    def PutVectorBucketDefaultIndexMode(self, members: Json, now: float) -> Json:  # noqa: N802
        bucket = self.bucket(members)
        if members["defaultIndexMode"] == "CLASSIC" and bucket["created"] >= self.classic_until_s:
            raise bad(
                "defaultIndexMode cannot be set to CLASSIC because this vector bucket does not support "
                "CLASSIC mode"
            )
        bucket["mode"] = members["defaultIndexMode"]
        return {}

    # --- indexes ---

    def CreateIndex(self, members: Json, now: float) -> Json:  # noqa: N802
        bucket, name = self.bucket(members), members["indexName"]
        check_name(name, "index")
        check_tags(members.get("tags", {}))
        requested = members.get("metadataConfiguration", {})
        texts = requested.get(TEXTS, [])
        if texts and bucket["mode"] != "ENHANCED":
            raise bad("textSearchConfigurations require indexMode ENHANCED")
        check_unique(texts)
        encryption = encryption_of(members, bucket["encryption"])
        if name in bucket["indexes"]:
            raise conflict("An index with the specified name already exists")
        arn = f"{bucket['arn']}/index/{name}"
        bucket["indexes"][name] = {
            "bucket": bucket,
            "name": name,
            "arn": arn,
            "created": int(now),
            "dimension": members["dimension"],
            "metric": members["distanceMetric"],
            "hidden": requested.get("nonFilterableMetadataKeys", []),
            "texts": {each["metadataKey"]: {**each, "from": 0} for each in texts},
            "encryption": encryption,
            "tags": members.get("tags", {}),
            "mode": bucket["mode"],
            "vectors": {},
        }
        return {"indexArn": arn}

    def GetIndex(self, members: Json, now: float) -> Json:  # noqa: N802
        index = self.index(members)
        configuration: Json = {}
        if index["hidden"]:
            configuration["nonFilterableMetadataKeys"] = index["hidden"]
        if index["texts"]:
            configuration[TEXTS] = [shown_text(each, now) for each in index["texts"].values()]
        shown = {
            **index_summary(index),
            "dataType": "float32",
            "dimension": index["dimension"],
            "distanceMetric": index["metric"],
            "encryptionConfiguration": index["encryption"],
            "indexMode": index["mode"],
        }
        return {"index": {**shown, **({"metadataConfiguration": configuration} if configuration else {})}}

    def ListIndexes(self, members: Json, now: float) -> Json:  # noqa: N802
        return page("indexes", self.bucket(members)["indexes"], members, index_summary)

    def DeleteIndex(self, members: Json, now: float) -> Json:  # noqa: N802
        index = self.index(members)
        del index["bucket"]["indexes"][index["name"]]
        return {}

    def UpdateIndexMode(self, members: Json, now: float) -> Json:  # noqa: N802
        index = self.index(members)
        if members["indexMode"] == "CLASSIC":
            if index["bucket"]["created"] >= self.classic_until_s:
                raise bad(
                    "indexMode cannot be set to CLASSIC because the vector bucket does not support CLASSIC "
                    "mode"
                )
            if index["texts"]:
                raise bad("indexMode cannot be set to CLASSIC while the index has textSearchConfigurations")
        index["mode"] = members["indexMode"]
        return {}

    def UpdateMetadataConfiguration(self, members: Json, now: float) -> Json:  # noqa: N802
        if ("add" in members) == ("delete" in members):
            raise bad("Must specify either add or delete but not both")
        index = self.index(members)
        if index["mode"] != "ENHANCED":
            raise bad("textSearchConfigurations require indexMode ENHANCED")
        requested = (members["add"] if "add" in members else members["delete"]).get(TEXTS, [])
        check_unique(requested)
        texts = dict(index["texts"])
        for each in requested:
            key = each["metadataKey"]
            if "add" in members:
                if key in index["texts"]:
                    raise conflict(f"Metadata key '{key}' already has a text search configuration")
                texts[key] = {**each, "from": now + self.backfill_s if index["vectors"] else 0}
            elif key not in texts:
                raise missing("text search configuration")
            elif texts.pop(key)["from"] > now:
                raise conflict(f"The text search configuration of '{key}' is being built")
        if len(texts) > 10:
            raise bad("An index may have at most 10 text search configurations")
        index["texts"] = texts
        return {"indexArn": index["arn"]}

    # --- tags ---

    def ListTagsForResource(self, members: Json, now: float) -> Json:  # noqa: N802
        return {"tags": self.resource(members["resourceArn"])["tags"]}

    def TagResource(self, members: Json, now: float) -> Json:  # noqa: N802
        resource = self.resource(members["resourceArn"])
        tags = {**resource["tags"], **members["tags"]}
        check_tags(tags)
        resource["tags"] = tags
        return {}

    def UntagResource(self, members: Json, now: float) -> Json:  # noqa: N802
        resource = self.resource(members["resourceArn"])
        removed = members["tagKeys"]
        check_tags(dict.fromkeys(removed, ""))
        resource["tags"] = {key: value for key, value in resource["tags"].items() if key not in removed}
        return {}

    # --- vectors ---

    def PutVectors(self, members: Json, now: float) -> Json:  # noqa: N802
        index, records = self.index(members), members["vectors"]
        if self.refuses_duplicate_keys and len({each["key"] for each in records}) < len(records):
            raise bad("Request must not contain duplicate keys")
        for each in records:
            if problem := record_problem(index, each):
                raise bad(f"Invalid record for key '{each['key']}': {problem}")
        for each in records:
            index["vectors"][each["key"]] = (each["data"]["float32"], each.get("metadata") or {})
        return {}

    def GetVectors(self, members: Json, now: float) -> Json:  # noqa: N802
        vectors = self.index(members)["vectors"]
        return {"vectors": [shown(vectors, key, members) for key in set(members["keys"]) & vectors.keys()]}

    def DeleteVectors(self, members: Json, now: float) -> Json:  # noqa: N802
        index, keys = self.index(members), members["keys"]
        if len(set(keys)) < len(keys):
            raise bad("Request must not contain duplicate keys")
        for key in keys:
            index["vectors"].pop(key, None)
        return {}

    def ListVectors(self, members: Json, now: float) -> Json:  # noqa: N802
        """Return all vectors in no defined order: the pages of all segments together."""
        vectors = self.index(members)["vectors"]
        return {"vectors": [shown(vectors, key, members) for key in vectors]}

    def QueryVectors(self, members: Json, now: float) -> Json:  # noqa: N802
        """Return all results: the pages together."""
        top_k = members["topK"]
        if top_k < 1:
            raise constraint("/topK", "be greater than or equal to 1")
        if top_k > 10_000:
            raise constraint("/topK", "be between 1 and 10000, inclusive")
        index = self.index(members)
        mode = members.get("queryMode", index["mode"])
        if mode == "CLASSIC" and index["mode"] == "ENHANCED":
            raise bad("queryMode cannot be CLASSIC when indexMode is ENHANCED")
        self.check_query(index, members, now)
        vectors = {key: metadata for key, (_, metadata) in index["vectors"].items()}
        if "filter" in members:
            check_filter(members["filter"], index["hidden"], classic=mode == "CLASSIC")
            vectors = {k: m for k, m in vectors.items() if self.matches(members["filter"], m)}
        return {"vectors": self.rank(index, members, set(vectors)), "distanceMetric": index["metric"]}

    def check_query(self, index: Json, members: Json, now: float) -> None:
        if "queryVector" not in members and "queryTexts" not in members:
            raise bad("Must specify queryVector, queryTexts or both")
        if "queryVector" in members and vector_problem(index, members["queryVector"]["float32"]):
            raise bad("Query vector contains invalid values or is invalid for this index")
        names = [each["metadataKey"] for each in members.get("queryTexts", [])]
        if len(set(names)) < len(names):
            raise bad("queryTexts must not contain a metadata key more than once")
        for name in names:
            if name not in index["texts"]:
                raise bad(f"queryTexts names '{name}', which has no text search configuration")
            if index["texts"][name]["from"] > now:
                raise bad(f"queryTexts names '{name}', whose text search configuration is BUILDING")

    def rank(self, index: Json, members: Json, among: set[str]) -> list[Json]:
        top_k = members["topK"]
        texts = {
            each["metadataKey"]: {
                key: score
                for key, score in bm25(index, each["metadataKey"], each["text"]).items()
                if key in among
            }
            for each in members.get("queryTexts", [])
        }
        distances: Scores = {}
        if "queryVector" in members:
            query = members["queryVector"]["float32"]
            distances = {
                key: distance(index["metric"], query, vector)
                for key, (vector, _) in index["vectors"].items()
                if key in among
            }
        if not texts:
            best = top({key: -each for key, each in distances.items()}, top_k)
            return [result(index, key, members, distances, {}) for key in best]
        if "queryVector" not in members:
            matched = {key for scores in texts.values() for key in scores}
            sums = {key: math.fsum(each.get(key, 0) for each in texts.values()) for key in matched}
            return [result(index, key, members, {}, texts) for key in top(sums, top_k)]
        depth = max(top_k, self.hybrid_depth)
        near = top({key: -each for key, each in distances.items()}, depth)
        deep = {name: {key: scores[key] for key in top(scores, depth)} for name, scores in texts.items()}
        fused: Scores = {}
        for ranking in (near, *deep.values()):
            for position, key in enumerate(ranking):
                fused[key] = fused.get(key, 0) + 1 / (60 + position + 1)
        distances = {key: distances[key] for key in near}
        # Equal sums of different ranks may differ in their last digits.
        fused = {key: float32(score) for key, score in fused.items()}
        return [result(index, key, members, distances, deep, fused=fused[key]) for key in top(fused, top_k)]

    def matches(self, condition: Json, metadata: Json) -> bool:
        ((name, operand),) = condition.items()
        if name in {"$and", "$or"}:
            parts = [self.matches(each, metadata) for each in operand]
            return all(parts) if name == "$and" else any(parts)
        operators = operand if isinstance(operand, dict) else {"$eq": operand}
        return all(self.holds(sign, metadata, name, wanted) for sign, wanted in operators.items())

    def holds(self, sign: str, metadata: Json, name: str, wanted: Any) -> bool:
        there, value = name in metadata, metadata.get(name)
        if sign == "$exists":
            return there is wanted
        if sign in {"$ne", "$nin"} and not there:
            return self.ne_matches_absent
        wanted_values = wanted if isinstance(wanted, list) else [wanted]
        values = value if isinstance(value, list) else [value] if there else []
        equal = any(alike(one, other) for one in values for other in wanted_values)
        if sign in {"$eq", "$in", "$ne", "$nin"}:
            return equal == (sign in {"$eq", "$in"})
        if sign == "$startsWith":
            return isinstance(value, str) and value.startswith(wanted)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        ordered = {"$gt": value > wanted, "$gte": value >= wanted, "$lt": value < wanted}
        return bool(ordered.get(sign, value <= wanted))


# --- rules ---


def check_name(name: Any, what: str) -> None:
    if re.search(r"[^a-z0-9.-]" if what == "index" else r"[^a-z0-9-]", name):
        raise bad(f"Invalid {what} name")


def check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > 50:
        raise bad("Too many tags specified")
    for key in tags:
        if key.startswith("aws:"):
            raise bad("System tags cannot be added/updated by requester")
        if key.lower().startswith("aws:"):
            raise bad(f'Invalid System Tag: {key} must be prefixed with "aws:" in lowercase.')


def check_unique(configurations: Sequence[Json]) -> None:
    names = [each["metadataKey"] for each in configurations]
    if len(set(names)) < len(names):
        raise bad("textSearchConfigurations must not contain a metadata key more than once")


def encryption_of(members: Json, default: Json) -> Json:
    requested = members.get("encryptionConfiguration")
    if not requested:
        return default
    key = requested.get("kmsKeyArn")
    if requested.get("sseType", "AES256") == "AES256":
        if key:
            raise bad("kmsKeyArn must not be specified when sseType is AES256.")
        return AES
    if not key:
        raise bad("kmsKeyArn must be specified when sseType is set to aws:kms")
    if ":us-east-1:" not in key:
        raise bad("kmsKeyArn must be the ARN of a key in us-east-1")
    if key == MISSING_KEY:
        raise Refusal(403, "AccessDeniedException", f"Key '{key}' does not exist (kms_request_id=...)")
    return {"sseType": "aws:kms", "kmsKeyArn": key}


def record_problem(index: Json, record: Json) -> str | None:
    if problem := vector_problem(index, record["data"]["float32"]):
        return problem
    for value in (record.get("metadata") or {}).values():
        if value is None or isinstance(value, dict):
            return "Metadata values must be strings, numbers, booleans, or arrays"
        if value == []:
            return "Empty arrays are not allowed in metadata"
    return None


def vector_problem(index: Json, vector: Sequence[float]) -> str | None:
    if len(vector) != index["dimension"]:
        return f"vector must have length {index['dimension']}, but has length {len(vector)}"
    if index["metric"] == "cosine" and not any(vector):
        return "cosine distance does not support vectors with zero norm"
    return None


def check_filter(document: Any, hidden: Sequence[str], *, classic: bool) -> None:
    fields: list[str] = []
    constraints = count_constraints(document, fields, classic=classic)
    if set(fields) & set(hidden):
        raise bad("Invalid use of non-filterable metadata in filter")
    if constraints > 100 and not classic:
        raise bad("Filter must have at most 100 constraints")


def count_constraints(document: Any, fields: list[str], *, classic: bool) -> int:
    if type(document) is not dict or len(document) != 1:
        raise bad("Invalid filter")
    ((name, operand),) = document.items()
    if name in {"$and", "$or"}:
        if type(operand) is not list or not operand:
            raise bad("Invalid filter")
        return sum(count_constraints(each, fields, classic=classic) for each in operand)
    if name[:1] == "$":
        raise bad("Invalid filter")
    fields.append(name)
    operators = operand if isinstance(operand, dict) else {"$eq": operand}
    if not operators or not all(operand_fits(sign, each, classic) for sign, each in operators.items()):
        raise bad("Invalid filter")
    return sum(len(each) if isinstance(each, list) else 1 for each in operators.values())


def operand_fits(sign: str, operand: Any, classic: bool) -> bool:
    scalar = isinstance(operand, str | int | float)
    if sign in {"$eq", "$ne"}:
        return scalar
    if sign in {"$in", "$nin"}:
        return isinstance(operand, list) and bool(operand) and all(isinstance(e, str | int) for e in operand)
    if sign in {"$gt", "$gte", "$lt", "$lte"}:
        return isinstance(operand, int | float) and not isinstance(operand, bool)
    if sign == "$exists":
        return isinstance(operand, bool)
    return sign == "$startsWith" and isinstance(operand, str) and not classic


def alike(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other


# --- ranking ---


def distance(metric: str, query: Sequence[float], vector: Sequence[float]) -> float:
    pairs = list(zip(query, vector, strict=True))
    if metric == "euclidean":
        return sum((one - other) ** 2 for one, other in pairs)
    similarity = sum(one * other for one, other in pairs) / (math.hypot(*query) * math.hypot(*vector))
    return float32(1 - similarity)


def float32(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def terms(text: str, language: str) -> list[str]:
    words = re.sub(r"\W+", " ", text.lower()).split()
    if language == "en":
        return [ENGLISH.get(word, word) for word in words]
    if language == "zh":
        return [pair for word in words for pair in pairs(word)]
    return words


def pairs(word: str) -> list[str]:
    if word.isascii() or len(word) == 1:
        return [word]
    return [word[at : at + 2] for at in range(len(word) - 1)]


def bm25(index: Json, name: str, text: str) -> Scores:
    language = index["texts"][name].get("language", "")
    documents = {
        key: terms(metadata[name], language)
        for key, (_, metadata) in index["vectors"].items()
        if isinstance(metadata.get(name), str)
    }
    scores: Scores = {}
    for term in sorted(set(terms(text, language))):
        holders = [key for key, words in documents.items() if term in words]
        rarity = math.log(1 + (len(documents) - len(holders) + 0.5) / (len(holders) + 0.5))
        for key in holders:
            words, mean = documents[key], sum(map(len, documents.values())) / len(documents)
            often = words.count(term)
            norm = often + 1.2 * (1 - 0.75 + 0.75 * len(words) / mean)
            scores[key] = scores.get(key, 0) + rarity * often * 2.2 / norm
    return scores


def top(scores: Scores, count: int) -> list[str]:
    return sorted(scores, key=lambda key: (-scores[key], key))[:count]


# --- responses ---


def result(
    index: Json,
    key: str,
    members: Json,
    distances: Scores,
    texts: Mapping[str, Scores],
    *,
    fused: float | None = None,
) -> Json:
    one: Json = {"key": key}
    if members.get("returnDistance") and key in distances:
        one["distance"] = distances[key]
    if members.get("returnScores") and texts:
        bm25s = [{"metadataKey": name, "score": each[key]} for name, each in texts.items() if key in each]
        one["scores"] = {"bm25Scores": bm25s} if bm25s else {}
        if fused is not None:
            one["scores"]["fused"] = fused
        if key in distances:
            one["scores"]["vectorDistance"] = distances[key]
    if members.get("returnMetadata"):
        one["metadata"] = index["vectors"][key][1]
    return one


def shown(vectors: Mapping[str, Any], key: str, members: Json) -> Json:
    vector, metadata = vectors[key]
    one: Json = {"key": key}
    if members.get("returnData"):
        one["data"] = {"float32": vector}
    if members.get("returnMetadata"):
        one["metadata"] = metadata
    return one


def shown_text(configuration: Json, now: float) -> Json:
    kept = {name: value for name, value in configuration.items() if name not in {"from", "status"}}
    return {**kept, "status": "ACTIVE" if configuration["from"] <= now else "BUILDING"}


def bucket_summary(bucket: Json) -> Json:
    return {
        "vectorBucketName": bucket["name"],
        "vectorBucketArn": bucket["arn"],
        "creationTime": bucket["created"],
    }


def index_summary(index: Json) -> Json:
    return {
        "vectorBucketName": index["bucket"]["name"],
        "indexName": index["name"],
        "indexArn": index["arn"],
        "creationTime": index["created"],
    }


def page(name: str, things: Mapping[str, Json], members: Json, summary: Callable[[Json], Json]) -> Json:
    names = sorted(each for each in things if each.startswith(members.get("prefix", "")))
    size = members.get("maxResults", 500)
    if size < 1:
        raise constraint("/maxResults", "be between 1 and 500, inclusive")
    shown_page: Json = {name: [summary(things[each]) for each in names[:size]]}
    return {**shown_page, "nextToken": True} if len(names) > size else shown_page
