"""What `vecgate capacity` does: plan, search, report."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import orjson

from vecgate.cli.capacity_report import Outcome, report, to_dict, trial_line
from vecgate.cli.care import Spending, check_target, interruptible, seconds_since
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.looks import see_that_it_works
from vecgate.cli.main import fail
from vecgate.cli.options import opened, say
from vecgate.errors import ConfigError, UsageError, VecgateError
from vecgate.load.capacity import Goal, find_capacity
from vecgate.load.reading import seconds_of
from vecgate.load.runner import Test, overrides_of, require_locust
from vecgate.load.trials import Course, Trials, usd_at_most
from vecgate.reporting.files import look_at
from vecgate.reporting.wording import duration
from vecgate.results.load import Capacity, Plan, Trial
from vecgate.results.provenance import new_run, now
from vecgate.results.records import Footer, Header, Record
from vecgate.results.stream import StreamWriter
from vecgate.s3vectors.pricing import PRICES_READ
from vecgate.targets.target import Target, TargetChoice, name_of
from vecgate.targets.telling import header_of_run

PACKAGES = ("vecgate", "boto3", "locust", "gevent", "numpy", "orjson")
PER_CENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
TRIAL_MIN_S, TRIAL_MAX_S = 1.0, 3_600.0


@dataclass(frozen=True, slots=True)
class SearchChoice:
    """How to search, as the options of the same names have it."""

    low: float
    high: float
    resolution: str
    confirmations: int
    chances: int
    trial: str
    trials_max: int
    thresholds: tuple[str, ...]
    settings: tuple[str, ...]
    processes: int
    bucket_prefix: str
    keep: Path | None

    @property
    def goal(self) -> Goal:
        """What is searched for. Raises UsageError."""
        match = PER_CENT.fullmatch(self.resolution.strip())
        if match is None:
            raise UsageError(f"{self.resolution!r} is no share", hint="A resolution reads 5%.")
        share = float(match[1]) / 100
        return Goal(self.low, self.high, share, self.confirmations, self.chances, self.trials_max)

    @property
    def trial_s(self) -> float:
        """How long a trial is. Raises UsageError."""
        try:
            seconds = seconds_of(self.trial)
        except ValueError:
            raise UsageError(f"{self.trial!r} is no time", hint="It reads 20s, or 1m30s.") from None
        if not TRIAL_MIN_S <= seconds <= TRIAL_MAX_S:
            raise ConfigError(f"a trial of {seconds:g} s, allowed is {TRIAL_MIN_S:g} to {TRIAL_MAX_S:,g}")
        return seconds

    def test(self, scenario: str, choice: TargetChoice, spending: Spending) -> Test:
        """What a trial runs, but for its rate. Raises UsageError."""
        return Test(
            scenario,
            choice,
            Path(),
            overrides=overrides_of(self.settings),
            thresholds=self.thresholds,
            processes=self.processes,
            is_aws_allowed=spending.yes,
            bucket_prefix=self.bucket_prefix,
        )


def capacity_run(
    scenario: str,
    choice: TargetChoice,
    what: SearchChoice,
    spending: Spending,
    results: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> ExitCode:
    """Search as chosen, print and write what was found, and give the exit code."""
    require_locust()
    look_at(what.keep / "trial-01.jsonl" if what.keep else None)
    goal, chosen = what.goal, replace(choice, name=name_of(choice, os.environ))
    course = Course.of(what.test(scenario, chosen, spending), what.trial_s)
    plan = course.plan_at(goal.high)
    outcome = Outcome(goal, plan.unit, plan.thresholds)
    with opened(chosen) as target:
        usd, trials = usd_at_most(goal, course)
        lines = plan_lines(outcome, target, plan, trials=trials, usd=usd)
        check_target(target, lines, spending, usd=course.usd_at(goal.low), quiet=quiet)
        see_that_it_works(target, "capacity", plan.operations, prefix=what.bucket_prefix, quiet=quiet)
        header, limit = header_of(target, scenario, what), spending.limit_on(target)
    if header.target != "aws":
        say(lines[0], quiet=quiet)
    with _stream(results, header, plan) as write, _folder(what.keep) as folder:
        trial = Trials(course, folder, max_usd=limit)
        _search(outcome, trial, write, told=lambda line: say(line, quiet=quiet))
        write(footer_of(outcome, header))
    click.echo(orjson.dumps(to_dict(outcome, header)).decode() if as_json else "\n".join(report(outcome)))
    if outcome.failure is not None:
        fail(str(outcome.failure), hint=outcome.failure.hint, code=outcome.code)
    return outcome.code


def plan_lines(outcome: Outcome, target: Target, plan: Plan, *, trials: int, usd: float) -> list[str]:
    """What is about to be done, and what it costs on Amazon."""
    goal = outcome.goal
    rates = f"{goal.low:,.10g} to {goal.high:,.10g} {outcome.unit}/s"
    length = f"some {trials} trials of {duration(plan.duration_s)}"
    return [
        f"plan      {plan.scenario} on {target} at {rates}, {length}",
        f"price     about ${usd:,.2f} at most, at the prices of {PRICES_READ} in us-east-1",
    ]


def header_of(target: Target, scenario: str, what: SearchChoice) -> Header:
    """What is run, against what, and where."""
    return header_of_run(
        "capacity",
        target,
        run=new_run(),
        packages=PACKAGES,
        options={
            "scenario": scenario,
            "from": f"{what.low:g}",
            "to": f"{what.high:g}",
            "resolution": what.resolution,
            "trial": what.trial,
            **overrides_of(what.settings),
        },
    )


def footer_of(outcome: Outcome, header: Header) -> Footer:
    """How the search ended."""
    return Footer(
        ended_at=now(),
        duration_s=seconds_since(header.started_at),
        leaks=tuple(outcome.leaks),
        is_complete=outcome.found is not None,
    )


def _search(
    outcome: Outcome, trial: Trials, write: Callable[[Record], None], *, told: Callable[[str], None]
) -> None:
    """Search into *outcome*; what ends it early is in there too."""

    def record(found: Trial | Capacity) -> None:
        write(found)
        if isinstance(found, Trial):
            outcome.trials.append(found)
            told(trial_line(found, outcome.unit))

    with interruptible() as is_interrupted:
        try:
            outcome.found = find_capacity(outcome.goal, trial, record, unit=outcome.unit)
        except KeyboardInterrupt:
            outcome.is_cut = True
        except VecgateError as failure:
            # A trial that was interrupted gives what it has, and that is not enough to judge it.
            outcome.is_cut, outcome.failure = is_interrupted(), None if is_interrupted() else failure
    outcome.usd, outcome.leaks = trial.usd, trial.leaks


@contextmanager
def _stream(results: Path | None, header: Header, plan: Plan) -> Iterator[Callable[[Record], None]]:
    """Writes records to *results*, where there are to be any."""
    with ExitStack() as stack:
        writer = stack.enter_context(StreamWriter(results)) if results else None

        def write(record: Record) -> None:
            if writer:
                writer.write(record)

        write(header)
        write(plan)
        yield write


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the streams of the trials go."""
    if keep is not None:
        yield keep
        return
    with TemporaryDirectory(prefix="vecgate-capacity-") as folder:
        yield Path(folder)
