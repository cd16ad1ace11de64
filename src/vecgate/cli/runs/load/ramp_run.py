"""Runs `vecgate ramp`: confirms the plan, runs the scenario in child processes, or serves as a worker."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

import click

from vecgate.cli.options import open_chosen_target, print_status
from vecgate.cli.run_safeguards import CostLimit, confirm_run, interruptible, require_preflight
from vecgate.cli.runs.load.live_table import LiveTable
from vecgate.cli.runs.load.prometheus_endpoint import PrometheusEndpoint, parse_address
from vecgate.cli.runs.otlp_export import OtlpExport, collector_settings
from vecgate.errors import UsageError, VecgateError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_count, format_duration, format_usd
from vecgate.gate.thresholds import parse_thresholds
from vecgate.load.load_runner import (
    LOOPBACK,
    LoadTest,
    child_environment,
    parse_overrides,
    require_locust,
    run_scenario,
)
from vecgate.load.master_secret import SECRET_HINT, given_secret, master_lines, new_secret
from vecgate.load.scenario.scenario_file import Scenario, load_scenario, scenario_names
from vecgate.load.scenario.scenario_price import estimate_price
from vecgate.process import run_workers
from vecgate.results.provenance import new_run_id
from vecgate.results.records import Record, Stream
from vecgate.s3vectors.pricing import PRICES_READ
from vecgate.targets.resolution import resolve_target_name
from vecgate.targets.target import TargetChoice, is_embedded

#: Locust's exit code, such as for a worker that does not reach its master.
LOCUST_FAILED = 1


@dataclass(frozen=True, slots=True)
class RampChoice:
    """The options of the run. Their names are those of the command line."""

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
    secret_file: Path | None
    bucket_prefix: str
    csv: Path | None
    otlp: str
    prometheus: str

    def locust_arguments(self) -> list[str]:
        """Return Locust's arguments for these options."""
        arguments = _web_arguments() if self.web else ["--headless"]
        if self.master:
            arguments += ["--master", f"--expect-workers={self.expect_workers}"]
            arguments += [f"--master-bind-port={self.master_port}"]
        return arguments


def _web_arguments() -> list[str]:
    # Everyone who can reach Locust's web interface can start runs, so it is local unless the user decides.
    return [] if "LOCUST_WEB_HOST" in os.environ else [f"--web-host={LOOPBACK}"]


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A finished run: its result stream, and whether this process received Ctrl-C or SIGTERM."""

    stream: Stream
    received_signal: bool

    @property
    def is_interrupted(self) -> bool:
        """True if the run was interrupted. A second Ctrl-C kills the child, and its stream has no footer."""
        footer = self.stream.footer
        return not footer.is_complete if footer else self.received_signal


def ramp_run(
    choice: TargetChoice, run: RampChoice, cost_limit: CostLimit, results: Path | None, *, quiet: bool
) -> FinishedRun:
    """Run the scenario with a live table on stderr."""
    require_locust()
    collector = collector_settings(run.otlp, os.environ) if run.otlp else None
    if run.prometheus:
        parse_address(run.prometheus)
    overrides = parse_overrides(run.settings)
    scenario = load_scenario(run.scenario, overrides)
    parse_thresholds(run.thresholds, scenario.plan())
    chosen = replace(choice, name=resolve_target_name(choice, os.environ))
    max_usd = _confirm(chosen, scenario, cost_limit, prefix=run.bucket_prefix, quiet=quiet)
    with _results_file(results, is_kept=run.web) as path, interruptible() as has_received_signal:
        test = LoadTest(
            scenario=run.scenario,
            choice=chosen,
            results=path,
            overrides=overrides,
            thresholds=run.thresholds,
            processes=run.processes,
            max_usd=max_usd,
            is_aws_allowed=cost_limit.yes,
            bucket_prefix=run.bucket_prefix,
            csv=run.csv,
            locust_arguments=run.locust_arguments(),
            secret=_master_secret(run) if run.master else "",
        )
        live, served = LiveTable(quiet=quiet), PrometheusEndpoint(run.prometheus, quiet=quiet)
        with OtlpExport(collector, os.environ, quiet=quiet) as export, served as endpoint:

            def add(record: Record) -> None:
                live.add(record)
                export.add(record)
                endpoint.add(record)

            try:
                return FinishedRun(run_scenario(test, add, is_shown=run.web), has_received_signal())
            finally:
                live.close()


def _master_secret(run: RampChoice) -> str:
    """Return the secret of the master, and print how to start workers. It is shown only if it is new."""
    given = given_secret(os.environ, run.secret_file)
    secret = given or new_secret()
    lines = master_lines(run.master_port, run.expect_workers, secret="" if given else secret)
    click.echo("\n".join(lines), err=True)
    return secret


def run_as_worker(run: RampChoice, *, quiet: bool) -> None:
    """Serve the runs of a master until it ends. Raises VecgateError if a worker ends with an error."""
    require_locust()
    secret = given_secret(os.environ, run.secret_file)
    if not secret:
        raise UsageError("the secret of the master is missing", hint=SECRET_HINT)
    number = max(run.processes, 1)
    arguments = ["--worker", f"--master-host={run.master_host}", f"--master-port={run.master_port}"]
    workers = format_count(number, "worker")
    status = f"waiting for a master at {run.master_host}:{run.master_port}, {workers}"
    codes = run_workers(
        LoadTest.locust_command(arguments),
        number,
        on_started=lambda: print_status(status, quiet=quiet),
        environment=child_environment(secret),
    )
    if rejected := codes.count(ExitCode.USAGE):
        raise UsageError(f"the master has rejected {rejected:,} of {workers}", hint="The reason is above.")
    if failed := [code for code in codes if code]:
        raise VecgateError(f"{len(failed):,} of {workers} ended with an error", hint=_hint_for(max(failed)))


def _hint_for(code: int) -> str:
    """Return what to do after the processes of workers have ended with *code*, negative for a signal."""
    if code < 0:
        return f"A signal has killed it: {signal.Signals(-code).name}."
    return "Check the host and the port of the master." if code == LOCUST_FAILED else "The reason is above."


def scenario_lines() -> list[list[str]]:
    """Return a row for each shipped scenario: name, duration, requests, price, description."""
    scenarios = [load_scenario(name) for name in scenario_names()]
    return [
        [
            each.name,
            format_duration(each.schedule().duration_s),
            format_count(each.schedule().total, "request"),
            format_usd(estimate_price(each).usd),
            each.description,
        ]
        for each in scenarios
    ]


def plan_lines(scenario: Scenario, target: object) -> list[str]:
    """Describe the run and its price on AWS."""
    price, plan = estimate_price(scenario), scenario.plan()
    requests = ", ".join(f"{number:,} {name}" for name, number in price.requests.items())
    usd, usd_per_hour = format_usd(price.usd), format_usd(price.usd_per_hour)
    return [
        f"plan      {scenario.name} on {target}: {requests} in {format_duration(plan.duration_s)}",
        f"price     about {usd} ({usd_per_hour}/h) at the prices of {PRICES_READ}",
    ]


def _confirm(
    choice: TargetChoice, scenario: Scenario, cost_limit: CostLimit, *, prefix: str, quiet: bool
) -> float | None:
    """Check that the run can work and that its price is accepted; return its cost limit in US dollars."""
    if is_embedded(choice.name):
        return cost_limit.max_cost
    with open_chosen_target(choice) as target:
        lines = plan_lines(scenario, target)
        is_charged = target.name == "aws" or cost_limit.max_cost is not None
        usd = estimate_price(scenario).usd if is_charged else -inf
        confirm_run(target, lines, cost_limit, usd=usd, quiet=quiet)
        require_preflight(target, "ramp", scenario.operations, prefix=prefix, quiet=quiet)
        return cost_limit.limit_on(target)


@contextmanager
def _results_file(results: Path | None, *, is_kept: bool) -> Iterator[Path]:
    """Yield *results*, or a file in a temporary folder; one in this folder if it *is_kept*.

    The web interface may start several runs, and each has its own file.
    """
    if results is not None:
        yield results
        return
    if is_kept:
        kept = Path(f"vecgate-{new_run_id()}.jsonl")
        click.echo(f"the result streams of the runs are kept: {kept}, then {kept.stem}-2.jsonl, …", err=True)
        try:
            yield kept
        finally:
            if kept.exists() and not kept.stat().st_size:  # no run was started
                kept.unlink()
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "run.jsonl"
