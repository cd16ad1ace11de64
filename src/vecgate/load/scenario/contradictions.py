"""Contradictions between values of a scenario that are valid on their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from vecgate.endpoint.faults import injection, latency, quotas
from vecgate.errors import ConfigError, UsageError
from vecgate.formatting import format_bytes
from vecgate.gate.thresholds import Threshold, parse_threshold, parse_thresholds
from vecgate.load.scenario.scenario_spec import QUERIES, SYNTHETIC, Scenario
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.spans import stage_intervals
from vecgate.s3vectors.limits import PAYLOAD_BYTES_MAX
from vecgate.toml_schema import Problems, item_path, join_path, preset_or_file

#: Requests of a run: about as many as a hundred workers send in two hours.
REQUESTS_MAX = 1_000_000_000
#: Memory for the vectors of the pool, as numbers and as JSON, in each worker.
POOL_BYTES_MAX, FLOAT32_BYTES = 4 * 1024**3, 4
#: Bytes of one vector element in JSON with its comma. Elements of unit vectors take 12.4 to 12.7 on average.
ELEMENT_BYTES = 12


class Contradiction(NamedTuple):
    """Values at *paths* that exclude each other; *text* continues the path of the first one."""

    paths: tuple[str, ...]
    text: str


def find_contradictions(scenario: Scenario, problems: Problems) -> None:
    """Add the contradictions in *scenario* to *problems*, except those that involve an invalid value."""
    if (requests := _most_requests(scenario)) > REQUESTS_MAX:
        problems.add(
            "stages", f"schedule up to {requests:,.0f} requests; allowed are {REQUESTS_MAX:,} in a run"
        )
        # The other checks compute the schedule, which would take as long as these are many.
        scenario = replace(scenario, stages=())
    for paths, text in [
        each for find in CHECKS for each in find(scenario) if not problems.overlap(each.paths)
    ]:
        problems.add(paths[0], text)


def _most_requests(scenario: Scenario) -> float:
    units = sum(max(each.from_per_s, each.to_per_s) * each.duration_s for each in scenario.stages)
    return units / (scenario.vectors.per_request if scenario.unit == "vectors" else 1)


def _check_pool_size(scenario: Scenario) -> Iterator[Contradiction]:
    vectors = scenario.vectors
    one = vectors.dimension * (FLOAT32_BYTES + ELEMENT_BYTES)
    if vectors.pool * one > POOL_BYTES_MAX:
        size, most = format_bytes(vectors.pool * one), POOL_BYTES_MAX // one
        text = (
            f"is {vectors.pool:,}: at {vectors.dimension:,} dimensions that takes about {size} of memory "
            f"in each worker; allowed is up to {most:,}"
        )
        yield Contradiction(("vectors.pool", "vectors.dimension"), text)


def _check_unit(scenario: Scenario) -> Iterator[Contradiction]:
    if scenario.unit == "vectors" and set(scenario.operations) != {"PutVectors"}:
        text = 'is "vectors", which needs a mix of PutVectors only; allowed is "requests"'
        yield Contradiction(("unit", "operations"), text)


def _check_schedule(scenario: Scenario) -> Iterator[Contradiction]:
    if not scenario.schedule().total:
        text = "schedule no request; allowed is a rate above 0 for long enough"
        yield Contradiction(("stages", "unit", "vectors"), text)


def _check_stage_names(scenario: Scenario) -> Iterator[Contradiction]:
    names = [name for name, _, _ in stage_intervals(scenario.plan())]
    for index, name in enumerate(names):
        if (first := names.index(name)) != index:
            # A stage without a name is called by its number, so the error is in the stage that has a name.
            named, other = (index, first) if scenario.stages[index].name else (first, index)
            text = f'is "{name}", which is also the name of stage {other + 1}; allowed is a unique name'
            yield Contradiction((join_path(item_path("stages", named), "name"), "stages"), text)


def _check_warm_up(scenario: Scenario) -> Iterator[Contradiction]:
    stages = scenario.stages
    number = next((index for index, stage in enumerate(stages) if not stage.warm_up), len(stages))
    if stages and number == len(stages):
        yield Contradiction(("stages",), "are all warm-up; allowed is one or more stages that are measured")
    for index, stage in enumerate(stages):
        if stage.warm_up and index > number:
            path = join_path(item_path("stages", index), "warm_up")
            yield Contradiction(
                (path, "stages"), "is true after a measured stage; allowed is before all of them"
            )


def _check_body_size(scenario: Scenario) -> Iterator[Contradiction]:
    vectors = scenario.vectors
    size = vectors.per_request * vectors.dimension * ELEMENT_BYTES
    if size > PAYLOAD_BYTES_MAX:
        most = PAYLOAD_BYTES_MAX // (vectors.dimension * ELEMENT_BYTES)
        text = (
            f"is {vectors.per_request}: at {vectors.dimension:,} dimensions that exceeds the "
            f"{PAYLOAD_BYTES_MAX:,} bytes of a request; allowed is up to about {most:,}"
        )
        yield Contradiction(("vectors.per_request", "vectors.dimension"), text)


def _check_reads(scenario: Scenario) -> Iterator[Contradiction]:
    if not scenario.preload and "PutVectors" not in scenario.operations:
        text = f"is 0, which leaves no vectors for {', '.join(scenario.operations)}; allowed is 1 or more"
        yield Contradiction(("preload", "operations"), text)


def _check_filter(scenario: Scenario) -> Iterator[Contradiction]:
    metadata = scenario.vectors.metadata
    if scenario.query.filtered_share and metadata not in {"small", "full"}:
        text = (
            f"is {scenario.query.filtered_share:g}, but a filter needs metadata small or full, "
            f'which is "{metadata}"'
        )
        yield Contradiction(("query.filtered_share", "vectors.metadata"), text)


def _check_recall(scenario: Scenario) -> Iterator[Contradiction]:
    paths = ("query.recall_sample", "operations", "preload")
    sample, operations = scenario.query.recall_sample, scenario.operations
    if sample and "QueryVectors" not in operations:
        yield Contradiction(paths, f"is {sample:,}, but the mix has no QueryVectors; allowed is 0")
    elif sample and "DeleteVectors" in operations:
        text = f"is {sample:,}, but DeleteVectors would change the exact answers during the run; "
        yield Contradiction(paths, f"{text}allowed is 0")
    elif sample and "PutVectors" in operations and scenario.preload < scenario.query.top_k:
        text = f"is {sample:,}, but only {scenario.preload:,} vectors are stored before the first query; "
        yield Contradiction(
            paths, f"{text}allowed is a preload of query.top_k, {scenario.query.top_k}, or more"
        )
    elif sample > QUERIES and not scenario.query.source and scenario.query.filtered_share in {0, 1}:
        kind = "with" if scenario.query.filtered_share else "without"
        text = f"is {sample:,}, but {QUERIES:,} queries {kind} a filter are distinct; allowed is up to that"
        yield Contradiction((*paths, "query.filtered_share"), text)


def _check_query_files(scenario: Scenario) -> Iterator[Contradiction]:
    query, vectors = scenario.query, scenario.vectors
    if query.neighbors and not query.source:
        yield Contradiction(
            ("query.neighbors", "query.source"), "needs the file of the queries, query.source"
        )
    if query.neighbors and vectors.source == SYNTHETIC:
        text = "needs the vectors that the queries were compared with, vectors.source"
        yield Contradiction(("query.neighbors", "vectors.source"), text)
    if query.neighbors and "PutVectors" in scenario.operations:
        text = (
            "does not fit PutVectors, which change the neighbours during the run; allowed is to compute them"
        )
        yield Contradiction(("query.neighbors", "operations"), text)


def _check_metadata(scenario: Scenario) -> Iterator[Contradiction]:
    if scenario.vectors.metadata == "file" and scenario.vectors.source == SYNTHETIC:
        text = 'is "file", but vectors.source is not a file; allowed are none, small, full'
        yield Contradiction(("vectors.metadata", "vectors.source"), text)


def _check_thresholds(scenario: Scenario) -> Iterator[Contradiction]:
    plan = scenario.plan()
    for index, each in enumerate(scenario.thresholds):
        path = item_path("thresholds", index)
        if each.grace_s and not each.abort_on_fail:
            yield Contradiction((join_path(path, "grace"),), "needs abort_on_fail = true")
        try:
            threshold = parse_threshold(each.expression)
        except UsageError as error:
            yield Contradiction((path,), _format_error(error))
            continue
        yield from _without_sample(threshold, path, scenario, plan)


def _without_sample(
    threshold: Threshold, path: str, scenario: Scenario, plan: LoadPlan
) -> Iterator[Contradiction]:
    """Yield the reasons why *scenario* gives *threshold* no sample."""
    top_k, sample = scenario.query.top_k, scenario.query.recall_sample
    if threshold.metric == "recall" and threshold.k != top_k:
        text = f"{threshold.text!r} needs query.top_k = {threshold.k}, which is {top_k}"
        yield Contradiction((path, "query.top_k"), text)
    if threshold.metric == "recall" and not sample:
        text = f"{threshold.text!r} needs a query.recall_sample above 0, which is 0"
        yield Contradiction((path, "query.recall_sample"), text)
    try:
        parse_thresholds([threshold.text], plan)
    except UsageError as error:
        yield Contradiction((path, "operations", "stages"), _format_error(error))
        return
    names = [name for name, _, _ in stage_intervals(plan)]
    if threshold.stage and plan.stages[names.index(threshold.stage)].warm_up:
        yield Contradiction(
            (path, "stages"), f"{threshold.text!r} names a warm-up stage, which is not judged"
        )
    elif threshold.stage and not scenario.schedule().due_in_stage(names.index(threshold.stage)):
        text = f"{threshold.text!r} names a stage in which no request is due"
        yield Contradiction((path, "stages"), text)


def _format_error(error: UsageError) -> str:
    return str(error).removeprefix("threshold ")


def _check_local(scenario: Scenario) -> Iterator[Contradiction]:
    readers: dict[str, tuple[Any, Any]] = {
        "quotas": (quotas.PRESETS, quotas.read_quotas),
        "inject": (injection.PRESETS, injection.read_plan),
        "latency": (latency.PRESETS, latency.read_latencies),
    }
    for name, (presets, read) in readers.items():
        try:
            preset_or_file(getattr(scenario.local, name), presets, read)
        except ConfigError as error:
            yield Contradiction((f"local.{name}",), f"is not a valid setting: {error}. {error.hint}")


def _check_sweep(scenario: Scenario) -> Iterator[Contradiction]:
    sweep, operations = scenario.sweep, scenario.operations
    if sweep.operation and sweep.operation not in operations:
        text = f'is "{sweep.operation}", which the mix does not have; allowed are {", ".join(operations)}'
        yield Contradiction(("sweep.operation", "operations"), text)
    if list(sweep.rates) != sorted(set(sweep.rates)):
        yield Contradiction(("sweep.rates",), "are not in ascending order; allowed are different rates")


CHECKS: tuple[Callable[[Scenario], Iterator[Contradiction]], ...] = (
    _check_unit,
    _check_schedule,
    _check_stage_names,
    _check_warm_up,
    _check_body_size,
    _check_pool_size,
    _check_reads,
    _check_filter,
    _check_recall,
    _check_query_files,
    _check_metadata,
    _check_thresholds,
    _check_local,
    _check_sweep,
)
