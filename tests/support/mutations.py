"""Requests for fuzzing: bodies that the service model describes, then bent. The same seed gives the same."""

from __future__ import annotations

import copy
import json
import random
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
#: Values that have no business where they are put.
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
PIECES = (b"\xff", b"\x00", b'"', b"{", b"[" * 3000, b"1e999", b"\\ud800", b"NaN", b",", b"\r\n")
#: Members that are mostly wrong where they are made up.
SPOILERS = frozenset(
    {"nextToken", "encryptionConfiguration", "segmentCount", "segmentIndex", "queryTexts", "queryMode"}
)
#: Deleting comes seldom, or there would be nothing to ask for.
SELDOM = frozenset({"DeleteVectorBucket", "DeleteIndex"})
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
class Asked:
    """A request before it is signed or sent."""

    method: str
    path: str
    query: str
    body: bytes


def requests(seed: int) -> Iterator[Asked]:
    """Requests without end: some in order, most bent in one to three places."""
    chance = random.Random(seed)  # noqa: S311 - it is to repeat
    operations = [
        name for name in service_model().operation_names for _ in range(1 if name in SELDOM else 10)
    ]
    while True:
        model = service_model().operation_model(chance.choice(operations))
        members: Any = example(model.input_shape, chance) if model.input_shape else {}
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
            members = bent(members, chance)
        method, path, query = model.http["method"], model.http["requestUri"], ""
        if "{" in path:
            arn = chance.choice((ARN, f"{ARN}/index/index") * 4 + ("x", "arn:" * 300, "%", ""))
            path = path.partition("{")[0] + quote(arn, safe=chance.choice(("", "", ":", ":/%")))
            query = "&".join(
                f"tagKeys={quote(chance.choice(KEYS), safe='')}" for _ in range(chance.randrange(4))
            )
        if chance.random() < 0.02:
            method = chance.choice(METHODS)
        if chance.random() < 0.02:
            path = chance.choice(PATHS)
        body = json.dumps(members, ensure_ascii=chance.random() < 0.5).encode(errors="surrogatepass")
        for _ in range(chance.choice((0,) * 12 + (1, 2))):
            body = bent_bytes(body, chance)
        yield Asked(method, path, query, body)


def example(shape: Shape, chance: random.Random, name: str = "") -> Any:
    """A value that *shape* describes, mostly."""
    match shape:
        case StructureShape() if shape.is_document_type:
            return chance.choice(DOCUMENTS[name])
        case StructureShape():
            return {
                member: example(inner, chance, member)
                for member, inner in shape.members.items()
                if member in shape.required_members or chance.random() < _share(member)
            }
        case ListShape():
            count = 2 if name == "float32" else chance.choice((1, 1, 2, 5))
            return [example(shape.member, chance, name) for _ in range(count)]
        case MapShape():
            return {chance.choice(("a", "b c", "aws:x")): "v" for _ in range(chance.randrange(3))}
        case StringShape() if shape.enum:
            return chance.choice(shape.enum)
        case _:
            return _scalar(shape.type_name, name, chance)


def _share(member: str) -> float:
    """How often an optional member is there: what mostly leads to a refusal is rare."""
    often = {"vectorBucketName": 0.98, "indexName": 0.98, "queryVector": 0.9, "metadata": 0.7}
    return often.get(member, 0.02 if member.endswith("Arn") or member in SPOILERS else 0.3)


def _scalar(kind: str, name: str, chance: random.Random) -> Any:
    names: Mapping[str, tuple[Any, ...]] = {
        "vectorBucketName": BUCKETS, "indexName": INDEXES, "indexArn": (f"{ARN}/index/index",),
        "vectorBucketArn": (ARN,), "key": KEYS, "keys": KEYS, "dimension": (2, 2, 3), "topK": (1, 3, 1000),
        "segmentCount": (1, 2), "segmentIndex": (0, 1), "policy": ("{}", "x"),
    }  # fmt: skip
    if name in names:
        return chance.choice(names[name])
    match kind:
        case "string":
            return chance.choice(("x", "title", "year", "a-b", ""))
        case "boolean":
            return chance.random() < 0.5
        case "float":
            return chance.choice((0.5, 1.0, -2.5, 0.1))
        case _:
            return chance.choice((0, 1, 2, 100, 500))


def bent(value: Any, chance: random.Random) -> Any:
    """*value* with one of its parts removed, replaced, repeated or buried."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    if not places:
        return chance.choice(JUNK)
    holder, key = chance.choice(places)
    match chance.randrange(6):
        case 0:
            del holder[key]
        case 1:
            holder[key] = [holder[key]] * chance.choice((1, 2, 600))
        case 2:
            is_filter = chance.random() < 0.5
            for _ in range(chance.choice((1, 3, 80))):
                holder[key] = {"$and": [holder[key]]} if is_filter else [holder[key]]
        case 3 if isinstance(holder, dict):
            holder[chance.choice(("unknown", "", "KEY", "__proto__", "indexArn"))] = holder[key]
        case _:
            holder[key] = copy.deepcopy(chance.choice(JUNK))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every part of *value*, as what holds it and where."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(pairs):
        yield value, key
        yield from _places(part)


def bent_bytes(body: bytes, chance: random.Random) -> bytes:
    """*body* with a few bytes changed, lost, repeated or put in."""
    at, until = sorted((chance.randrange(len(body) + 1), chance.randrange(len(body) + 1)))
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :],
        lambda: body[:at] + body[until:],
        lambda: body[:until] + body[at:],
        lambda: body[:at],
        lambda: body[:at] + chance.choice(PIECES) + body[at:],
        lambda: b"\xef\xbb\xbf" + body,
        lambda: body.replace(b'"', b"'"),
        lambda: body.replace(b"1", b"1" * 400),
        lambda: body.replace(b":", b":-", 1),
    )
    return chance.choice(changes)()
