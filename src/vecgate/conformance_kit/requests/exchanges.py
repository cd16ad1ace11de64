"""Recorded requests and answers of a test: the evidence of a failure, and a program that reproduces it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pprint import pformat
from typing import Any
from urllib.parse import urlsplit

from botocore import xform_name

from vecgate.redaction import redact

EXCHANGES_MAX = 12
FORMATTED_CHARACTERS_MAX = 1_500
REPRODUCTION_CHARACTERS_MAX = 8_000
FORMATTED_HEADERS = ("content-type", "x-amzn-errortype")


@dataclass(frozen=True, slots=True)
class SentBytes:
    """A request that a test wrote byte by byte, to send it again.

    headers     without a signature and without secrets
    is_signed   it is signed before it is sent
    difference  what a program that repeats it does not do, empty if it is the same
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    is_signed: bool = True
    difference: str = ""


@dataclass(slots=True)
class Exchange:
    """A request and its answer.

    operation   such as PutVectors, or a method and path
    members     the input of the operation; None for a request that the test wrote byte by byte
    request     the request as text, if *members* is None
    sent        the same, to send it again
    status      HTTP status of the answer; 0 without an answer
    answer      body of the answer as text, or why no answer arrived
    request_id  empty if the answer had none
    """

    operation: str
    members: Mapping[str, Any] | None = None
    request: str = ""
    sent: SentBytes | None = None
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    request_id: str = ""


class ExchangeLog:
    """The last exchanges of the running test, oldest first. `requests` counts all requests by operation."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=EXCHANGES_MAX)
        self.requests: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Exchange]:
        return iter(list(self._exchanges))

    def add(self, exchange: Exchange) -> Exchange:
        """Record *exchange* and count its request."""
        self.requests[exchange.operation if exchange.members is not None else "raw"] += 1
        self._exchanges.append(exchange)
        return exchange

    def replay(self, exchanges: Iterable[Exchange]) -> None:
        """Record *exchanges* of an earlier test, whose effect this one uses. They do not count again."""
        self._exchanges.extend(exchanges)

    def clear(self) -> None:
        """Drop the exchanges before the next test. The counts stay."""
        self._exchanges.clear()

    @property
    def last(self) -> Exchange | None:
        """The most recent exchange."""
        return self._exchanges[-1] if self._exchanges else None

    def watch(self, client: Any) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
        """Record all further exchanges of *client*."""
        events = client.meta.events
        events.register("before-parameter-build.s3vectors", self._on_request)
        events.register("response-received.s3vectors", self._on_answer)

    def _on_request(
        self,
        params: Mapping[str, Any],
        model: Any,  # noqa: ANN401 - boto3 has no types
        context: dict[str, Any],
        **_: object,
    ) -> None:
        context["vecgate_exchange"] = self.add(Exchange(model.name, dict(params)))

    def _on_answer(
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
            exchange.answer = redact(f"no answer: {exception}")
            return
        exchange.status = response_dict["status_code"]
        exchange.headers = {name.lower(): redact(value) for name, value in response_dict["headers"].items()}
        exchange.answer = redact(bytes(response_dict["body"]).decode(errors="replace"))
        exchange.request_id = request_id_of(exchange.headers)


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return the request id in *headers*, whose names are in lower case."""
    return headers.get("x-amzn-requestid") or headers.get("x-amz-request-id") or ""


def format_exchange(exchange: Exchange) -> str:
    """Format request and answer as text for people."""
    request = exchange.request if exchange.members is None else _shorten(pformat(exchange.members, width=100))
    headers = " ".join(
        f"{name}: {exchange.headers[name]}" for name in FORMATTED_HEADERS if name in exchange.headers
    )
    return "\n".join(
        (
            f"request     {exchange.operation}",
            _indent(request),
            f"answer      {exchange.status or 'none'} {headers}",
            _indent(_shorten(exchange.answer)),
            f"request id  {exchange.request_id or 'none'}",
        )
    )


def build_reproduction(exchanges: Iterable[Exchange], *, url: str | None, region: str) -> str:
    """Return a Python program that repeats the requests, or an empty text without them or if it is too long.

    Its credentials are those of the environment, or for a server at *url* else made-up ones.
    """
    calls = [each for each in exchanges if each.members is not None or (each.sent and url)]
    if not calls:
        return ""
    has_calls = any(each.members is not None for each in calls)
    has_bytes = any(each.members is None for each in calls)
    lines = [
        *_credentials_lines(url),
        *(_client_lines(url, region) if has_calls else []),
        *(_sender_lines(str(url), region) if has_bytes else []),
        *(f"client.create_vector_bucket(vectorBucketName={name!r})" for name in _missing_buckets(calls)),
        *(_format_sent(each.sent) if each.sent else _format_call(each) for each in calls),
    ]
    text = "\n".join(lines)
    return text if len(text) <= REPRODUCTION_CHARACTERS_MAX else ""


def _credentials_lines(url: str | None) -> list[str]:
    if not url:
        return []
    names = (("KEY", "AWS_ACCESS_KEY_ID"), ("SECRET", "AWS_SECRET_ACCESS_KEY"))
    return ["import os", *(f'{name} = os.environ.get("{variable}", "test")' for name, variable in names)]


def _client_lines(url: str | None, region: str) -> list[str]:
    arguments = f'"s3vectors", region_name={region!r}'
    if url:
        arguments += f", endpoint_url={url!r}, aws_access_key_id=KEY, aws_secret_access_key=SECRET"
    return [
        "import boto3",
        "from botocore.config import Config",
        f"client = boto3.client({arguments}, config=Config(parameter_validation=False))",
    ]


def _sender_lines(url: str, region: str) -> list[str]:
    """Return a function that sends bytes, signed by botocore."""
    parts = urlsplit(url)
    kind = "HTTPS" if parts.scheme == "https" else "HTTP"
    return [
        "import http.client",
        "from botocore.auth import SigV4Auth",
        "from botocore.awsrequest import AWSRequest",
        "from botocore.credentials import Credentials",
        "def send(method, path, headers, body, sign=True):",
        f"    request = AWSRequest(method, {url.rstrip('/')!r} + path, headers, body)",
        "    if sign:",
        f'        SigV4Auth(Credentials(KEY, SECRET), "s3vectors", {region!r}).add_auth(request)',
        f"    connection = http.client.{kind}Connection({parts.netloc!r})",
        "    connection.request(method, path, body, dict(request.headers))",
        "    answer = connection.getresponse()",
        "    print(answer.status, answer.getheaders(), answer.read())",
    ]


def _format_sent(sent: SentBytes) -> str:
    arguments = f"{sent.method!r}, {sent.path!r}, {dict(sent.headers)!r}, {sent.body!r}"
    unsigned = "" if sent.is_signed else ", sign=False"
    note = f"  # {sent.difference}" if sent.difference else ""
    return f"send({arguments}{unsigned}){note}"


def _missing_buckets(calls: Iterable[Exchange]) -> list[str]:
    """Return the buckets that *calls* create an index in, without having created the bucket."""
    created: set[str] = set()
    missing: dict[str, None] = {}
    for each in calls:
        members = each.members or {}
        name = members.get("vectorBucketName")
        if each.operation == "CreateVectorBucket":
            created.add(str(name))
        elif isinstance(name, str) and name not in created and each.operation == "CreateIndex":
            missing[name] = None
    return list(missing)


def _format_call(exchange: Exchange) -> str:
    arguments = pformat(dict(exchange.members or {}), width=100, sort_dicts=False)
    line = f"client.{xform_name(exchange.operation)}(**{arguments})"
    return line if exchange.status < 400 else f"print({line})  # was answered with {exchange.status}"  # noqa: PLR2004 - HTTP


def _shorten(text: str) -> str:
    excess = len(text) - FORMATTED_CHARACTERS_MAX
    return text if excess <= 0 else f"{text[:FORMATTED_CHARACTERS_MAX]}… and {excess:,} characters more"


def _indent(text: str) -> str:
    return "\n".join(f"            {line}" for line in text.splitlines() or [""])
