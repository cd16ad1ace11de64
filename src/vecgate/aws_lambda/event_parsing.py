"""The events of the function: every field is typed and bounded, and all problems are reported at once."""

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
BatchSize: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=VECTORS_PER_PUT_MAX)]
InFlight: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=32)]
Dimension: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=DIMENSION_MAX)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0.1, le=30)]
Name: TypeAlias = Annotated[str, msgspec.Meta(max_length=2_048)]


class ActionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that every action has.

    bucket, index  names, or the ARN of the index; VECGATE_BUCKET and VECGATE_INDEX if the event has neither
    create         create what is missing; without names a temporary bucket, which is always removed
    clean_up       remove what this invocation created and wrote
    dimension      of an index that is created; an existing index has its own
    """

    action: str
    bucket: Name = ""
    index: Name = ""
    create: bool = False
    clean_up: bool = False
    dimension: Dimension = 1_024

    @property
    def is_temporary(self) -> bool:
        """No index is named, so a temporary bucket is used."""
        return not (self.bucket or self.index)

    @property
    def address(self) -> IndexAddress:
        """The index that is named. Raises UsageError if a name is missing."""
        return IndexAddress.parse(bucket=self.bucket, index=self.index)

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the combination of fields."""
        if self.is_temporary and not self.create:
            yield "no index is named: use bucket and index, or create: true for a temporary one"
        elif not self.is_temporary and self.index.startswith("arn:") and self.create:
            yield "create needs names, not an ARN"


class TestAccess(ActionRequest, frozen=True, kw_only=True):
    """Test which operations the function may use on the index; with *write* also those that write."""

    write: bool = False


class TestBatchProcessing(ActionRequest, frozen=True, kw_only=True):
    """Write synthetic vectors in batches at a steady rate.

    vectors        total number
    batch_vectors  vectors per request
    in_flight      largest number of concurrent requests
    vectors_per_s  highest rate
    delay_ms       shortest time between two requests
    attempts       highest number of attempts of a request, not counting throttled ones
    report_every   vectors between two progress reports
    """

    vectors: Annotated[int, msgspec.Meta(ge=1, le=VECTORS_MAX)] = 1_000
    batch_vectors: BatchSize = STEADY.batch_vectors
    in_flight: InFlight = STEADY.in_flight
    vectors_per_s: Annotated[float, msgspec.Meta(gt=0, le=RATE_MAX)] = STEADY.vectors_per_s
    delay_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 1_000 / STEADY.requests_per_s
    attempts: Annotated[int, msgspec.Meta(ge=1, le=20)] = STEADY.retry.attempts_max
    report_every: Annotated[int, msgspec.Meta(ge=1, le=VECTORS_MAX)] = STEADY.progress_every


class TestOptimizedBatch(ActionRequest, frozen=True, kw_only=True):
    """Measure each of *batches* for *seconds*, and write *vectors* with the best one."""

    vectors: Annotated[int, msgspec.Meta(ge=1, le=VECTORS_MAX)] = 1_000
    batches: Annotated[tuple[BatchSize, ...], msgspec.Meta(min_length=1, max_length=8)] = (50, 100, 250, 500)
    in_flight: InFlight = STEADY.in_flight
    seconds: Seconds = 1.0


class TestThroughputScaling(ActionRequest, frozen=True, kw_only=True):
    """Measure each combination of *batches* and *in_flight* for *seconds*."""

    batches: Annotated[tuple[BatchSize, ...], msgspec.Meta(min_length=1, max_length=8)] = (10, 100, 500)
    in_flight: Annotated[tuple[InFlight, ...], msgspec.Meta(min_length=1, max_length=8)] = (1, 2, 4)
    seconds: Seconds = 1.0


class Search(ActionRequest, frozen=True, kw_only=True):
    """Find the vectors nearest to *vector*, or to the one that is stored under *key*."""

    vector: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=DIMENSION_MAX)] | None = None
    key: Name | None = None
    top_k: Annotated[int, msgspec.Meta(ge=1, le=QUERY_PAGE_MAX)] = 10
    filter: dict[str, Any] | None = None
    metadata: bool = True

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the combination of fields."""
        yield from super().problems()
        if (self.vector is None) == (self.key is None):
            yield "use either vector or key to search"


#: Name of an action to the type of its request.
REQUEST_TYPES: Mapping[str, type[ActionRequest]] = {
    "test-access": TestAccess,
    "test-batch-processing": TestBatchProcessing,
    "test-optimized-batch": TestOptimizedBatch,
    "test-throughput-scaling": TestThroughputScaling,
    "search": Search,
}


def parse_event(event: object, environment: Mapping[str, str]) -> ActionRequest:
    """Return the request in *event*. Raises ConfigError with all problems of the event."""
    fields = _read_fields(event)
    request_type = REQUEST_TYPES.get(str(fields.get("action", "")))
    if request_type is None:
        raise ConfigError("the action is missing or unknown", hint=f"Allowed are {', '.join(REQUEST_TYPES)}.")
    if not (fields.get("bucket") or fields.get("index")):
        defaults = {"bucket": environment.get("VECGATE_BUCKET"), "index": environment.get("VECGATE_INDEX")}
        fields |= {field: name for field, name in defaults.items() if name}
    values, problems = _convert_fields(fields, request_type)
    if not problems:
        request = request_type(**values)
        problems = list(request.problems())
    if problems:
        names = ", ".join(request_type.__struct_fields__)
        raise ConfigError("; ".join(problems), hint=f"The fields of this action are {names}.")
    return request


def _read_fields(event: object) -> dict[str, Any]:
    """Return the fields of *event*, or of its `body` if it is a web request."""
    if isinstance(event, dict) and isinstance(event.get("body"), str) and "action" not in event:
        event = _decode_body(event["body"], is_base64=bool(event.get("isBase64Encoded")))
    if not isinstance(event, dict):
        raise ConfigError("the event is not a JSON object")
    return dict(event)


def _decode_body(body: str, *, is_base64: bool) -> object:
    try:
        return orjson.loads(base64.b64decode(body, validate=True) if is_base64 else body)
    except ValueError:  # Raised for invalid base64, characters outside ASCII, invalid UTF-8 and invalid JSON.
        raise ConfigError("the body is not JSON") from None


def _convert_fields(
    fields: Mapping[str, Any], request_type: type[ActionRequest]
) -> tuple[dict[str, Any], list[str]]:
    """Return the typed values of *fields*, and the problems of the others."""
    types = {field.name: field.type for field in msgspec.structs.fields(request_type)}
    problems = [f"unknown field {name!r}" for name in fields if name not in types]
    values: dict[str, Any] = {}
    for name in types.keys() & fields.keys():
        try:
            values[name] = msgspec.convert(fields[name], types[name])
        except msgspec.ValidationError as error:
            problems.append(f"{name}: {error}")
    return values, sorted(problems)
