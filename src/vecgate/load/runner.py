"""A load test as a child process: Locust, told what to run, followed by its result stream.

Locust patches the standard library as it is imported, so it never runs in the process of the one who asks.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import dropwhile, takewhile
from pathlib import Path

from msgspec.structs import replace

from vecgate.errors import SourceError, TargetError, UsageError, VecgateError
from vecgate.results.provenance import new_run
from vecgate.results.records import Record, Stream
from vecgate.results.stream import begin_anew, read_stream
from vecgate.targets.target import EMBEDDED, TargetChoice, open_target
from vecgate.testing.children import Ended, run_child
from vecgate.testing.resources import sweep

MODULE = "vecgate.load.lab"
ERROR, HINT = "error: ", "hint: "
#: Between settings, and between thresholds: neither has one in it.
SEPARATOR = ";"
USAGE, TARGET = 2, 3
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Test:
    """A load test that is to be run.

    scenario        name of a shipped one, or path
    choice          the target
    results         where the result stream goes
    overrides       of the scenario, as `load_scenario` takes them
    thresholds      beside those of the scenario
    processes       workers; 0 for one process that is master and worker
    max_usd         stop when it has cost so much
    is_aws_allowed  Amazon may be used, and charged for
    bucket_prefix   start of the name of the bucket that is made
    words           further arguments of Locust
    run             id of the run
    """

    scenario: str
    choice: TargetChoice
    results: Path
    overrides: Mapping[str, str] = field(default_factory=dict)
    thresholds: Sequence[str] = ()
    processes: int = 0
    max_usd: float | None = None
    is_aws_allowed: bool = False
    bucket_prefix: str = ""
    words: Sequence[str] = ("--headless",)
    run: str = field(default_factory=new_run)

    def command(self) -> list[str]:
        """The command line of the child."""
        choice = self.choice
        given = {
            "scenario": self.scenario,
            "target": choice.name,
            "region": choice.region,
            "profile": choice.profile,
            "ca-bundle": choice.ca_bundle,
            "no-verify": "" if choice.verify else "yes",
            "set": SEPARATOR.join(f"{name}={value}" for name, value in self.overrides.items()),
            "thresholds": SEPARATOR.join(self.thresholds),
            "results": str(self.results),
            "bucket-prefix": self.bucket_prefix,
            "max-cost": "" if self.max_usd is None else str(self.max_usd),
            "yes": "yes" if self.is_aws_allowed else "",
            "run": self.run,
            "parent": "yes",
        }
        options = [f"--vecgate-{name}={value}" for name, value in given.items() if value]
        return self.program([*self.words, *options, *_workers(self.processes)])

    @staticmethod
    def program(words: Sequence[str]) -> list[str]:
        """The command line of Locust with our locustfile and *words*."""
        return [sys.executable, "-m", MODULE, *words, "--loglevel=WARNING", "--only-summary"]


def run_scenario(
    test: Test, on_record: Callable[[Record], None] = lambda _: None, *, is_shown: bool = False
) -> Stream:
    """Run *test*, telling *on_record* each record as it is written; the whole stream at its end.

    What Locust prints goes to our own terminal where *is_shown*.

    A run that was interrupted gives the stream up to then. What the child leaves behind is removed, else it
    is told. Raises UsageError, TargetError, VecgateError where the run could not begin.
    """
    require_locust()
    begin_anew(test.results)
    ended: Ended | None = None
    left: list[str] = []
    try:
        ended = run_child(
            test.command(),
            test.results,
            on_record,
            environment=_environment(),
            is_shown=is_shown,
            # A KeyboardInterrupt may be lost while the child still imports; this is never.
            stop_with=signal.SIGTERM,
        )
    except KeyboardInterrupt:
        if not test.results.stat().st_size:
            raise
    finally:
        left = _sweep(test)
    return replace(_stream_of(test, ended, left), swept=tuple(left))


def overrides_of(settings: Iterable[str]) -> dict[str, str]:
    """What each NAME=VALUE sets in a scenario. Raises UsageError."""
    pairs = [setting.partition("=") for setting in settings]
    if wrong := [name for name, sign, _ in pairs if not (sign and name.strip())]:
        raise UsageError(f"{wrong[0]!r} sets nothing", hint="Write NAME=VALUE: vectors.dimension=128.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def require_locust() -> None:
    """Raises UsageError where Locust is not installed."""
    missing = [
        name for name, module in {"locust": "locust", "hdrhistogram": "hdrh"}.items() if not find_spec(module)
    ]
    if missing:
        raise UsageError(f"{' and '.join(missing)} not installed", hint="pip install 'vecgate[load]'")


def _workers(number: int) -> list[str]:
    """Locust's arguments for so many workers of this machine, whose master no other machine can reach."""
    if not number:
        return []
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
    hosts = [f"--{name}={LOOPBACK}" for name in ("master-bind-host", "master-host")]
    ports = [f"--{name}={port}" for name in ("master-bind-port", "master-port")]
    return [f"--processes={number}", *hosts, *ports]


def _environment() -> dict[str, str]:
    # BLAS would use every core for the few products of a load test, and keep them spinning.
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def _sweep(test: Test) -> list[str]:
    """Remove what the run has written down and not removed; what is left, a line each."""
    if test.choice.name in EMBEDDED:
        return []  # it is gone, with all that was in it
    with open_target(test.choice, os.environ) as target:
        return sweep(target, test.run)


def _stream_of(test: Test, ended: Ended | None, left: Sequence[str]) -> Stream:
    said = ended.said.splitlines() if ended else []
    told, hint = _complaint(said)
    if told:
        kind = {USAGE: UsageError, TARGET: TargetError}.get(ended.code if ended else 0, VecgateError)
        raise kind(told, hint=_with(left, hint))
    try:
        return read_stream(test.results)
    except SourceError as error:
        last = said[-1] if said else "it said nothing"
        raise VecgateError(f"the load test left no results: {last}", hint=_with(left)) from error


def _with(left: Sequence[str], hint: str = "") -> str:
    """*hint*, and what is left behind, which nothing else would tell of a run without results."""
    told = [f"left behind: {each}" for each in left]
    return "\n".join(filter(None, [hint, *told, "`vecgate clean` finds it." if left else ""]))


def _complaint(said: Sequence[str]) -> tuple[str, str]:
    """What is wrong, which may take several lines, and the way out; empty where nothing is."""
    from_error = list(dropwhile(lambda line: not line.startswith(ERROR), said))
    told = list(takewhile(lambda line: line.startswith((ERROR, "  ")), from_error))
    hint = next((line.removeprefix(HINT) for line in from_error[len(told) :] if line.startswith(HINT)), "")
    return "\n".join(told).removeprefix(ERROR), hint
