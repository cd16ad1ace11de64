"""The options that vecgate adds to Locust's command line."""

from __future__ import annotations

from argparse import SUPPRESS, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from vecgate.errors import UsageError
from vecgate.load.load_runner import SEPARATOR, parse_overrides
from vecgate.load.scenario.scenario_file import Scenario, ThresholdSpec, load_scenario
from vecgate.load.web.web_form import SETTABLE
from vecgate.results.provenance import new_run_id
from vecgate.targets.target import TargetChoice

PREFIX = "vecgate"
#: Default and help of each option. Each can also be set by an environment variable.
OPTIONS: Mapping[str, tuple[str, str]] = {
    "scenario": ("smoke", "name of a shipped scenario, or a TOML file"),
    "target": ("local", "local, moto, aws, a URL or a TOML file"),
    "region": ("", "AWS region"),
    "profile": ("", "profile of the AWS configuration"),
    "ca-bundle": ("", "file with certificates to trust"),
    "no-verify": ("", "if not empty, accept any TLS certificate"),
    "set": ("", "values to override in the scenario, such as vectors.dimension=128, separated by ;"),
    "thresholds": ("", "further thresholds, separated by ;"),
    "results": ("", "file for the result stream (default: vecgate-RUN.jsonl)"),
    "csv": ("", "file for a CSV row of each request"),
    "bucket-prefix": ("vg", "start of the name of the bucket that the run creates"),
    "max-cost": ("", "cost limit of the run in US dollars"),
    "yes": ("", "if not empty, allow the run to use AWS, which charges for it"),
}
#: Options for `load_runner` only: the id of the run, and whether a vecgate command reports its result.
INTERNAL_OPTIONS = ("run", "parent")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The values of the options; see OPTIONS.

    has_parent  a vecgate command has started this run and reports its result
    """

    scenario: str
    choice: TargetChoice
    overrides: Mapping[str, str]
    thresholds: tuple[str, ...]
    results: Path
    csv: Path | None
    bucket_prefix: str
    max_usd: float | None
    is_aws_allowed: bool
    run: str
    has_parent: bool

    def load_scenario(self) -> Scenario:
        """Load the scenario with the overrides and thresholds of these settings. Raises ConfigError."""
        scenario = load_scenario(self.scenario, self.overrides)
        added = (ThresholdSpec(expression=text) for text in self.thresholds)
        return replace(scenario, thresholds=(*scenario.thresholds, *added))


def add_arguments(parser: Any) -> None:  # noqa: ANN401 - Locust's parser
    """Add OPTIONS to Locust's *parser*."""
    group = parser.add_argument_group("vecgate")
    for name, (default, help_text) in OPTIONS.items():
        variable = f"VECGATE_{name.upper().replace('-', '_')}"
        action = group.add_argument(f"--{PREFIX}-{name}", default=default, help=help_text, env_var=variable)
        # Locust's form shows only the options that it may set.
        action.include_in_web_ui = action.dest in SETTABLE
        action.is_secret = action.is_required = action.is_multiple = False
    for name in INTERNAL_OPTIONS:
        group.add_argument(f"--{PREFIX}-{name}", default="", help=SUPPRESS)


def parse_settings(options: Namespace, *, run_number: int = 1) -> RunSettings:
    """Parse the settings of run *run_number* of this process from Locust's *options*. Raises UsageError.

    Each run has its own id and file. A vecgate command that started the process reports the first run only.
    """

    def value_of(name: str) -> str:
        return str(getattr(options, f"{PREFIX}_{name.replace('-', '_')}", "") or "")

    host = str(getattr(options, "host", "") or "")
    if host and host.rstrip("/") != value_of("target").rstrip("/"):
        # Locust would show the results under the name of a server that got no request.
        raise UsageError(
            f"the host {host} is not used: requests go to {value_of('target')}",
            hint="Name the server with --vecgate-target, and leave out -H and LOCUST_HOST.",
        )
    is_first = run_number <= 1
    run = (value_of("run") if is_first else "") or new_run_id()
    results = Path(value_of("results") or f"vecgate-{run}.jsonl")
    rows = Path(value_of("csv")) if value_of("csv") else None
    if value_of("results") and not is_first:
        results = _unused(results, run_number)
    if rows is not None and not is_first:
        rows = rows.with_stem(f"{rows.stem}-{run_number}")
    return RunSettings(
        scenario=value_of("scenario"),
        choice=TargetChoice(
            value_of("target"),
            value_of("region"),
            value_of("profile"),
            value_of("ca-bundle"),
            verify=not value_of("no-verify"),
        ),
        overrides=parse_overrides(text for text in value_of("set").split(SEPARATOR) if text.strip()),
        thresholds=tuple(text.strip() for text in value_of("thresholds").split(SEPARATOR) if text.strip()),
        results=results,
        csv=rows,
        bucket_prefix=value_of("bucket-prefix"),
        max_usd=_parse_usd(value_of("max-cost")),
        is_aws_allowed=bool(value_of("yes")),
        run=run,
        has_parent=bool(value_of("parent")) and is_first,
    )


def _unused(results: Path, number: int) -> Path:
    """Return the file of run *number* beside *results*: the next one that no earlier session has written."""
    return next(
        path for each in count(number) if not (path := results.with_stem(f"{results.stem}-{each}")).exists()
    )


def without_foreign_changes(given: Namespace, current: Namespace) -> Namespace:
    """Return the options *given* on the command line, with those of *current* that Locust's form may set."""
    changed = {name: value for name, value in vars(current).items() if name in SETTABLE}
    return Namespace(**{**vars(given), **changed})


def _parse_usd(text: str) -> float | None:
    try:
        return float(text.removeprefix("$")) if text else None
    except ValueError:
        raise UsageError(f"{text!r} is not an amount in US dollars", hint="Write 1.50.") from None
