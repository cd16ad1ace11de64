"""What `vecgate ramp` does: look first, run the scenario in processes of its own, judge, report."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil, inf
from pathlib import Path

from vecgate.cli.care import Spending, check_target, interrupted_by_sigterm
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.options import opened, say
from vecgate.cli.ramp_live import LiveTable
from vecgate.cli.wording import count, duration
from vecgate.errors import TargetError
from vecgate.gate.thresholds import parse_thresholds
from vecgate.load.runner import Test, overrides_of, require_locust, run_scenario
from vecgate.load.scenario import Scenario, load_scenario, scenario_names
from vecgate.results.records import Stream
from vecgate.s3vectors.estimate import Estimate, estimate
from vecgate.s3vectors.limits import VECTORS_PER_PUT_MAX
from vecgate.s3vectors.pricing import PRICES_READ
from vecgate.targets.policy import used_on
from vecgate.targets.preflight import preflight
from vecgate.targets.target import TargetChoice, name_of

#: Of metadata, by profile, roughly.
METADATA_BYTES: Mapping[str, int] = {"none": 0, "small": 60, "full": 1_450, "file": 500}


@dataclass(frozen=True, slots=True)
class RampChoice:
    """What to run, as the options of the same names have it."""

    scenario: str
    settings: tuple[str, ...]
    thresholds: tuple[str, ...]
    processes: int
    web: bool
    master: bool
    expect_workers: int
    worker: bool
    master_host: str
    master_port: int
    bucket_prefix: str

    def words(self) -> list[str]:
        """Locust's arguments that say the same."""
        words = [] if self.web else ["--headless"]
        if self.master:
            words += ["--master", f"--expect-workers={self.expect_workers}"]
            words += [f"--master-bind-port={self.master_port}"]
        return words


def ramp_run(
    choice: TargetChoice, what: RampChoice, spending: Spending, results: Path | None, *, quiet: bool
) -> Stream:
    """Run the scenario as chosen; its result stream."""
    require_locust()
    overrides = overrides_of(what.settings)
    scenario = load_scenario(what.scenario, overrides)
    parse_thresholds(what.thresholds, scenario.plan())
    named = replace(choice, name=name_of(choice, os.environ))
    limit = _looked_at(named, scenario, spending, quiet=quiet)
    with _file(results) as path, interrupted_by_sigterm():
        test = Test(
            scenario=what.scenario,
            choice=named,
            results=path,
            overrides=overrides,
            thresholds=what.thresholds,
            processes=what.processes,
            max_usd=limit,
            is_aws_allowed=spending.yes,
            bucket_prefix=what.bucket_prefix,
            words=what.words(),
        )
        live = LiveTable(quiet=quiet)
        try:
            return run_scenario(test, live.add, is_shown=what.web)
        finally:
            live.close()


def serve_as_worker(what: RampChoice) -> ExitCode:
    """Serve the runs of a master elsewhere, until it ends."""
    require_locust()
    words = ["--worker", f"--master-host={what.master_host}", f"--master-port={what.master_port}"]
    code = subprocess.call(Test.program(words))  # noqa: S603 - our own program
    return ExitCode.PASS if code == 0 else ExitCode.BROKEN


def scenario_lines() -> list[list[str]]:
    """Every shipped scenario: name, length, requests, what it answers."""
    found = [load_scenario(name) for name in scenario_names()]
    return [
        [
            each.name,
            duration(each.schedule().duration_s),
            count(each.schedule().total, "request"),
            f"${priced(each).usd:.2f}",
            each.description,
        ]
        for each in found
    ]


def priced(scenario: Scenario) -> Estimate:
    """What *scenario* costs on Amazon, the vectors that it puts beforehand included."""
    plan, preload = scenario.plan(), scenario.preload
    vectors = {"dimension": plan.dimension, "metadata_bytes": METADATA_BYTES[scenario.vectors.metadata]}
    before = estimate(
        ceil(preload / VECTORS_PER_PUT_MAX),
        {"PutVectors": 1.0},
        vectors_per_request=min(preload, VECTORS_PER_PUT_MAX),
        duration_s=0.0,
        **vectors,
    )
    found = estimate(
        plan.scheduled,
        plan.operations,
        vectors_per_request=plan.vectors_per_request,
        duration_s=plan.duration_s,
        index_vectors=preload,
        **vectors,
    )
    return replace(found, usd=found.usd + before.usd)


def plan_lines(scenario: Scenario, target: object) -> list[str]:
    """What the run does and costs, before it does it."""
    found, plan = priced(scenario), scenario.plan()
    requests = ", ".join(f"{number:,} {name}" for name, number in found.requests.items())
    return [
        f"plan      {scenario.name} on {target}: {requests} in {duration(plan.duration_s)}",
        f"price     about ${found.usd:.2f} (${found.usd_per_hour:.2f}/h) at the prices of {PRICES_READ}",
    ]


def _looked_at(choice: TargetChoice, scenario: Scenario, spending: Spending, *, quiet: bool) -> float | None:
    """See that the run can work and is wanted; the dollars that it may cost."""
    if choice.name in {"local", "moto"}:
        return spending.max_cost
    with opened(choice) as target:
        lines = plan_lines(scenario, target)
        usd = priced(scenario).usd if target.name == "aws" or spending.max_cost is not None else -inf
        check_target(target, lines, spending, usd=usd, quiet=quiet)
        # A scale run puts and nothing else: so much every load run needs.
        needed = dict.fromkeys((*used_on(target.name, "scale"), *scenario.operations))
        found = preflight(target, needed)
        for finding in found:
            if finding.grade in {"warning", "failed"}:
                say(
                    f"{finding.grade:9} {finding.check}: {finding.found} {finding.way_out}".rstrip(),
                    quiet=quiet,
                )
        if any(finding.grade == "failed" for finding in found):
            wrong = ", ".join(finding.check for finding in found if finding.grade == "failed")
            raise TargetError(f"the run would not work: {wrong}", hint="`vecgate doctor` tells more.")
        return spending.limit_on(target)


@contextmanager
def _file(results: Path | None) -> Iterator[Path]:
    if results is not None:
        yield results
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "run.jsonl"
