"""What a load test is told on Locust's command line: options of ours beside Locust's own."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from vecgate.errors import UsageError, VecgateError
from vecgate.load.runner import SEPARATOR, overrides_of
from vecgate.load.scenario import Scenario, ThresholdSpec, load_scenario
from vecgate.results.provenance import new_run
from vecgate.targets.target import TargetChoice

PREFIX = "vecgate"
#: Option to its default and its help; each has an environment variable too.
OPTIONS: Mapping[str, tuple[str, str]] = {
    "scenario": ("smoke", "name of a shipped scenario, or a TOML file"),
    "target": ("local", "local, moto, aws, a URL or a TOML file"),
    "region": ("", "AWS region"),
    "profile": ("", "profile of the AWS configuration"),
    "ca-bundle": ("", "file with certificates to trust"),
    "no-verify": ("", "anything: accept any certificate"),
    "set": ("", "overrides of the scenario, such as vectors.dimension=128, separated by ;"),
    "thresholds": ("", "what the run must meet beside the scenario's own, separated by ;"),
    "results": ("", "file for the result stream (default: vecgate-RUN.jsonl)"),
    "bucket-prefix": ("vg", "start of the name of the bucket that is made"),
    "max-cost": ("", "stop when the run has cost so many US dollars"),
    "yes": ("", "anything: real AWS may be used, and charged for"),
    "run": ("", "id of the run"),
    "parent": ("", "anything: a vecgate command follows this run and reports on it"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for; see OPTIONS."""

    scenario: str
    choice: TargetChoice
    overrides: Mapping[str, str]
    thresholds: tuple[str, ...]
    results: Path
    bucket_prefix: str
    max_usd: float | None
    is_aws_allowed: bool
    run: str
    has_parent: bool

    def loaded(self) -> Scenario:
        """The scenario, with the overrides and thresholds of these settings. Raises ConfigError."""
        scenario = load_scenario(self.scenario, self.overrides)
        added = (ThresholdSpec(expression=text) for text in self.thresholds)
        return replace(scenario, thresholds=(*scenario.thresholds, *added))


def add_arguments(parser: Any) -> None:  # noqa: ANN401 - Locust's parser
    """Add our options to Locust's *parser*."""
    group = parser.add_argument_group("vecgate")
    for name, (default, told) in OPTIONS.items():
        variable = f"VECGATE_{name.upper().replace('-', '_')}"
        group.add_argument(f"--{PREFIX}-{name}", default=default, help=told, env_var=variable)


def settings_of(options: Namespace, *, number: int = 1) -> Settings:
    """The settings in Locust's parsed *options* for the *number*-th run of this process. Raises UsageError.

    Each run has an id and a file of its own; whoever started the process follows the first.
    """

    def said(name: str) -> str:
        return str(getattr(options, f"{PREFIX}_{name.replace('-', '_')}", "") or "")

    is_first = number <= 1
    run = (said("run") if is_first else "") or new_run()
    results = Path(said("results") or f"vecgate-{run}.jsonl")
    if said("results") and not is_first:
        results = results.with_stem(f"{results.stem}-{number}")
    return Settings(
        scenario=said("scenario"),
        choice=TargetChoice(
            said("target"), said("region"), said("profile"), said("ca-bundle"), verify=not said("no-verify")
        ),
        overrides=overrides_of(text for text in said("set").split(SEPARATOR) if text.strip()),
        thresholds=tuple(text.strip() for text in said("thresholds").split(SEPARATOR) if text.strip()),
        results=results,
        bucket_prefix=said("bucket-prefix"),
        max_usd=_usd(said("max-cost")),
        is_aws_allowed=bool(said("yes")),
        run=run,
        has_parent=bool(said("parent")) and is_first,
    )


def complain(error: VecgateError) -> None:
    """Say what is wrong and the way out, as every command of ours does; whoever started us reads it."""
    print(f"error: {error}", file=sys.stderr)  # noqa: T201 - there is no command line of ours here
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)  # noqa: T201


def _usd(text: str) -> float | None:
    try:
        return float(text.removeprefix("$")) if text else None
    except ValueError:
        raise UsageError(f"{text!r} is no number of US dollars", hint="Write 1.50.") from None
