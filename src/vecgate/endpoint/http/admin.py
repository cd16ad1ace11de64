"""The admin API under `/_vecgate/`: reset, backup, fault injection, counts, metrics.

For local callers with its token: other users of the machine could otherwise delete everything. Web pages are
refused before, by `browsers`.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import orjson

from vecgate.endpoint.faults.injection import PRESETS, FaultPlan, parse_plan, plan_to_json
from vecgate.endpoint.gateway import Gateway, count_resources
from vecgate.endpoint.metrics import CONTENT_TYPE
from vecgate.errors import ConfigError, UsageError
from vecgate.loopback import is_loopback

ADMIN_PREFIX = "/_vecgate/"
JSON = "application/json"
METRICS, BACKUP = "metrics", "backup"
#: Proxies add them, so their peer is not the client.
PROXY_HEADERS = frozenset({b"forwarded", b"x-forwarded-for", b"via"})
BEARER = b"bearer"


@dataclass(frozen=True, slots=True)
class AdminResponse:
    """A response of the admin API."""

    body: bytes
    status: int = 200
    content_type: str = JSON

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers, the content length included."""
        length = str(len(self.body)).encode()
        return [(b"content-type", self.content_type.encode()), (b"content-length", length)]


AdminCall: TypeAlias = Callable[[bytes], AdminResponse | Awaitable[AdminResponse]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]


def generate_token() -> str:
    """Return a new random token."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """The access to the admin API.

    token           as in `Authorization: Bearer TOKEN`; random by default
    open_metrics    every client may read the metrics
    remote_metrics  clients on other machines, too, may read the metrics with the token
    """

    token: str = field(default_factory=generate_token, repr=False)
    open_metrics: bool = False
    remote_metrics: bool = False

    def reject(
        self, method: str, path: str, peer: tuple[str, int] | None, headers: Headers
    ) -> AdminResponse | None:
        """Return an error for a request of another host, of a proxy or without the token, else None."""
        is_metrics = (method, path) == ("GET", ADMIN_PREFIX + METRICS)
        if self.open_metrics and is_metrics:
            return None
        given = dict(headers)
        is_local = bool(peer and is_loopback(peer[0])) and PROXY_HEADERS.isdisjoint(given)
        if not (is_local or (self.remote_metrics and is_metrics)):
            return _error(403, f"{ADMIN_PREFIX} answers direct requests from this machine only")
        scheme, _, token = given.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == BEARER and hmac.compare_digest(token.strip(), self.token.encode()):
            return None
        return _error(
            401,
            f"{ADMIN_PREFIX} needs the header Authorization: Bearer TOKEN, with the token that was printed "
            "at the start of the endpoint or given in VECGATE_ADMIN_TOKEN",
        )


class AdminApi:
    """The calls of the admin API on *gateway*."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._calls: Mapping[str, Mapping[str, AdminCall]] = {
            "reset": {"POST": self._reset},
            "state": {"GET": self._get_state},
            METRICS: {"GET": self._get_metrics},
            BACKUP: {"POST": self._back_up},
            "injection": {"GET": self._get_plan, "PUT": self._set_plan, "DELETE": self._clear_plan},
        }

    async def respond(self, method: str, path: str, body: bytes) -> AdminResponse:
        """Return the response to a call."""
        calls = self._calls.get(path.removeprefix(ADMIN_PREFIX), {})
        if method in calls:
            response = calls[method](body)
            return response if isinstance(response, AdminResponse) else await response
        if calls:
            return _error(405, f"{path} accepts {', '.join(calls)}, not {method}")
        return _error(
            404, f"no such path; there are {', '.join(ADMIN_PREFIX + name for name in self._calls)}"
        )

    def _reset(self, _: bytes) -> AdminResponse:
        self._gateway.state.reset()
        self._gateway.reset_quotas()
        return self._get_state(b"")

    def _get_state(self, _: bytes) -> AdminResponse:
        return AdminResponse(orjson.dumps(count_resources(self._gateway.state)))

    def _get_metrics(self, _: bytes) -> AdminResponse:
        text = self._gateway.metrics.format_text(count_resources(self._gateway.state))
        return AdminResponse(text.encode(), content_type=CONTENT_TYPE)

    async def _back_up(self, body: bytes) -> AdminResponse:
        """Write a backup in another thread, so that requests are answered meanwhile."""
        try:
            file = _read_file(orjson.loads(body))
            size = await asyncio.to_thread(self._gateway.state.store.back_up, file)
        except (UsageError, orjson.JSONDecodeError) as error:
            return _error(400, str(error))
        return AdminResponse(orjson.dumps({"file": str(file), "bytes": size}))

    def _get_plan(self, _: bytes) -> AdminResponse:
        return AdminResponse(orjson.dumps(plan_to_json(self._gateway.injector.plan)))

    def _set_plan(self, body: bytes) -> AdminResponse:
        try:
            self._gateway.injector.replace_plan(_read_plan(orjson.loads(body)))
        except (ConfigError, orjson.JSONDecodeError) as error:
            return _error(400, str(error))
        return self._get_plan(b"")

    def _clear_plan(self, _: bytes) -> AdminResponse:
        self._gateway.injector.replace_plan(FaultPlan())
        return self._get_plan(b"")


def _read_file(content: object) -> Path:
    match content:
        case {"file": str(name), **rest} if not rest and Path(name).is_absolute():
            return Path(name)
        case _:
            raise ConfigError('the body must be {"file": PATH} with an absolute path')


def _read_plan(content: object) -> FaultPlan:
    """Return the plan in *content*: a preset by name, or a whole plan."""
    match content:
        case {"preset": str(name), **rest} if not rest and name in PRESETS:
            return PRESETS[name]
        case {"preset": name, **others}:
            if others:
                raise ConfigError(f"a preset has no other members; remove {', '.join(map(str, others))}")
            raise ConfigError(f"there is no preset {name!r}; the presets are {', '.join(PRESETS)}")
        case _:
            return parse_plan(content, "injection")


def _error(status: int, message: str) -> AdminResponse:
    return AdminResponse(orjson.dumps({"message": message}), status)
