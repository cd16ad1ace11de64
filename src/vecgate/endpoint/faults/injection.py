"""Fault injection: which request meets which fault. The same seed and request number give the same fault.

Requests are numbered within their operation, so that requests of other operations shift nothing. A request
meets at most one fault that decides its result; latencies and stalls are added to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec

from vecgate.endpoint.faults.deterministic_random import uniform
from vecgate.s3vectors.model import service_model
from vecgate.toml_schema import Parser, Problems, parse_table, parse_tables, read_toml, suggest

#: Longest duration of a fault.
SECONDS_MAX = 600.0


class FaultKind(StrEnum):
    """The effect of a fault on a request."""

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
    #: The request is applied, then the connection is closed without a response.
    LOST = "lost"
    #: The request is applied; half of the response body is sent, then the connection is closed.
    TRUNCATED = "truncated"
    #: The request is applied; sending the response body takes `seconds`.
    SLOW_BODY = "slow-body"
    #: The request waits `seconds` before it is applied.
    LATENCY = "latency"
    #: All requests wait until `seconds` from now.
    STALL = "stall"


#: The error code and message of each kind with an error response. The message for THROTTLE is inferred.
ERRORS: Mapping[FaultKind, tuple[str, str]] = {
    FaultKind.THROTTLE: ("TooManyRequestsException", "Too many requests"),
    FaultKind.INTERNAL_ERROR: ("InternalServerException", "Internal server error"),
    FaultKind.UNAVAILABLE: ("ServiceUnavailableException", "Currently unable to handle the request"),
    FaultKind.TIMEOUT: ("RequestTimeoutException", "The request timed out"),
}
#: Kinds that delay a request and leave its result alone.
DELAYS = frozenset({FaultKind.LATENCY, FaultKind.STALL})
#: Kinds that need `seconds`.
TIMED = DELAYS | {FaultKind.SLOW_BODY}
#: Kinds after which the client has no complete response.
DISCONNECTS = frozenset({FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER, FaultKind.LOST, FaultKind.TRUNCATED})


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault and its frequency.

    rate        the fraction of requests, 0 to 1
    operations  the affected operations; empty for all
    seconds     the duration, for the kinds that have one
    first       affects only this many first requests of each operation; None for all
    """

    kind: FaultKind
    rate: float
    operations: tuple[str, ...] = ()
    seconds: float = 0.0
    first: int | None = None

    def applies_to(self, operation: str, number: int) -> bool:
        """Return whether the fault may affect request *number* of *operation*, counted from 1."""
        return (not self.operations or operation in self.operations) and number <= (self.first or number)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults, and the seed that selects the affected requests."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0

    def select_faults(self, operation: str, number: int) -> list[Fault]:
        """Return the faults of request *number*, counted from 1: delays first."""
        candidates = [fault for fault in self.faults if fault.applies_to(operation, number)]
        return [
            *(
                fault
                for position, fault in enumerate(candidates)
                if fault.kind in DELAYS and uniform(self.seed, operation, number, position) < fault.rate
            ),
            *self._final_fault(
                [fault for fault in candidates if fault.kind not in DELAYS], operation, number
            ),
        ]

    def _final_fault(self, faults: list[Fault], operation: str, number: int) -> list[Fault]:
        """Return at most one of *faults*: each covers a part of the range 0 to 1 as wide as its rate."""
        point = uniform(self.seed, operation, number) if faults else 0.0
        for fault in faults:
            if point < fault.rate:
                return [fault]
            point -= fault.rate
        return []


WRITES = ("PutVectors", "DeleteVectors")
PRESETS: Mapping[str, FaultPlan] = {
    "off": FaultPlan(),
    "flaky": FaultPlan((
        Fault(FaultKind.THROTTLE, 0.05),
        Fault(FaultKind.INTERNAL_ERROR, 0.02),
        Fault(FaultKind.UNAVAILABLE, 0.02),
        Fault(FaultKind.RESET_BEFORE, 0.01),
    )),
    "throttled": FaultPlan((Fault(FaultKind.THROTTLE, 0.3),)),
    "failing": FaultPlan((
        Fault(FaultKind.INTERNAL_ERROR, 0.2),
        Fault(FaultKind.UNAVAILABLE, 0.2),
        Fault(FaultKind.TIMEOUT, 0.05),
    )),
    "lossy": FaultPlan((
        Fault(FaultKind.RESET_BEFORE, 0.03),
        Fault(FaultKind.RESET_AFTER, 0.03),
        Fault(FaultKind.LOST, 0.03),
        Fault(FaultKind.TRUNCATED, 0.03),
    )),
    "slow": FaultPlan((
        Fault(FaultKind.LATENCY, 0.2, seconds=0.5),
        Fault(FaultKind.LATENCY, 0.02, seconds=3.0),
        Fault(FaultKind.SLOW_BODY, 0.05, seconds=2.0),
    )),
    "stalling": FaultPlan((Fault(FaultKind.STALL, 0.002, seconds=5.0),)),
    "chaos": FaultPlan((
        Fault(FaultKind.LATENCY, 0.05, seconds=0.5),
        Fault(FaultKind.STALL, 0.0005, seconds=2.0),
        Fault(FaultKind.THROTTLE, 0.2),
        Fault(FaultKind.INTERNAL_ERROR, 0.03),
        Fault(FaultKind.UNAVAILABLE, 0.02),
        Fault(FaultKind.TIMEOUT, 0.01),
        Fault(FaultKind.RESET_BEFORE, 0.01),
        Fault(FaultKind.RESET_AFTER, 0.01),
        Fault(FaultKind.LOST, 0.01),
        Fault(FaultKind.TRUNCATED, 0.01),
        Fault(FaultKind.SLOW_BODY, 0.01, seconds=1.0),
    )),
    # `make soak` writes a million vectors with these.
    "soak": FaultPlan((
        Fault(FaultKind.THROTTLE, 0.2, WRITES),
        Fault(FaultKind.INTERNAL_ERROR, 0.03, WRITES),
        Fault(FaultKind.UNAVAILABLE, 0.02, WRITES),
        Fault(FaultKind.RESET_BEFORE, 0.01, WRITES),
        Fault(FaultKind.RESET_AFTER, 0.01, WRITES),
        Fault(FaultKind.LOST, 0.01, WRITES),
    )),
}  # fmt: skip


@dataclass(slots=True)
class FaultInjector:
    """Applies a plan, and counts the requests of each operation."""

    plan: FaultPlan = field(default_factory=FaultPlan)
    _numbers: Counter[str] = field(default_factory=Counter)

    def replace_plan(self, plan: FaultPlan) -> None:
        """Use *plan* from now on; the numbers start again at 1."""
        self.plan, self._numbers = plan, Counter()

    def next_faults(self, operation: str) -> list[Fault]:
        """Return the faults of the next request of *operation*."""
        if not self.plan.faults:
            return []
        self._numbers[operation] += 1
        return self.plan.select_faults(operation, self._numbers[operation])


Rate: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=SECONDS_MAX)]


class _FaultEntry(msgspec.Struct):
    kind: FaultKind
    rate: Rate
    operations: tuple[str, ...] = ()
    seconds: Seconds = 0.0
    first: Annotated[int, msgspec.Meta(ge=1)] | None = None


class _PlanEntry(msgspec.Struct):
    seed: int = 0
    fault: tuple[_FaultEntry, ...] = ()


def read_plan(path: Path) -> FaultPlan:
    """Return the plan of a TOML file. Raises ConfigError that lists every problem."""
    return parse_plan(read_toml(path), str(path))


def parse_plan(content: object, origin: str) -> FaultPlan:
    """Return the plan in *content*, from TOML or JSON. Raises ConfigError that lists every problem."""
    problems = Problems()
    parsers: dict[str, Parser] = {"fault": partial(parse_tables, _FaultEntry, check=_check_fault)}
    entry = parse_table(_PlanEntry, content, "", problems, parsers) or _PlanEntry()
    faults = tuple(
        Fault(each.kind, each.rate, each.operations, each.seconds, each.first) for each in entry.fault
    )
    _check_rates(faults, problems)
    problems.raise_if_any(origin, hint="docs/endpoint.md shows the format.")
    return FaultPlan(faults, entry.seed)


def plan_to_json(plan: FaultPlan) -> dict[str, Any]:
    """Return *plan* in the form that `parse_plan` reads."""
    content: dict[str, Any] = msgspec.to_builtins(plan)
    return {"seed": content["seed"], "fault": content["faults"]}


def _check_fault(fault: _FaultEntry, path: str, problems: Problems) -> None:
    known = service_model().operation_names
    for name in fault.operations:
        if name not in known:
            problems.add(f"{path}.operations", f"has no operation {name!r}, {suggest(name, known)}")
    if fault.kind in TIMED and not fault.seconds and not problems.overlap([f"{path}.seconds"]):
        problems.add(f"{path}.seconds", f"is 0, but {fault.kind} needs a time of up to {SECONDS_MAX:g}")


def _check_rates(faults: tuple[Fault, ...], problems: Problems) -> None:
    """Add a problem for the first operation whose rates exceed 1. Delays do not count."""
    for name in service_model().operation_names:
        total = sum(each.rate for each in faults if each.kind not in DELAYS and each.applies_to(name, 1))
        if total > 1 + 1e-9:
            problems.add("fault", f"has rates for {name} that add up to {total:g}, allowed is at most 1")
            return
