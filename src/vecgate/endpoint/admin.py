"""The admin path: reset, injection, counts, metrics. For this machine alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeAlias

import orjson

from vecgate.endpoint.injection import PRESETS, Plan, plan_as_json, plan_of
from vecgate.endpoint.keeper import Keeper, held
from vecgate.endpoint.metrics import CONTENT_TYPE
from vecgate.errors import ConfigError

ADMIN_PREFIX = "/_vecgate/"
JSON = "application/json"
#: A browser sends the first with what a page has it post; proxies the others.
FOREIGN_HEADERS = frozenset({b"origin", b"forwarded", b"x-forwarded-for", b"via"})


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of the admin path."""

    body: bytes
    status: int = 200
    content_type: str = JSON

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers, length included."""
        length = str(len(self.body)).encode()
        return [(b"content-type", self.content_type.encode()), (b"content-length", length)]


Call: TypeAlias = Callable[[bytes], Page]


def refuse_remote(peer: tuple[str, int] | None, headers: Iterable[tuple[bytes, bytes]]) -> Page | None:
    """The refusal for whoever asks from elsewhere, or in the name of someone else; None for others."""
    if peer and _is_loopback(peer[0]) and not any(name in FOREIGN_HEADERS for name, _ in headers):
        return None
    return _problem(403, f"{ADMIN_PREFIX} is for this machine alone, asked directly")


class Admin:
    """The calls of the admin path, about what *keeper* keeps."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._calls: Mapping[str, Mapping[str, Call]] = {
            "reset": {"POST": self._reset},
            "state": {"GET": self._state},
            "metrics": {"GET": self._metrics},
            "injection": {"GET": self._plan, "PUT": self._set_plan, "DELETE": self._clear_plan},
        }

    def page(self, method: str, path: str, body: bytes) -> Page:
        """The answer to a call."""
        calls = self._calls.get(path.removeprefix(ADMIN_PREFIX), {})
        if method in calls:
            return calls[method](body)
        if calls:
            return _problem(405, f"{path} takes {', '.join(calls)}")
        return _problem(404, f"there is {', '.join(ADMIN_PREFIX + name for name in self._calls)}")

    def _reset(self, body: bytes) -> Page:
        del body
        self._keeper.state.reset()
        self._keeper.forget()
        return self._state(b"")

    def _state(self, body: bytes) -> Page:
        del body
        return Page(orjson.dumps(held(self._keeper.state)))

    def _metrics(self, body: bytes) -> Page:
        del body
        text = self._keeper.metrics.text(held(self._keeper.state))
        return Page(text.encode(), content_type=CONTENT_TYPE)

    def _plan(self, body: bytes) -> Page:
        del body
        return Page(orjson.dumps(plan_as_json(self._keeper.injector.plan)))

    def _set_plan(self, body: bytes) -> Page:
        try:
            self._keeper.injector.adopt(_asked_plan(orjson.loads(body)))
        except (ConfigError, orjson.JSONDecodeError) as error:
            return _problem(400, str(error))
        return self._plan(b"")

    def _clear_plan(self, body: bytes) -> Page:
        self._keeper.injector.adopt(Plan())
        return self._plan(body)


def _asked_plan(content: object) -> Plan:
    """The plan that is asked for: a preset by its name, or in full."""
    match content:
        case {"preset": str(name), **rest} if not rest and name in PRESETS:
            return PRESETS[name]
        case {"preset": name, **rest}:
            raise ConfigError(f"there is no preset {name!r} alone; there are {', '.join(PRESETS)}")
        case _:
            return plan_of(content, "injection")


def _problem(status: int, message: str) -> Page:
    return Page(orjson.dumps({"message": message}), status)


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
