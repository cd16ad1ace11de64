"""Remove secrets from text before it is printed, written or sent on.

A server may repeat a request, with its credentials, in any field of its answer. Everything that this process
prints or writes passes `redact`, which replaces two kinds of text by MARK: the secrets in use, wherever they
appear, and text of a form that only signed requests have. Data of the user, such as an export, passes
`redact_own` instead: it replaces the secrets in use and the signatures made with them, nothing else.

The secrets in use are those that this process has registered: a target registers its credentials when it is
opened and whenever they are renewed, a command those in its environment. A child process registers its own.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

MARK = "(redacted)"
#: Shorter secrets are words such as `test` or `local`, which would be replaced in unrelated text. They are
#: still replaced in an Authorization header, in a URL and in the other forms below.
SECRET_CHARACTERS_MIN = 8
#: The oldest are forgotten: credentials that were renewed this often have expired.
SECRETS_MAX = 500
#: Headers of a target file that hold no secret.
PUBLIC_HEADERS = frozenset({
    *("accept", "accept-encoding", "accept-language", "cache-control", "connection"),
    *("content-type", "host", "user-agent"),
})  # fmt: skip
#: Environment variables with a secret, and those with a URL that may have a user and a password.
SECRET_VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *(
        "VECGATE_SECRET_KEY",
        "VECGATE_ADMIN_TOKEN",
        "VECGATE_MASTER_SECRET",
        "VECGATE_WEB_PASSWORD",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ),
)
URL_VARIABLES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
    *("VECGATE_TARGET", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3VECTORS"),
)

#: A line break, also as the escape of a JSON or Python string.
_BREAK = r"(?:\r\n|\r|\n|\\r\\n|\\n)"
#: Text up to the next space, quote, escape or separator.
_WORD = r"[^\s\"'\\|<>&,;]"
_SCHEMES = r"(?:Basic|Bearer|Digest|Negotiate|Token|ApiKey|Api-Key|AWS)"
#: The value of an Authorization header, and a string to sign.
_AUTHORIZATION = re.compile(
    rf"AWS4-[A-Z0-9-]+(?:(?:[\s,;|]|\\[rnt])*(?:Credential|SignedHeaders|Signature)=[^\s,\"'\\|<>&]*)*"
    rf"(?:{_BREAK}\d{{8}}T\d{{6}}Z{_BREAK}\d{{8}}/[^\s\\]*{_BREAK}[0-9a-f]{{64}})?",
    re.IGNORECASE,
)
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A canonical request.
    (
        re.compile(
            rf"[A-Z]{{3,7}}{_BREAK}/[^\r\n\\]*{_BREAK}[^\r\n\\]*{_BREAK}(?:[a-z0-9-]+:[^\r\n\\]*{_BREAK})+"
            rf"{_BREAK}?[a-z0-9;-]+{_BREAK}(?:[0-9a-f]{{64}}|[A-Z0-9-]*PAYLOAD[A-Z0-9-]*)"
        ),
        MARK,
    ),
    (_AUTHORIZATION, MARK),
    # Their parts, also in the query of a presigned URL.
    (re.compile(rf"(?:\bCredential|Signature|X-Amz-(?:Credential|Signature|Security-Token))={_WORD}+"), MARK),
    (re.compile(rf"x-amz-(?:credential|signature|security-token)={_WORD}+", re.IGNORECASE), MARK),
    # Headers, as a line, in JSON or in a Python dictionary.
    (
        re.compile(
            r"(x-amz-(?:security-token|signature|credential)\\*[\"']?\s*[:=,]\s*(?:b?\\*[\"'])?)"
            rf"{_WORD}+",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
    (
        re.compile(
            r"(authorization(?:\\*[\"']?\s*[:=]|\\*[\"'],)\s*(?:b?\\*[\"'])?)"
            rf"(?:{_SCHEMES}\s+[^\s\"'\\|<>]{{3,}}|[^\s\"'\\|<>]{{16,}})",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
    # A signature by itself.
    (re.compile(r"(signature.{0,40}?(?<![0-9a-f]))[0-9a-f]{64}(?![0-9a-f])", re.IGNORECASE), rf"\1{MARK}"),
    # User and password of a URL.
    (re.compile(r"(://)[^/\s@\"'<>\\?#]+@"), rf"\1{MARK}@"),
)
#: Text without any of these words has none of the forms. Searching for them is fast.
_TRIGGERS = ("aws4-", "signature", "credential=", "authorization", "security-token", "x-amz-", "://")


class _Registry:
    """The secrets in use. Replaced as a whole at each change, so threads need no lock to read it."""

    def __init__(self) -> None:
        self.known: dict[str, None] = {}
        self.literals: tuple[str, ...] = ()

    def clear(self) -> None:
        self.known, self.literals = {}, ()

    def add(self, values: Iterable[str]) -> None:
        new = [value for value in values if len(value) >= SECRET_CHARACTERS_MIN and value not in self.known]
        if not new:
            return
        known = {**self.known, **dict.fromkeys(new)}
        self.known = dict.fromkeys(list(known)[-SECRETS_MAX:])
        literals = {variant for value in self.known for variant in _variants(value)}
        # The longest first: one secret may contain another.
        self.literals = tuple(sorted(literals, key=lambda text: (-len(text), text)))


_REGISTRY = _Registry()


def register_secrets(*values: str | None) -> None:
    """Register *values*, all secret. Empty and short ones are ignored, see SECRET_CHARACTERS_MIN."""
    _REGISTRY.add(value for value in values if value)


def register_headers(headers: Mapping[str, str]) -> None:
    """Register the values of the *headers* that may be secret, and the credentials within them."""
    for name, value in headers.items():
        if name.lower() not in PUBLIC_HEADERS:
            scheme, _, rest = value.partition(" ")
            register_secrets(value, rest, *(_decode_basic(rest) if scheme.lower() == "basic" else ()))


def register_environment(environment: Mapping[str, str]) -> None:
    """Register the secrets in the variables of *environment* that AWS, proxies and vecgate define."""
    register_secrets(*(environment.get(name) for name in SECRET_VARIABLES))
    for name in URL_VARIABLES:
        without_user(environment.get(name, ""))


def without_user(url: str) -> str:
    """Return *url* without its user and password, which are registered as secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    user, sign, host = parts.netloc.rpartition("@")
    if not sign:
        return url
    name, _, password = user.partition(":")
    encoded = base64.b64encode(unquote(user).encode()).decode()
    register_secrets(user, name, password, unquote(name), unquote(password), encoded)
    return urlunsplit(parts._replace(netloc=host))


def forget_secrets() -> None:
    """Forget all registered secrets."""
    _REGISTRY.clear()


def redact(text: str) -> str:
    """Return *text* with the secrets in use, and everything that looks like a part of a signed request,
    replaced by MARK.
    """
    text = _replace_literals(text)
    lowered = text.lower()
    if any(trigger in lowered for trigger in _TRIGGERS):
        for pattern, replacement in _FORMS:
            text = pattern.sub(replacement, text)
    return text


def redact_own(text: str) -> str:
    """Return *text*, which is data of the user, without the secrets in use and the signatures made with
    them.
    """
    replaced = _replace_literals(text)
    return text if replaced == text else _AUTHORIZATION.sub(MARK, replaced)


def redact_values(value: Any, *, replace: Callable[[str], str] = redact) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON *value* with *replace* applied to all strings in it, keys included."""
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, Mapping):
        return {
            replace(key) if isinstance(key, str) else key: redact_values(element, replace=replace)
            for key, element in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact_values(element, replace=replace) for element in value]
    return value


def holds_secret(data: bytes) -> bool:
    """Return whether *data* contains a secret in use."""
    return any(literal.encode(errors="surrogatepass") in data for literal in _REGISTRY.literals)


def _replace_literals(text: str) -> str:
    for literal in _REGISTRY.literals:
        if literal in text:
            text = text.replace(literal, MARK)
    return text


def _variants(value: str) -> set[str]:
    """Return *value* as it may appear: as it is, percent-encoded, within JSON, and within HTML."""
    encoded = quote(value, safe="")
    lower = re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)
    in_html = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    in_json = {json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (False, True)}
    return {value, encoded, lower, quote(value), value.replace("/", "\\/"), in_html, *in_json}


def _decode_basic(value: str) -> tuple[str, ...]:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ()
    return user, password
