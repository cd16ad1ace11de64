"""Runs a load test in a child process and follows its result stream.

Locust patches the standard library when it is imported, so it never runs in the process of the caller.
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
from vecgate.exit_codes import ExitCode
from vecgate.load.master_secret import SECRET_VARIABLE
from vecgate.process import ChildExit, run_child
from vecgate.resources.orphans import remove_orphans
from vecgate.results.provenance import new_run_id
from vecgate.results.records import Record, Stream
from vecgate.results.result_stream import create_empty_stream, read_stream
from vecgate.results.stream_follower import StreamFollower
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice, is_embedded

MODULE = "vecgate.load.runtime"
#: Start of the lines in which the child reports an error.
ERROR, HINT = "error: ", "hint: "
#: Separates settings and thresholds, none of which contains it.
SEPARATOR = ";"
LOOPBACK = "127.0.0.1"
ERROR_CLASSES: Mapping[int, type[VecgateError]] = {ExitCode.USAGE: UsageError, ExitCode.TARGET: TargetError}


@dataclass(frozen=True, slots=True)
class LoadTest:
    """A load test to run.

    scenario          name or path of the scenario
    choice            the target
    results           file for the result stream
    overrides         values to override in the scenario, as for `load_scenario`
    thresholds        thresholds in addition to those of the scenario
    processes         number of worker processes; 0 for a single process that is master and worker
    max_usd           cost limit in US dollars
    is_aws_allowed    the run may use AWS, which charges for it
    bucket_prefix     start of the name of the bucket that the run creates
    locust_arguments  further arguments of Locust
    csv               file for a row of each request; None if it is not wanted
    run               id of the run
    secret            secret that the master shares with its workers; without one it generates it
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
    locust_arguments: Sequence[str] = ("--headless",)
    csv: Path | None = None
    run: str = field(default_factory=new_run_id)
    secret: str = field(default="", repr=False)

    def command(self) -> list[str]:
        """Return the command line of the child process."""
        choice = self.choice
        options = {
            "scenario": self.scenario,
            "target": choice.name,
            "region": choice.region,
            "profile": choice.profile,
            "ca-bundle": choice.ca_bundle,
            "no-verify": "" if choice.verify else "yes",
            "set": SEPARATOR.join(f"{name}={value}" for name, value in self.overrides.items()),
            "thresholds": SEPARATOR.join(self.thresholds),
            "results": str(self.results),
            "csv": str(self.csv or ""),
            "bucket-prefix": self.bucket_prefix,
            "max-cost": "" if self.max_usd is None else str(self.max_usd),
            "yes": "yes" if self.is_aws_allowed else "",
            "run": self.run,
            "parent": "yes",
        }
        words = [f"--vecgate-{name}={value}" for name, value in options.items() if value]
        return self.locust_command([*self.locust_arguments, *words, *_worker_arguments(self.processes)])

    @staticmethod
    def locust_command(arguments: Sequence[str]) -> list[str]:
        """Return the command line that runs Locust with vecgate's locustfile and *arguments*."""
        return [sys.executable, "-m", MODULE, *arguments, "--loglevel=WARNING", "--only-summary"]


def run_scenario(
    test: LoadTest, on_record: Callable[[Record], None] = lambda _: None, *, is_shown: bool = False
) -> Stream:
    """Run *test* and return its result stream; a run that was interrupted gives the stream so far.

    on_record  called with each record when it is written
    is_shown   print the output of Locust on this terminal

    Resources that the child did not remove are removed, or listed in the stream as orphaned. Raises
    UsageError, TargetError or VecgateError if the run could not begin.
    """
    require_locust()
    create_empty_stream(test.results)
    child: ChildExit | None = None
    orphaned: list[str] = []
    try:
        with StreamFollower(test.results, on_record) as follower:
            child = run_child(
                test.command(),
                on_poll=follower.poll,
                environment=child_environment(test.secret),
                is_shown=is_shown,
                # A KeyboardInterrupt may be lost while the child imports its modules; SIGTERM is not.
                stop_signal=signal.SIGTERM,
            )
    except KeyboardInterrupt:
        if not test.results.stat().st_size:
            raise
    finally:
        orphaned = _remove_orphans(test)
    return replace(_read_result(test, child, orphaned), sweep_failures=tuple(orphaned))


def parse_overrides(settings: Iterable[str]) -> dict[str, str]:
    """Parse NAME=VALUE settings of a scenario. Raises UsageError."""
    pairs = [setting.partition("=") for setting in settings]
    if invalid := [name for name, sign, _ in pairs if not (sign and name.strip())]:
        verb = "is not a setting" if len(invalid) == 1 else "are not settings"
        raise UsageError(
            f"{', '.join(map(repr, invalid))} {verb}", hint="Write NAME=VALUE, such as vectors.dimension=128."
        )
    return {name.strip(): value.strip() for name, _, value in pairs}


def require_locust() -> None:
    """Raise UsageError if Locust is not installed."""
    if not find_spec("locust"):
        raise UsageError("locust is not installed", hint="pip install 'vecgate[load]'")


def _worker_arguments(number: int) -> list[str]:
    """Return Locust's arguments for *number* worker processes, whose master listens on loopback only."""
    if not number:
        return []
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
    hosts = [f"--{name}={LOOPBACK}" for name in ("master-bind-host", "master-host")]
    ports = [f"--{name}={port}" for name in ("master-bind-port", "master-port")]
    return [f"--processes={number}", *hosts, *ports]


def child_environment(secret: str = "") -> dict[str, str]:
    """Return the environment of a child process, with the *secret* of a master."""
    shared = {SECRET_VARIABLE: secret} if secret else {}
    # The command has its own --target.
    inherited = {name: value for name, value in os.environ.items() if name != "LOCUST_HOST"}
    # BLAS would use every core for the few matrix products of a load test, and keep them busy waiting.
    return {**inherited, **shared, "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def _remove_orphans(test: LoadTest) -> list[str]:
    """Remove the resources in the run's creation log, and return one line for each that remains."""
    if is_embedded(test.choice.name):
        return []  # the endpoint has ended, with everything in it
    with open_target(test.choice, os.environ) as target:
        return remove_orphans(target, test.run)


def _read_result(test: LoadTest, child: ChildExit | None, orphaned: Sequence[str]) -> Stream:
    output = child.output.splitlines() if child else []
    message, hint = _parse_error(output)
    if message:
        error_class = ERROR_CLASSES.get(child.code if child else 0, VecgateError)
        raise error_class(message, hint=_add_orphans(hint, orphaned))
    try:
        return read_stream(test.results)
    except SourceError as error:
        last = output[-1] if output else "it printed nothing"
        message = f"the load test wrote no results: {last}"
        raise VecgateError(message, hint=_add_orphans("", orphaned)) from error


def _add_orphans(hint: str, orphaned: Sequence[str]) -> str:
    """Add the resources that remain to *hint*, because no result stream lists them."""
    lines = [f"orphaned: {resource}; remove it with `vecgate clean`" for resource in orphaned]
    return "\n".join(filter(None, [hint, *lines]))


def _parse_error(output: Sequence[str]) -> tuple[str, str]:
    """Return the error in *output*, which may have several lines, and its hint; empty without an error."""
    from_error = list(dropwhile(lambda line: not line.startswith(ERROR), output))
    message = list(takewhile(lambda line: line.startswith((ERROR, "  ")), from_error))
    after = from_error[len(message) :]
    hint = next((line.removeprefix(HINT) for line in after if line.startswith(HINT)), "")
    return "\n".join(message).removeprefix(ERROR), hint
