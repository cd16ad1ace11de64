"""What a run was, and where it was made: enough to do it again, and to know what it may be compared with."""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.reporting.html.views import Facts
from vecgate.reporting.wording import duration, many, moment, share
from vecgate.results.bulk import BulkPlan
from vecgate.results.load import Plan
from vecgate.results.records import Header, Stream

CLIENTS = {
    "direct": "direct: one request for each arrival, never tried again",
    "bulk": "bulk: paced, and tried again as the batch client does",
}


def conditions_of(stream: Stream) -> Iterator[Facts]:
    """The conditions of any run."""
    header, footer = stream.header, stream.footer
    if plan := stream.first(Plan):
        yield _scenario(plan) if header.kind == "load" else _scaled(plan)
    if bulk := stream.first(BulkPlan):
        yield _bulk(bulk)
    yield Facts.of(
        "Run",
        [
            ("target", header.target),
            ("requests went to", header.url),
            ("region", header.region),
            ("run", header.run),
            ("started", moment(header.started_at)),
            ("lasted", duration(footer.duration_s) if footer else "cut off"),
            # A page about conformance has a list of them.
            ("left behind", "; ".join(stream.leaks) if header.kind != "conformance" else ""),
        ],
    )
    yield Facts.of("Machine", header.environment)
    yield Facts.of("Versions", header.versions)
    yield Facts.of("Options", header.options)
    requests = footer.requests if footer else {}
    yield Facts.of("Requests sent", {name: f"{number:,}" for name, number in requests.items()})


def versions_in(header: Header) -> str:
    """The versions of the target, where it is a package, and of vecgate: `moto 5.2.2, vecgate 0.1.0`."""
    names = dict.fromkeys((header.target, "vecgate"))
    return ", ".join(f"{name} {header.versions[name]}" for name in names if name in header.versions)


def _bulk(plan: BulkPlan) -> Facts:
    dimensions = f", {plan.dimension:,} dimensions" if plan.dimension else ""
    return Facts.of(
        "Batch client",
        [
            ("operation", plan.operation),
            ("input", plan.source + dimensions),
            ("records", "not counted beforehand" if plan.total is None else f"{plan.total:,}"),
            ("requests", f"of up to {many(plan.batch_vectors, 'vector')}"),
            ("at most", f"{plan.vectors_per_s:,.0f} vectors/s, {plan.requests_per_s:,.0f} requests/s"),
            ("in flight", f"at most {plan.in_flight_max:,}"),
        ],
    )


def _scenario(plan: Plan) -> Facts:
    return Facts.of(
        "Scenario",
        [
            ("name", plan.scenario),
            ("what it is", plan.description),
            *_requests(plan),
            ("schedule", f"{many(plan.scheduled, 'request')} in {duration(plan.duration_s)}"),
            *_limits(plan),
            ("seed", str(plan.seed)),
        ],
    )


def _scaled(plan: Plan) -> Facts:
    """Of a search: its plan is that of the highest rate, and what it schedules was perhaps never tried."""
    return Facts.of(
        "Scenario, scaled to each rate",
        [
            ("name", plan.scenario),
            ("as it stands", plan.description),
            *_requests(plan),
            ("each trial", duration(plan.duration_s)),
            *_limits(plan),
            ("seed", str(plan.seed)),
        ],
    )


def _requests(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "operations", ", ".join(f"{name} {share(part, 1)}" for name, part in plan.operations.items())
    yield "vectors", f"{plan.dimension:,} dimensions, {plan.vectors_per_request:,} in a PutVectors"
    yield "data", plan.data
    yield "client", CLIENTS[plan.client]


def _limits(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "in flight", f"at most {plan.in_flight_max:,}"
    yield "dropped when", f"not started {duration(plan.start_within_s)} after it was due"
    yield "must meet", "; ".join(plan.thresholds)
