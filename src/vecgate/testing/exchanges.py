"""What a test sent and got, kept for the evidence of a failure, and as calls that repeat it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pprint import pformat
from typing import Any

from botocore import xform_name

KEPT = 12
SHOWN_CHARACTERS = 1_500
SNIPPET_CHARACTERS = 8_000
HEADERS_SHOWN = ("content-type", "x-amzn-errortype")


@dataclass(slots=True)
class Exchange:
    """A request and its answer.

    operation   such as PutVectors, or a method and path
    members     what was asked, None for bytes of the test's own making
    request     what was sent, in words, where there are no members
    status      of the answer, 0 while there is none
    answer      its body in words
    request_id  empty where the answer had none
    """

    operation: str
    members: Mapping[str, Any] | None = None
    request: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    request_id: str = ""


class ExchangeLog:
    """The last exchanges of a test, the oldest first; `requests` counts those of all tests by operation."""

    def __init__(self) -> None:
        self._kept: deque[Exchange] = deque(maxlen=KEPT)
        self.requests: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Exchange]:
        return iter(list(self._kept))

    def add(self, exchange: Exchange) -> Exchange:
        """Keep *exchange*, and count it."""
        self.requests[exchange.operation if exchange.members is not None else "raw"] += 1
        self._kept.append(exchange)
        return exchange

    def clear(self) -> None:
        """Forget what was kept: another test begins."""
        self._kept.clear()

    @property
    def last(self) -> Exchange | None:
        """The newest."""
        return self._kept[-1] if self._kept else None

    def watch(self, client: Any) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
        """Keep what *client* sends and gets from now on."""
        events = client.meta.events
        events.register("before-parameter-build.s3vectors", self._asked)
        events.register("response-received.s3vectors", self._answered)

    def _asked(self, params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: object) -> None:  # noqa: ANN401 - boto3 has no types
        context["vecgate_exchange"] = self.add(Exchange(model.name, dict(params)))

    def _answered(
        self,
        context: Mapping[str, Any],
        response_dict: Mapping[str, Any] | None,
        exception: Exception | None,
        **_: object,
    ) -> None:
        exchange = context.get("vecgate_exchange")
        if exchange is None:
            return
        if response_dict is None:
            exchange.answer = f"no answer: {exception}"
            return
        exchange.status = response_dict["status_code"]
        exchange.headers = {name.lower(): value for name, value in response_dict["headers"].items()}
        exchange.answer = bytes(response_dict["body"]).decode(errors="replace")
        exchange.request_id = request_id_of(exchange.headers)


def request_id_of(headers: Mapping[str, str]) -> str:
    """The request id in *headers*, whose names are lower case."""
    return headers.get("x-amzn-requestid") or headers.get("x-amz-request-id") or ""


def evidence_of(exchange: Exchange) -> str:
    """Request and answer as lines for people."""
    request = (
        exchange.request if exchange.members is None else _shortened(pformat(exchange.members, width=100))
    )
    shown = " ".join(
        f"{name}: {exchange.headers[name]}" for name in HEADERS_SHOWN if name in exchange.headers
    )
    return "\n".join(
        (
            f"request     {exchange.operation}",
            _indented(request),
            f"answer      {exchange.status or 'none'} {shown}",
            _indented(_shortened(exchange.answer)),
            f"request id  {exchange.request_id or 'none'}",
        )
    )


def snippet_of(exchanges: Iterable[Exchange], *, url: str | None, region: str) -> str:
    """A program that makes the same calls, or empty where there are none or they are too long to show."""
    calls = [each for each in exchanges if each.members is not None]
    if not calls:
        return ""
    where = f'"s3vectors", region_name={region!r}' + (f", endpoint_url={url!r}" if url else "")
    lines = [
        "import boto3",
        "from botocore.config import Config",
        f"client = boto3.client({where}, config=Config(parameter_validation=False))",
        *(f"client.create_vector_bucket(vectorBucketName={name!r})" for name in _assumed_buckets(calls)),
        *map(_call, calls),
    ]
    text = "\n".join(lines)
    return text if len(text) <= SNIPPET_CHARACTERS else ""


def _assumed_buckets(calls: Iterable[Exchange]) -> list[str]:
    """Buckets that a call uses and an earlier test, or nobody, has made."""
    made: set[str] = set()
    assumed: dict[str, None] = {}
    for each in calls:
        members = each.members or {}
        name = members.get("vectorBucketName")
        if each.operation == "CreateVectorBucket":
            made.add(str(name))
        elif isinstance(name, str) and name not in made and each.operation == "CreateIndex":
            assumed[name] = None
    return list(assumed)


def _call(exchange: Exchange) -> str:
    arguments = pformat(dict(exchange.members or {}), width=100, sort_dicts=False)
    line = f"client.{xform_name(exchange.operation)}(**{arguments})"
    return line if exchange.status < 400 else f"print({line})  # was answered with {exchange.status}"  # noqa: PLR2004 - HTTP


def _shortened(text: str) -> str:
    left = len(text) - SHOWN_CHARACTERS
    return text if left <= 0 else f"{text[:SHOWN_CHARACTERS]}… and {left:,} characters more"


def _indented(text: str) -> str:
    return "\n".join(f"            {line}" for line in text.splitlines() or [""])
