"""Facts about a run for its page: everything needed to repeat it or to compare it with another run."""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.formatting import format_count, format_duration, format_percentage, format_timestamp
from vecgate.reporting.html.components import Facts
from vecgate.results.bulk_records import BulkPlan
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.records import Header, Stream

CLIENTS = {
    "direct": "direct: one request per arrival, no retries",
    "bulk": "bulk: the batch client limits the rate and retries",
}


def run_facts(stream: Stream) -> Iterator[Facts]:
    """Return the facts about any run, in groups."""
    header, footer = stream.header, stream.footer
    if plan := stream.first(LoadPlan):
        yield _scenario(plan) if header.kind == "load" else _scaled_scenario(plan)
    if bulk := stream.first(BulkPlan):
        yield _batch_client(bulk)
    yield Facts.of(
        "Run",
        [
            ("target", header.target),
            ("URL", header.url),
            ("region", header.region),
            ("run", header.run),
            ("started", format_timestamp(header.started_at)),
            ("duration", format_duration(footer.duration_s) if footer else "incomplete"),
        ],
    )
    yield Facts.of("Machine", header.environment)
    yield Facts.of("Versions", header.versions)
    yield Facts.of("Options", header.options)
    requests = footer.requests if footer else {}
    yield Facts.of("Requests sent", {name: f"{count:,}" for name, count in requests.items()})


def format_versions(header: Header) -> str:
    """Return the versions of the target, if it is a package, and of vecgate: `moto 5.2.2, vecgate 0.1.0`."""
    names = dict.fromkeys((header.target, "vecgate"))
    return ", ".join(f"{name} {header.versions[name]}" for name in names if name in header.versions)


def _batch_client(plan: BulkPlan) -> Facts:
    dimensions = f", {plan.dimension:,} dimensions" if plan.dimension else ""
    return Facts.of(
        "Batch client",
        [
            ("operation", plan.operation),
            ("input", plan.source + dimensions),
            ("records", "not counted before the run" if plan.total is None else f"{plan.total:,}"),
            ("requests", f"up to {format_count(plan.batch_vectors, 'vector')} each"),
            ("rate limit", f"{plan.vectors_per_s:,.0f} vectors/s, {plan.requests_per_s:,.0f} requests/s"),
            ("in flight", f"up to {format_count(plan.in_flight_max, 'request')}"),
        ],
    )


def _scenario(plan: LoadPlan) -> Facts:
    schedule = f"{format_count(plan.scheduled, 'request')} in {format_duration(plan.duration_s)}"
    return _plan_facts("Scenario", plan, ("schedule", schedule))


def _scaled_scenario(plan: LoadPlan) -> Facts:
    """Return the facts about a search. Its plan is for the highest rate, which may never have been tried."""
    return _plan_facts(
        "Scenario, scaled to each rate", plan, ("trial duration", format_duration(plan.duration_s))
    )


def _plan_facts(title: str, plan: LoadPlan, schedule: tuple[str, str]) -> Facts:
    operations = (f"{name} {format_percentage(part, 1)}" for name, part in plan.operations.items())
    return Facts.of(
        title,
        [
            ("name", plan.scenario),
            ("description", plan.description),
            ("operations", ", ".join(operations)),
            (
                "vectors",
                f"{plan.dimension:,} dimensions, {plan.vectors_per_request:,} per PutVectors request",
            ),
            ("data", plan.data),
            ("client", CLIENTS[plan.client]),
            schedule,
            ("in flight", f"up to {format_count(plan.in_flight_max, 'request')}"),
            ("dropped if", f"not sent within {format_duration(plan.start_deadline_s)} of the scheduled time"),
            ("thresholds", "; ".join(plan.thresholds)),
            ("seed", str(plan.seed)),
        ],
    )
