"""What contradicts what in a scenario whose every value is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from vecgate.endpoint import injection, latency, quotas
from vecgate.endpoint.settings import preset_or_file
from vecgate.errors import ConfigError, UsageError
from vecgate.gate.thresholds import Threshold, parse_threshold, parse_thresholds
from vecgate.load.reading import Problems, joined, numbered
from vecgate.load.specs import QUERIES, SYNTHETIC, Scenario
from vecgate.results.load import Plan
from vecgate.results.spans import stages_of
from vecgate.s3vectors.limits import PAYLOAD_BYTES_MAX

WRITES = frozenset({"PutVectors", "DeleteVectors"})
#: A number of a vector in JSON, with its comma: 12.4 to 12.7 bytes on average, of unit vectors.
NUMBER_BYTES = 12


class Contradiction(NamedTuple):
    """Values at *paths* that do not go together; *text* is about the first of them."""

    paths: tuple[str, ...]
    text: str


def check(scenario: Scenario, problems: Problems) -> None:
    """Add what contradicts in *scenario* to *problems*, unless one of the values is wrong by itself."""
    for paths, text in [
        each for find in CHECKS for each in find(scenario) if not problems.concern(each.paths)
    ]:
        problems.add(paths[0], text)


def _unit(scenario: Scenario) -> Iterator[Contradiction]:
    if scenario.unit == "vectors" and set(scenario.operations) != {"PutVectors"}:
        text = 'is "vectors", and the mix is not of PutVectors alone, allowed is "requests"'
        yield Contradiction(("unit", "operations"), text)


def _schedule(scenario: Scenario) -> Iterator[Contradiction]:
    if not scenario.schedule().total:
        text = "make no request due, allowed is a rate above 0 for long enough"
        yield Contradiction(("stages", "unit", "vectors"), text)


def _stage_names(scenario: Scenario) -> Iterator[Contradiction]:
    names = [name for name, _, _ in stages_of(scenario.plan())]
    for place, name in enumerate(names):
        if (first := names.index(name)) != place:
            # A stage without a name goes by its number: then it is the other's that is wrong.
            named, other = (place, first) if scenario.stages[place].name else (first, place)
            text = f'is "{name}", and so is stage {other + 1} called, allowed is a name of its own'
            yield Contradiction((joined(numbered("stages", named), "name"), "stages"), text)


def _body(scenario: Scenario) -> Iterator[Contradiction]:
    vectors = scenario.vectors
    size = vectors.per_request * vectors.dimension * NUMBER_BYTES
    if size > PAYLOAD_BYTES_MAX:
        most = PAYLOAD_BYTES_MAX // (vectors.dimension * NUMBER_BYTES)
        text = (
            f"is {vectors.per_request}: of {vectors.dimension:,} dimensions that is more than the "
            f"{PAYLOAD_BYTES_MAX:,} bytes of a request, allowed is up to about {most:,}"
        )
        yield Contradiction(("vectors.per_request", "vectors.dimension"), text)


def _reads(scenario: Scenario) -> Iterator[Contradiction]:
    if not scenario.preload and "PutVectors" not in scenario.operations:
        text = f"is 0, so there is nothing for {', '.join(scenario.operations)}, allowed is 1 or more"
        yield Contradiction(("preload", "operations"), text)


def _filter(scenario: Scenario) -> Iterator[Contradiction]:
    metadata = scenario.vectors.metadata
    if scenario.query.filtered_share and metadata not in {"small", "full"}:
        text = (
            f'is {scenario.query.filtered_share:g}, with metadata "{metadata}", a filter needs small or full'
        )
        yield Contradiction(("query.filtered_share", "vectors.metadata"), text)


def _recall(scenario: Scenario) -> Iterator[Contradiction]:
    paths = ("query.recall_sample", "operations", "preload")
    sample, operations = scenario.query.recall_sample, scenario.operations
    if sample and "QueryVectors" not in operations:
        yield Contradiction(paths, f"is {sample:,}, and there is no QueryVectors, allowed is 0")
    elif sample and (changing := [name for name in operations if name in WRITES]):
        text = (
            f"is {sample:,}, but {', '.join(changing)} changes the exact answers while they are asked for, "
        )
        yield Contradiction(paths, f"{text}allowed is 0")
    elif sample > QUERIES and scenario.query.filtered_share in {0, 1}:
        kind = "with" if scenario.query.filtered_share else "without"
        text = (
            f"is {sample:,}: {kind} a filter there are {QUERIES:,} different queries, allowed is up to that"
        )
        yield Contradiction((*paths, "query.filtered_share"), text)


def _metadata(scenario: Scenario) -> Iterator[Contradiction]:
    if scenario.vectors.metadata == "file" and scenario.vectors.source == SYNTHETIC:
        text = 'is "file", and the source is no file, allowed are none, small, full'
        yield Contradiction(("vectors.metadata", "vectors.source"), text)


def _thresholds(scenario: Scenario) -> Iterator[Contradiction]:
    plan = scenario.plan()
    for place, each in enumerate(scenario.thresholds):
        path = numbered("thresholds", place)
        if each.grace_s and not each.abort_on_fail:
            yield Contradiction((joined(path, "grace"),), "is for abort_on_fail = true")
        try:
            threshold = parse_threshold(each.expression)
        except UsageError as error:
            yield Contradiction((path,), _told(error))
            continue
        yield from _fit(threshold, path, scenario, plan)


def _fit(threshold: Threshold, path: str, scenario: Scenario, plan: Plan) -> Iterator[Contradiction]:
    """What of *scenario* leaves *threshold* without a sample."""
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
        yield Contradiction((path, "operations", "stages"), _told(error))
        return
    names = [name for name, _, _ in stages_of(plan)]
    if threshold.stage and not scenario.schedule().due_in_stage(names.index(threshold.stage)):
        text = f"{threshold.text!r} is about a stage in which nothing is due"
        yield Contradiction((path, "stages"), text)


def _told(error: UsageError) -> str:
    return str(error).removeprefix("threshold ")


def _local(scenario: Scenario) -> Iterator[Contradiction]:
    readers: dict[str, tuple[Any, Any]] = {
        "quotas": (quotas.PRESETS, quotas.read_quotas),
        "inject": (injection.PRESETS, injection.read_plan),
        "latency": (latency.PRESETS, latency.read_latencies),
    }
    for name, (presets, read) in readers.items():
        try:
            preset_or_file(getattr(scenario.local, name), presets, read)
        except ConfigError as error:
            yield Contradiction((f"local.{name}",), f"is no setting: {error}. {error.hint}")


CHECKS: tuple[Callable[[Scenario], Iterator[Contradiction]], ...] = (
    _unit, _schedule, _stage_names, _body, _reads, _filter, _recall, _metadata, _thresholds, _local,
)  # fmt: skip
