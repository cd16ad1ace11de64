"""Faults caused on purpose: which request meets which, the same for the same seed and number.

A request is numbered within its operation, so that what is asked in between shifts nothing. At most one fault
that decides its outcome befalls a request; added latency and stalls come on top.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec

from vecgate.endpoint.chance import uniform
from vecgate.endpoint.settings import complete, read_toml, typed, typed_list
from vecgate.s3vectors.model import service_model

#: Longest that a fault may last.
SECONDS_MAX = 600.0


class Kind(StrEnum):
    """What may happen to a request."""

    #: 429 TooManyRequestsException, nothing applied.
    THROTTLE = "throttle"
    #: 500 InternalServerException, nothing applied.
    INTERNAL_ERROR = "internal-error"
    #: 503 ServiceUnavailableException, nothing applied.
    UNAVAILABLE = "unavailable"
    #: 408 RequestTimeoutException, nothing applied.
    TIMEOUT = "timeout"
    #: The connection is reset before anything is applied.
    RESET_BEFORE = "reset-before"
    #: The request is applied, then the connection is reset.
    RESET_AFTER = "reset-after"
    #: The request is applied, then the connection is closed without an answer.
    LOST = "lost"
    #: The request is applied; half of the answer's body is sent, then the connection is closed.
    TRUNCATED = "truncated"
    #: The request is applied; the answer's body takes this many seconds.
    SLOW_BODY = "slow-body"
    #: The request waits this many seconds before it is applied.
    LATENCY = "latency"
    #: Every request waits until this many seconds from now.
    STALL = "stall"


#: The error that is answered, and its text.
ERRORS: Mapping[Kind, tuple[str, str]] = {
    Kind.THROTTLE: ("TooManyRequestsException", "Too many requests"),
    Kind.INTERNAL_ERROR: ("InternalServerException", "Internal server error"),
    Kind.UNAVAILABLE: ("ServiceUnavailableException", "Currently unable to handle the request"),
    Kind.TIMEOUT: ("RequestTimeoutException", "The request timed out"),
}
WAITS = frozenset({Kind.LATENCY, Kind.STALL})
TIMED = WAITS | {Kind.SLOW_BODY}


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, and how often it comes.

    rate        of the requests, 0 to 1
    operations  that it befalls, empty for all
    seconds     how long it lasts, for the kinds that last
    first       only the first so many requests of each operation, None for all
    """

    kind: Kind
    rate: float
    operations: tuple[str, ...] = ()
    seconds: float = 0.0
    first: int | None = None

    def concerns(self, operation: str, number: int) -> bool:
        """Whether it may befall the request of that *number*, from 1."""
        return (not self.operations or operation in self.operations) and number <= (self.first or number)


@dataclass(frozen=True, slots=True)
class Plan:
    """Faults, and the seed that picks the requests that they befall."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0

    def faults_of(self, operation: str, number: int) -> list[Fault]:
        """The faults that the request of that *number*, from 1, meets: waits first."""
        concerned = [fault for fault in self.faults if fault.concerns(operation, number)]
        return [
            *(
                fault
                for place, fault in enumerate(concerned)
                if fault.kind in WAITS and uniform(self.seed, operation, number, place) < fault.rate
            ),
            *self._outcome([fault for fault in concerned if fault.kind not in WAITS], operation, number),
        ]

    def _outcome(self, faults: list[Fault], operation: str, number: int) -> list[Fault]:
        """At most one: the faults share out the range from 0 to 1 by their rates."""
        point = uniform(self.seed, operation, number) if faults else 0.0
        for fault in faults:
            if point < fault.rate:
                return [fault]
            point -= fault.rate
        return []


WRITES = ("PutVectors", "DeleteVectors")
PRESETS: Mapping[str, Plan] = {
    "off": Plan(),
    "flaky": Plan((
        Fault(Kind.THROTTLE, 0.05),
        Fault(Kind.INTERNAL_ERROR, 0.02),
        Fault(Kind.UNAVAILABLE, 0.02),
        Fault(Kind.RESET_BEFORE, 0.01),
    )),
    "throttled": Plan((Fault(Kind.THROTTLE, 0.3),)),
    "failing": Plan((
        Fault(Kind.INTERNAL_ERROR, 0.2),
        Fault(Kind.UNAVAILABLE, 0.2),
        Fault(Kind.TIMEOUT, 0.05),
    )),
    "lossy": Plan((
        Fault(Kind.RESET_BEFORE, 0.03),
        Fault(Kind.RESET_AFTER, 0.03),
        Fault(Kind.LOST, 0.03),
        Fault(Kind.TRUNCATED, 0.03),
    )),
    "slow": Plan((
        Fault(Kind.LATENCY, 0.2, seconds=0.5),
        Fault(Kind.LATENCY, 0.02, seconds=3.0),
        Fault(Kind.SLOW_BODY, 0.05, seconds=2.0),
    )),
    "stalling": Plan((Fault(Kind.STALL, 0.002, seconds=5.0),)),
    "chaos": Plan((
        Fault(Kind.LATENCY, 0.05, seconds=0.5),
        Fault(Kind.STALL, 0.0005, seconds=2.0),
        Fault(Kind.THROTTLE, 0.2),
        Fault(Kind.INTERNAL_ERROR, 0.03),
        Fault(Kind.UNAVAILABLE, 0.02),
        Fault(Kind.TIMEOUT, 0.01),
        Fault(Kind.RESET_BEFORE, 0.01),
        Fault(Kind.RESET_AFTER, 0.01),
        Fault(Kind.LOST, 0.01),
        Fault(Kind.TRUNCATED, 0.01),
        Fault(Kind.SLOW_BODY, 0.01, seconds=1.0),
    )),
    # What `make soak` sends a million vectors through.
    "soak": Plan((
        Fault(Kind.THROTTLE, 0.2, WRITES),
        Fault(Kind.INTERNAL_ERROR, 0.03, WRITES),
        Fault(Kind.UNAVAILABLE, 0.02, WRITES),
        Fault(Kind.RESET_BEFORE, 0.01, WRITES),
        Fault(Kind.RESET_AFTER, 0.01, WRITES),
        Fault(Kind.LOST, 0.01, WRITES),
    )),
}  # fmt: skip


@dataclass(slots=True)
class Injector:
    """A plan, and the number of the last request of each operation."""

    plan: Plan = field(default_factory=Plan)
    _numbers: Counter[str] = field(default_factory=Counter)

    def adopt(self, plan: Plan) -> None:
        """Go by *plan* from now on, with the numbers from 1 again."""
        self.plan, self._numbers = plan, Counter()

    def next_faults(self, operation: str) -> list[Fault]:
        """The faults of the next request of *operation*."""
        if not self.plan.faults:
            return []
        self._numbers[operation] += 1
        return self.plan.faults_of(operation, self._numbers[operation])


Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=SECONDS_MAX)]


class _FaultEntry(msgspec.Struct, forbid_unknown_fields=True):
    kind: Kind
    rate: Share
    operations: tuple[str, ...] = ()
    seconds: Seconds = 0.0
    first: Annotated[int, msgspec.Meta(ge=1)] | None = None


class _PlanEntry(msgspec.Struct, forbid_unknown_fields=True):
    seed: int = 0
    fault: list[Any] = []


def read_plan(path: Path) -> Plan:
    """The plan of a TOML file. Raises ConfigError with all that is wrong with it."""
    return plan_of(read_toml(path), str(path))


def plan_of(content: object, origin: str) -> Plan:
    """The plan in *content*, as TOML or JSON have it. Raises ConfigError with all that is wrong with it."""
    problems: list[str] = []
    entry = typed(_PlanEntry, content, "plan", problems) or _PlanEntry()
    raw = content.get("fault", []) if isinstance(content, Mapping) else []
    entries = typed_list(_FaultEntry, raw, "fault", problems)
    faults = tuple(Fault(each.kind, each.rate, each.operations, each.seconds, each.first) for each in entries)
    problems += [
        problem for number, fault in enumerate(faults, start=1) for problem in _problems(fault, number)
    ]
    problems += _excesses(faults)
    return complete(origin, Plan(faults, entry.seed), problems)


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """*plan* as `plan_of` reads it."""
    content: dict[str, Any] = msgspec.to_builtins(plan)
    return {"seed": content["seed"], "fault": content["faults"]}


def _problems(fault: Fault, number: int) -> list[str]:
    known = service_model().operation_names
    found = [
        f"fault {number}: there is no operation {name!r}" for name in fault.operations if name not in known
    ]
    if fault.kind in TIMED and not fault.seconds:
        found.append(f"fault {number}: {fault.kind} needs seconds, up to {SECONDS_MAX:g}")
    return found


def _excesses(faults: tuple[Fault, ...]) -> list[str]:
    """The operations whose outcomes are given more than every request."""
    sums = {
        operation: sum(each.rate for each in faults if each.kind not in WAITS and each.concerns(operation, 1))
        for operation in service_model().operation_names
    }
    return [f"the rates of {name} sum up to {total:g}" for name, total in sums.items() if total > 1 + 1e-9][
        :1
    ]
