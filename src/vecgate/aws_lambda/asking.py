"""What an event may ask for: everything typed, everything bounded, every problem told at once."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeAlias

import msgspec
import orjson

from vecgate.bulk.config import PRESETS
from vecgate.errors import ConfigError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.limits import DIMENSION_MAX, QUERY_PAGE_MAX, VECTORS_PER_PUT_MAX

STEADY = PRESETS["steady"]
VECTORS_MAX = 100_000
RATE_MAX = 2_500
Batch: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=VECTORS_PER_PUT_MAX)]
Flying: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=32)]
Dimension: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=DIMENSION_MAX)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0.1, le=30)]
Name: TypeAlias = Annotated[str, msgspec.Meta(max_length=2_048)]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What every action takes.

    bucket, index  by name, or the index by ARN; the environment's VECGATE_BUCKET and VECGATE_INDEX where the
                   event names neither
    create         make what is missing; where nothing is named, a bucket of its own, which is always removed
    clean_up       remove what this invocation has made and written
    dimension      of the index that is made; of one that is there, its own counts
    """

    action: str
    bucket: Name = ""
    index: Name = ""
    create: bool = False
    clean_up: bool = False
    dimension: Dimension = 1_024

    @property
    def is_own(self) -> bool:
        """Nothing is named: a bucket of its own is wanted."""
        return not (self.bucket or self.index)

    @property
    def address(self) -> IndexAddress:
        """The index that is named. Raises UsageError where the names are not enough."""
        return IndexAddress.parse(bucket=self.bucket, index=self.index)

    def problems(self) -> Iterator[str]:
        """What is wrong with the fields together."""
        if self.is_own and not self.create:
            yield "no index is named: give bucket and index, or create: true for a bucket of its own"
        elif not self.is_own and self.index.startswith("arn:") and self.create:
            yield "create needs names, not an ARN"


class TestAccess(Ask, frozen=True, kw_only=True):
    """Which operations the function may use on the index; with *write*, those that write too."""

    write: bool = False


class TestBatchProcessing(Ask, frozen=True, kw_only=True):
    """Write synthetic vectors in batches, steadily.

    vectors        in all, *batch_vectors* in a request, *in_flight* requests at once
    vectors_per_s  never exceeded; *delay_ms*, the least time between two requests
    attempts       of a request, throttled ones not counted
    report_every   vectors between two progress reports
    """

    vectors: Annotated[int, msgspec.Meta(ge=1, le=VECTORS_MAX)] = 1_000
    batch_vectors: Batch = STEADY.batch_vectors
    in_flight: Flying = STEADY.in_flight
    vectors_per_s: Annotated[float, msgspec.Meta(gt=0, le=RATE_MAX)] = STEADY.vectors_per_s
    delay_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 1_000 / STEADY.requests_per_s
    attempts: Annotated[int, msgspec.Meta(ge=1, le=20)] = STEADY.retry.attempts_max
    report_every: Annotated[int, msgspec.Meta(ge=1, le=VECTORS_MAX)] = STEADY.progress_every


class TestOptimizedBatch(Ask, frozen=True, kw_only=True):
    """Find the best of *batches*, *seconds* for each, and write *vectors* with it."""

    vectors: Annotated[int, msgspec.Meta(ge=1, le=VECTORS_MAX)] = 1_000
    batches: Annotated[tuple[Batch, ...], msgspec.Meta(min_length=1, max_length=8)] = (50, 100, 250, 500)
    in_flight: Flying = STEADY.in_flight
    seconds: Seconds = 1.0


class TestThroughputScaling(Ask, frozen=True, kw_only=True):
    """Measure a grid of *batches* and *in_flight*, *seconds* for each cell."""

    batches: Annotated[tuple[Batch, ...], msgspec.Meta(min_length=1, max_length=8)] = (10, 100, 500)
    in_flight: Annotated[tuple[Flying, ...], msgspec.Meta(min_length=1, max_length=8)] = (1, 2, 4)
    seconds: Seconds = 1.0


class Search(Ask, frozen=True, kw_only=True):
    """The nearest to *vector*, or to what is stored under *key*."""

    vector: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=DIMENSION_MAX)] | None = None
    key: Name | None = None
    top_k: Annotated[int, msgspec.Meta(ge=1, le=QUERY_PAGE_MAX)] = 10
    filter: dict[str, Any] | None = None
    metadata: bool = True

    def problems(self) -> Iterator[str]:
        """What is wrong with the fields together."""
        yield from super().problems()
        if (self.vector is None) == (self.key is None):
            yield "say what to search with: either vector or key"


#: Action to what it takes.
KINDS: Mapping[str, type[Ask]] = {
    "test-access": TestAccess,
    "test-batch-processing": TestBatchProcessing,
    "test-optimized-batch": TestOptimizedBatch,
    "test-throughput-scaling": TestThroughputScaling,
    "search": Search,
}


def ask_of(event: object, environment: Mapping[str, str]) -> Ask:
    """What *event* asks for. Raises ConfigError, which names everything that is wrong with it."""
    fields = _fields(event)
    kind = KINDS.get(str(fields.get("action", "")))
    if kind is None:
        raise ConfigError("there is no such action", hint=f"Actions are {', '.join(KINDS)}.")
    if not (fields.get("bucket") or fields.get("index")):
        named = {"bucket": environment.get("VECGATE_BUCKET"), "index": environment.get("VECGATE_INDEX")}
        fields |= {name: value for name, value in named.items() if value}
    values, problems = _converted(fields, kind)
    if not problems:
        ask = kind(**values)
        problems = list(ask.problems())
    if problems:
        raise ConfigError("; ".join(problems), hint=f"It takes {', '.join(kind.__struct_fields__)}.")
    return ask


def _fields(event: object) -> dict[str, Any]:
    """The fields of *event*, or of the body that it brings as a web request does."""
    if isinstance(event, dict) and isinstance(event.get("body"), str) and "action" not in event:
        event = _json(event["body"], is_base64=bool(event.get("isBase64Encoded")))
    if not isinstance(event, dict):
        raise ConfigError("the event is no JSON object")
    return dict(event)


def _json(body: str, *, is_base64: bool) -> object:
    try:
        return orjson.loads(base64.b64decode(body, validate=True) if is_base64 else body)
    except ValueError:  # of either: no base64, no ASCII even, no UTF-8, no JSON
        raise ConfigError("the body is not JSON") from None


def _converted(fields: Mapping[str, Any], kind: type[Ask]) -> tuple[dict[str, Any], list[str]]:
    """The values of *fields* for *kind*, and what is wrong with each of them."""
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    problems = [f"{name!r} is not known" for name in fields if name not in types]
    values: dict[str, Any] = {}
    for name in types.keys() & fields.keys():
        try:
            values[name] = msgspec.convert(fields[name], types[name])
        except msgspec.ValidationError as error:
            problems.append(f"{name}: {error}")
    return values, sorted(problems)
