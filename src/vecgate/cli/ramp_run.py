"""What `vecgate ramp` does: look first, run the scenario in processes of its own, judge, report."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from vecgate.cli.care import Spending, check_target, interruptible
from vecgate.cli.looks import see_that_it_works
from vecgate.cli.options import opened, say
from vecgate.cli.ramp_live import LiveTable
from vecgate.errors import VecgateError
from vecgate.gate.thresholds import parse_thresholds
from vecgate.load.price import priced
from vecgate.load.runner import LOOPBACK, Test, overrides_of, require_locust, run_scenario
from vecgate.load.scenario import Scenario, load_scenario, scenario_names
from vecgate.reporting.wording import duration, many
from vecgate.results.records import Stream
from vecgate.s3vectors.pricing import PRICES_READ
from vecgate.targets.target import EMBEDDED, TargetChoice, name_of


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
        words = _web_words() if self.web else ["--headless"]
        if self.master:
            words += ["--master", f"--expect-workers={self.expect_workers}"]
            words += [f"--master-bind-port={self.master_port}"]
        return words


def _web_words() -> list[str]:
    # Whoever reaches Locust's web interface starts runs: it is for others only where somebody says so.
    return [] if "LOCUST_WEB_HOST" in os.environ else [f"--web-host={LOOPBACK}"]


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that is over: its result stream, and whether Ctrl-C or SIGTERM came."""

    stream: Stream
    is_interrupted: bool

    @property
    def is_cut(self) -> bool:
        """It was ended from outside. One that was killed on the way, by a second Ctrl-C, has no footer."""
        footer = self.stream.footer
        return not footer.is_complete if footer else self.is_interrupted


def ramp_run(
    choice: TargetChoice, what: RampChoice, spending: Spending, results: Path | None, *, quiet: bool
) -> Ran:
    """Run the scenario as chosen."""
    require_locust()
    overrides = overrides_of(what.settings)
    scenario = load_scenario(what.scenario, overrides)
    parse_thresholds(what.thresholds, scenario.plan())
    named = replace(choice, name=name_of(choice, os.environ))
    limit = _looked_at(named, scenario, spending, prefix=what.bucket_prefix, quiet=quiet)
    with _file(results) as path, interruptible() as is_interrupted:
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
            return Ran(run_scenario(test, live.add, is_shown=what.web), is_interrupted())
        finally:
            live.close()


def serve_as_worker(what: RampChoice, *, quiet: bool) -> None:
    """Serve the runs of a master elsewhere, until it ends. Raises VecgateError where a worker could not."""
    require_locust()
    number = max(what.processes, 1)
    words = ["--worker", f"--master-host={what.master_host}", f"--master-port={what.master_port}"]
    told = f"waiting for a master at {what.master_host}:{what.master_port}, {many(number, 'worker')}"
    codes = _served(Test.program(words), number, started=lambda: say(told, quiet=quiet))
    if broken := sum(code != 0 for code in codes):
        told = f"{broken:,} of {many(number, 'worker')} ended with an error"
        raise VecgateError(told, hint="Is there a master at that host and port?")


def _served(program: Sequence[str], number: int, *, started: Callable[[], None]) -> list[int]:
    """The exit codes of so many processes of *program*, once they have *started* and ended.

    Of those that Locust starts itself SIGTERM ends but one.
    """
    with ExitStack() as stack:
        workers: list[subprocess.Popen[bytes]] = []
        try:
            each = (subprocess.Popen(program) for _ in range(number))  # noqa: S603 - our own program
            workers.extend(map(stack.enter_context, each))
            started()
            return [worker.wait() for worker in workers]
        except KeyboardInterrupt:
            # They bring to an end what is in flight, and tell their master.
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait()
            raise


def scenario_lines() -> list[list[str]]:
    """Every shipped scenario: name, length, requests, what it answers."""
    found = [load_scenario(name) for name in scenario_names()]
    return [
        [
            each.name,
            duration(each.schedule().duration_s),
            many(each.schedule().total, "request"),
            f"${priced(each).usd:.2f}",
            each.description,
        ]
        for each in found
    ]


def plan_lines(scenario: Scenario, target: object) -> list[str]:
    """What the run does and costs, before it does it."""
    found, plan = priced(scenario), scenario.plan()
    requests = ", ".join(f"{number:,} {name}" for name, number in found.requests.items())
    return [
        f"plan      {scenario.name} on {target}: {requests} in {duration(plan.duration_s)}",
        f"price     about ${found.usd:.2f} (${found.usd_per_hour:.2f}/h) at the prices of {PRICES_READ}",
    ]


def _looked_at(
    choice: TargetChoice, scenario: Scenario, spending: Spending, *, prefix: str, quiet: bool
) -> float | None:
    """See that the run can work and is wanted; the dollars that it may cost."""
    if choice.name in EMBEDDED:
        return spending.max_cost
    with opened(choice) as target:
        lines = plan_lines(scenario, target)
        usd = priced(scenario).usd if target.name == "aws" or spending.max_cost is not None else -inf
        check_target(target, lines, spending, usd=usd, quiet=quiet)
        see_that_it_works(target, "ramp", scenario.operations, prefix=prefix, quiet=quiet)
        return spending.limit_on(target)


@contextmanager
def _file(results: Path | None) -> Iterator[Path]:
    if results is not None:
        yield results
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "run.jsonl"
