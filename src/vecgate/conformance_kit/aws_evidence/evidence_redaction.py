"""Replaces what identifies an account in an exchange: account, principals, keys, request ids, prefix.

The same text gets the same name within a run, so an ARN can still be compared with another. The names cannot
be turned back: the salt is random and not stored. Secrets have been redacted already (`vecgate.redaction`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from vecgate.conformance_kit.aws_evidence.evidence_file import RecordedExchange
from vecgate.conformance_kit.plugin_options import DEFAULT_PREFIX
from vecgate.conformance_kit.requests.exchanges import Exchange
from vecgate.redaction import redact

REQUEST_CHARACTERS_MAX, ANSWER_CHARACTERS_MAX = 2_000, 4_000
#: Searching the rest of a body of 20 MiB would take seconds. It is longer than any text that is kept, so that
#: no secret is cut in two and kept.
SEARCHED_CHARACTERS_MAX = 20_000
KEPT_HEADERS = ("content-type", "x-amzn-errortype")
_ACCOUNT = re.compile(r"(arn:aws[\w-]*:[\w-]*:[\w-]*:)(\d{12})\b")
#: The last part of an ARN of IAM, STS or KMS names a person, a role or a key.
_PRINCIPAL = re.compile(r"(arn:aws[\w-]*:(?:iam|sts|kms):[\w-]*:[\w-]*:)([^\s\"'\\,;]+)")
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{12,}")


class EvidenceRedactor:
    """Redacts the exchanges of one run.

    prefix  with which the names of the run's buckets begin; the default one replaces it
    """

    def __init__(self, prefix: str) -> None:
        self._salt = secrets.token_bytes(32)
        self._prefix = prefix
        self._accounts: set[str] = set()

    def record(self, exchange: Exchange) -> RecordedExchange:
        """Return *exchange* without what identifies its account."""
        request = exchange.request if exchange.members is None else encode_members(exchange.members)
        texts = tuple(
            text[:SEARCHED_CHARACTERS_MAX] for text in (exchange.operation, request, exchange.answer)
        )
        self._accounts.update(match[2] for text in texts for match in _ACCOUNT.finditer(text))
        operation, request, answer = (self._redact(text, exchange.request_id) for text in texts)
        return RecordedExchange(
            operation=operation,
            request=shorten(request, REQUEST_CHARACTERS_MAX),
            status=exchange.status,
            headers={
                name: self._redact(exchange.headers[name], exchange.request_id)
                for name in KEPT_HEADERS
                if name in exchange.headers
            },
            answer=shorten(answer, ANSWER_CHARACTERS_MAX),
            request_id=self._name("request", exchange.request_id) if exchange.request_id else "",
        )

    def record_all(self, exchanges: Iterable[Exchange]) -> tuple[RecordedExchange, ...]:
        """Return all *exchanges* redacted, oldest first."""
        return tuple(map(self.record, exchanges))

    def redact_text(self, text: str) -> str:
        """Return *text*, such as the message of a failure, redacted."""
        self._accounts.update(match[2] for match in _ACCOUNT.finditer(text))
        return self._redact(text, "")

    def _redact(self, text: str, request_id: str) -> str:
        text = redact(text)
        text = _PRINCIPAL.sub(lambda match: match[1] + self._name("principal", match[2]), text)
        for account in self._accounts:
            text = re.sub(rf"(?<!\d){account}(?!\d)", self._name("account", account), text)
        text = _ACCESS_KEY.sub(lambda match: self._name("key", match[0]), text)
        if request_id:
            text = text.replace(request_id, self._name("request", request_id))
        if self._prefix != DEFAULT_PREFIX:
            text = text.replace(f"{self._prefix}-", f"{DEFAULT_PREFIX}-")
        # A server can send a lone surrogate, which UTF-8 does not have.
        return text.encode(errors="backslashreplace").decode()

    def _name(self, kind: str, value: str) -> str:
        digest = hmac.new(self._salt, f"{kind} {value}".encode(errors="replace"), hashlib.sha256)
        return f"{kind}-{digest.hexdigest()[:12]}"


def encode_members(members: Mapping[str, Any]) -> str:
    """Return the members of a request as JSON; a value that JSON does not have as its representation."""
    return json.dumps(members, default=repr, ensure_ascii=False)


def shorten(text: str, characters_max: int) -> str:
    """Return *text*, or its first *characters_max* characters and an ellipsis."""
    return text if len(text) <= characters_max else f"{text[:characters_max]}…"
