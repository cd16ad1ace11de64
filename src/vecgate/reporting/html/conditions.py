"""What a run was, and where it was made: enough to do it again, and to know what it may be compared with."""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.reporting.html.views import Facts
from vecgate.reporting.html.wording import duration, many, moment, share
from vecgate.results.bulk import BulkPlan
from vecgate.results.load import Plan
from vecgate.results.records import Stream

CLIENTS = {
    "direct": "direct: one request for each arrival, never tried again",
    "bulk": "bulk: paced, and tried again as the batch client does",
}


def conditions_of(stream: Stream) -> Iterator[Facts]:
    """The conditions of any run."""
    header, footer = stream.header, stream.footer
    if plan := stream.first(Plan):
        yield _scenario(plan)
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
        ],
    )
    yield Facts.of("Machine", header.environment)
    yield Facts.of("Versions", header.versions)
    yield Facts.of("Options", header.options)
    requests = footer.requests if footer else {}
    yield Facts.of("Requests sent", {name: f"{number:,}" for name, number in requests.items()})


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
            ("operations", ", ".join(f"{name} {share(part, 1)}" for name, part in plan.operations.items())),
            ("vectors", f"{plan.dimension:,} dimensions, {plan.vectors_per_request:,} in a PutVectors"),
            ("data", plan.data),
            ("client", CLIENTS[plan.client]),
            ("schedule", f"{many(plan.scheduled, 'request')} in {duration(plan.duration_s)}"),
            ("in flight", f"at most {plan.in_flight_max:,}"),
            ("dropped when", f"not started {duration(plan.start_within_s)} after it was due"),
            ("must meet", "; ".join(plan.thresholds)),
            ("seed", str(plan.seed)),
        ],
    )
