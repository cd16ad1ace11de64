"""Builders for small load runs."""

from __future__ import annotations

from typing import Any

from result_builders import footer, header

from vecgate.results.histograms import Histogram
from vecgate.results.load.load_records import LoadPlan, OperationSecond, Second, Stage
from vecgate.results.records import Footer, Record, Stream


def stage(kind: str = "constant", per_s: float = 100.0, duration_s: float = 10.0, **more: Any) -> Stage:
    fields = {"from_per_s": per_s, "to_per_s": per_s, "duration_s": duration_s, **more}
    return Stage(kind=kind, **fields)  # type: ignore[arg-type]  # any text, to keep tables short


def plan(*stages: Stage, **more: Any) -> LoadPlan:
    """Return a plan; by default one stage of ten seconds with 100 vectors/s in requests of ten."""
    planned = stages or (stage(),)
    fields: dict[str, Any] = {
        "scenario": "test",
        "operations": {"PutVectors": 1.0},
        "dimension": 8,
        "vectors_per_request": 10,
        "stages": planned,
        "duration_s": sum(each.duration_s for each in planned),
        "scheduled": 100,
        "in_flight_max": 8,
        "start_deadline_s": 1.0,
    }
    return LoadPlan(**fields | more)


def operation(
    *response_s: float, vectors: int = 10, errors: dict[str, int] | None = None, **more: Any
) -> OperationSecond:
    """Return requests that took *response_s*, half of it waiting. As many as *errors* contains have failed."""
    response, service = Histogram(), Histogram()
    for each in response_s:
        response.record(each)
        service.record(each / 2)
    ok = len(response_s) - sum((errors or {}).values())
    fields: dict[str, Any] = {
        "ok": ok,
        "vectors": ok * vectors,
        "errors": errors or {},
        "response": response.to_record(),
        "service": service.to_record(),
    }
    return OperationSecond(**fields | more)


def second(at_s: int, *response_s: float, **more: Any) -> Second:
    """Return a second in which one PutVectors was due, started and ended for each of *response_s*."""
    number = len(response_s)
    fields: dict[str, Any] = {
        "due": number,
        "due_vectors": number * 10,
        "started": number,
        "usd": (at_s + 1) * 0.01,
        "operations": {"PutVectors": operation(*response_s)} if response_s else {},
    }
    return Second(at_s=at_s, **fields | more)


def steady(seconds: int = 10, *, response_s: float = 0.040) -> list[Second]:
    """Return *seconds* with ten equal requests each."""
    return [second(at_s, *[response_s] * 10) for at_s in range(seconds)]


def stream(*records: Record, planned: LoadPlan | None = None, foot: Footer | None = None) -> Stream:
    """Return a complete load run."""
    return Stream(header(kind="load"), (planned or plan(), *records), foot or footer())


def unfinished(*records: Record, planned: LoadPlan | None = None) -> Stream:
    """Return a load run without a footer."""
    return Stream(header(kind="load"), (planned or plan(), *records))
