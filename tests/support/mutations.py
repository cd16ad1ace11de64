"""Requests for fuzzing: bodies that the service model describes, then mutated. A seed repeats the same
requests.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from vecgate.s3vectors.model import service_model

BUCKETS, INDEXES, KEYS = (
    ("bucket", "other-bucket"),
    ("index", "index.two"),
    ("k", "é", "x" * 1024, *"abcdefghijkl"),
)
ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket"
#: Values that are invalid almost everywhere.
JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64 - 1, -(2**63), 0.5, -0.0, 1e39, 1e308, 1e-320, 10**400,
    "", " ", "x" * 5000, "\x00", "\u202e", "NaN", "Infinity", "é" * 600, "\U0001f600", "..", "\ud800",
    "arn:aws:s3vectors:::bucket/", [], [[]], {}, {"": ""}, {"$eq": 1}, {"$and": []}, {"$or": [{}]},
    {"$in": [None]}, {"$exists": 1}, {"a": {"$gt": "x"}}, [None] * 501, {"float32": []}, {"float32": [1]},
    float("nan"), float("inf"),
)  # fmt: skip
DOCUMENTS: dict[str, tuple[Any, ...]] = {
    "metadata": ({"year": 2000}, {"title": "x", "tags": ["a", "b"]}, {"": 1, "a.b": 1.5}, {"b": False}, {}),
    "filter": (
        {"year": {"$gte": 1999, "$lt": 2001}}, {"$and": [{"year": 1}, {"b": True}]}, {"": 1},
        {"$or": [{"title": {"$startsWith": "x"}}, {"year": {"$nin": [1, "1", True]}}]},
        {"a": {"$exists": False}},
    ),
}  # fmt: skip
JUNK_JSON = tuple(json.dumps(each).encode() for each in JUNK)
#: A string or a number in JSON, as long as no string has an escaped quote.
VALUE = re.compile(rb'"[^"]*"|-?[0-9][0-9.eE+-]*')
PIECES = (b"\xff", b"\x00", b'"', b"{", b"[" * 3000, b"1e999", b"\\ud800", b"NaN", b",", b"\r\n")
#: Members whose random values are mostly invalid.
RARE_MEMBERS = frozenset(
    {"nextToken", "encryptionConfiguration", "segmentCount", "segmentIndex", "queryTexts", "queryMode"}
)
#: Deletes are rare, so that resources exist most of the time.
RARE_OPERATIONS = frozenset({"DeleteVectorBucket", "DeleteIndex"})
METHODS = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "post", "POST ")
PATHS = (
    "/",
    "//",
    "/..",
    "/PutVectors/",
    "/tags/",
    "/tags",
    "/tags/%",
    "/tags/%00",
    "/_vecgate",
    "/health/",
    "/%2e",
    "/é",
)


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """A request before it is signed or sent."""

    method: str
    path: str
    query: str
    body: bytes


def requests(seed: int) -> Iterator[DraftRequest]:
    """Yield requests endlessly: some valid, most with one to three mutations."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable sequence
    operations = [
        name for name in service_model().operation_names for _ in range(1 if name in RARE_OPERATIONS else 10)
    ]
    while True:
        model = service_model().operation_model(rng.choice(operations))
        members: Any = example(model.input_shape, rng) if model.input_shape else {}
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
            members = mutate(members, rng)
        method, path, query = model.http["method"], model.http["requestUri"], ""
        if "{" in path:
            arn = rng.choice((ARN, f"{ARN}/index/index") * 4 + ("x", "arn:" * 300, "%", ""))
            path = path.partition("{")[0] + quote(arn, safe=rng.choice(("", "", ":", ":/%")))
            query = "&".join(f"tagKeys={quote(rng.choice(KEYS), safe='')}" for _ in range(rng.randrange(4)))
        if rng.random() < 0.02:
            method = rng.choice(METHODS)
        if rng.random() < 0.02:
            path = rng.choice(PATHS)
        body = json.dumps(members, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
        for _ in range(rng.choice((0,) * 12 + (1, 2))):
            body = mutate_bytes(body, rng)
        yield DraftRequest(method, path, query, body)


def variants(request: DraftRequest, rng: random.Random, count: int) -> Iterator[DraftRequest]:
    """Yield *request*, and cheap mutations of its body: *count* in total. Most of them are still JSON."""
    yield request
    for number in range(1, count):
        change = mutate_bytes if number % 4 == 0 else swap_value
        yield DraftRequest(request.method, request.path, request.query, change(request.body, rng))


def swap_value(body: bytes, rng: random.Random) -> bytes:
    """Return *body* with one of its names, strings and numbers replaced by junk."""
    at = rng.randrange(len(body) + 1)
    found = VALUE.search(body, at) or VALUE.search(body)
    return body if found is None else body[: found.start()] + rng.choice(JUNK_JSON) + body[found.end() :]


def example(shape: Shape, rng: random.Random, name: str = "") -> Any:
    """Return a value that *shape* describes, mostly valid."""
    match shape:
        case StructureShape() if shape.is_document_type:
            return rng.choice(DOCUMENTS[name])
        case StructureShape():
            return {
                member: example(inner, rng, member)
                for member, inner in shape.members.items()
                if member in shape.required_members or rng.random() < _frequency(member)
            }
        case ListShape():
            count = 2 if name == "float32" else rng.choice((1, 1, 2, 5))
            return [example(shape.member, rng, name) for _ in range(count)]
        case MapShape():
            return {rng.choice(("a", "b c", "aws:x")): "v" for _ in range(rng.randrange(3))}
        case StringShape() if shape.enum:
            return rng.choice(shape.enum)
        case _:
            return _scalar(shape.type_name, name, rng)


def _frequency(member: str) -> float:
    """Return how often an optional member is present: those that mostly lead to an error are rare."""
    frequencies = {"vectorBucketName": 0.98, "indexName": 0.98, "queryVector": 0.9, "metadata": 0.7}
    return frequencies.get(member, 0.02 if member.endswith("Arn") or member in RARE_MEMBERS else 0.3)


def _scalar(kind: str, name: str, rng: random.Random) -> Any:
    names: Mapping[str, tuple[Any, ...]] = {
        "vectorBucketName": BUCKETS, "indexName": INDEXES, "indexArn": (f"{ARN}/index/index",),
        "vectorBucketArn": (ARN,), "key": KEYS, "keys": KEYS, "dimension": (2, 2, 3), "topK": (1, 3, 1000),
        "segmentCount": (1, 2), "segmentIndex": (0, 1), "policy": ("{}", "x"),
    }  # fmt: skip
    if name in names:
        return rng.choice(names[name])
    match kind:
        case "string":
            return rng.choice(("x", "title", "year", "a-b", ""))
        case "boolean":
            return rng.random() < 0.5
        case "float":
            return rng.choice((0.5, 1.0, -2.5, 0.1))
        case _:
            return rng.choice((0, 1, 2, 100, 500))


def mutate(value: Any, rng: random.Random) -> Any:
    """Return *value* with one part removed, replaced, repeated or nested."""
    value = copy.deepcopy(value)
    parts = list(_parts(value))
    if not parts:
        return rng.choice(JUNK)
    holder, key = rng.choice(parts)
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1:
            holder[key] = [holder[key]] * rng.choice((1, 2, 600))
        case 2:
            is_filter = rng.random() < 0.5
            for _ in range(rng.choice((1, 3, 80))):
                holder[key] = {"$and": [holder[key]]} if is_filter else [holder[key]]
        case 3 if isinstance(holder, dict):
            holder[rng.choice(("unknown", "", "KEY", "__proto__", "indexArn"))] = holder[key]
        case _:
            holder[key] = copy.deepcopy(rng.choice(JUNK))
    return value


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every part of *value* as its container and its key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(pairs):
        yield value, key
        yield from _parts(part)


def mutate_bytes(body: bytes, rng: random.Random) -> bytes:
    """Return *body* with a few bytes changed, removed, repeated or inserted."""
    at, until = sorted((rng.randrange(len(body) + 1), rng.randrange(len(body) + 1)))
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :],
        lambda: body[:at] + body[until:],
        lambda: body[:until] + body[at:],
        lambda: body[:at],
        lambda: body[:at] + rng.choice(PIECES) + body[at:],
        lambda: b"\xef\xbb\xbf" + body,
        lambda: body.replace(b'"', b"'"),
        lambda: body.replace(b"1", b"1" * 400),
        lambda: body.replace(b":", b":-", 1),
    )
    return rng.choice(changes)()
