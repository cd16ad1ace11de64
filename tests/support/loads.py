"""Small load runs, said in literals, for tests of what reads and judges them."""

from __future__ import annotations

from typing import Any

from runs import footer, header

from vecgate.results.histograms import Histogram
from vecgate.results.load import OperationSecond, Plan, Second, Stage
from vecgate.results.records import Footer, Record, Stream


def stage(kind: str = "constant", per_s: float = 100.0, duration_s: float = 10.0, **more: Any) -> Stage:
    told = {"from_per_s": per_s, "to_per_s": per_s, "duration_s": duration_s, **more}
    return Stage(kind=kind, **told)  # type: ignore[arg-type]  # any text, to keep tables short


def plan(*stages: Stage, **more: Any) -> Plan:
    """Of one stage of ten seconds, 100 vectors/s in requests of ten, where nothing else is said."""
    planned = stages or (stage(),)
    told: dict[str, Any] = {
        "scenario": "test",
        "operations": {"PutVectors": 1.0},
        "dimension": 8,
        "vectors_per_request": 10,
        "stages": planned,
        "duration_s": sum(each.duration_s for each in planned),
        "scheduled": 100,
        "in_flight_max": 8,
        "start_within_s": 1.0,
    }
    return Plan(**told | more)


def operation(
    *response_s: float, vectors: int = 10, errors: dict[str, int] | None = None, **more: Any
) -> OperationSecond:
    """Requests that took *response_s*, half of it waiting; so many of them as *errors* says were not done."""
    response, service = Histogram(), Histogram()
    for each in response_s:
        response.record(each)
        service.record(each / 2)
    ok = len(response_s) - sum((errors or {}).values())
    told: dict[str, Any] = {
        "ok": ok,
        "vectors": ok * vectors,
        "errors": errors or {},
        "response": response.latencies(),
        "service": service.latencies(),
    }
    return OperationSecond(**told | more)


def second(at_s: int, *response_s: float, **more: Any) -> Second:
    """In which as many PutVectors were due, started and ended as there are *response_s*."""
    number = len(response_s)
    told: dict[str, Any] = {
        "due": number,
        "due_vectors": number * 10,
        "started": number,
        "usd": (at_s + 1) * 0.01,
        "operations": {"PutVectors": operation(*response_s)} if response_s else {},
    }
    return Second(at_s=at_s, **told | more)


def steady(seconds: int = 10, *, response_s: float = 0.040) -> list[Second]:
    """Ten requests in each second, all alike."""
    return [second(at_s, *[response_s] * 10) for at_s in range(seconds)]


def stream(*records: Record, planned: Plan | None = None, foot: Footer | None = None) -> Stream:
    """A whole load run."""
    return Stream(header(kind="load"), (planned or plan(), *records), foot or footer())


def cut(*records: Record, planned: Plan | None = None) -> Stream:
    """A load run without an end."""
    return Stream(header(kind="load"), (planned or plan(), *records))
