"""Connects a load test to Locust: its options, its start, its end, its exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from secrets import token_hex
from typing import Any

import gevent
from locust import argument_parser, events
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from vecgate.errors import VecgateError
from vecgate.load.lab.conductor import Conductor
from vecgate.load.lab.engine import Engine
from vecgate.load.lab.settings import add_arguments, complain
from vecgate.load.lab.worker import Worker

USAGE = 2
#: Users may take so long to bring their request to an end.
STOP_TIMEOUT_S = 10.0
#: Processes ask so often whether those they depend on are still there.
LOOK_EVERY_S = 0.5


@dataclass(slots=True)
class Lab:
    """What hangs on Locust's environment: a master has a conductor, a worker a worker, one process both."""

    conductor: Conductor | None = None
    worker: Worker | None = None

    @property
    def engine(self) -> Engine | None:
        """Of the worker."""
        return self.worker.engine if self.worker else None


def install() -> None:
    """Listen to Locust. Once a process."""
    # Locust makes its whole argument parser anew for each option in a message that spawns users: 200 ms in
    # which no request leaves, whenever a worker joins or is lost.
    argument_parser.default_args_dict = cache(argument_parser.default_args_dict)
    _listen(events.init_command_line_parser, add_arguments)
    # Workers that are forked from this process know the secret too.
    _listen(events.init, partial(_begin, installed_by=os.getpid(), secret=token_hex()))


def _begin(environment: Any, runner: Any, *, installed_by: int, secret: str, **_: object) -> None:  # noqa: ANN401 - Locust's
    environment.vecgate = lab = Lab()
    if isinstance(runner, MasterRunner | LocalRunner):
        environment.parsed_options.enable_rebalancing = True
        environment.stop_timeout = max(environment.stop_timeout or 0.0, STOP_TIMEOUT_S)
        lab.conductor = _conductor(environment, secret)
    if isinstance(runner, WorkerRunner):
        lab.worker = Worker(runner, lambda: f"worker-{runner.worker_index + 1}", secret=secret)
    elif isinstance(runner, LocalRunner):
        lab.worker = Worker(runner, lambda: "worker-1", secret=secret)
    if lab.worker is not None:
        worker = lab.worker
        _listen(events.test_stopping, lambda **_: worker.stop())
        _listen(events.user_error, lambda exception, **_: worker.failed(exception))
        if installed_by != os.getpid():
            gevent.spawn(_end_with, installed_by, runner, worker)


def _end_with(master: int, runner: Any, worker: Worker) -> None:  # noqa: ANN401 - Locust's
    """End this process, which was forked from *master*, soon after that: nobody counts what it sends then."""
    while os.getppid() == master:
        gevent.sleep(LOOK_EVERY_S)
    worker.stop()
    runner.quit()


def _watch(options: Any, conductor: Conductor, parent: int) -> None:  # noqa: ANN401 - Locust's
    """End this process soon after the command that follows it, or where it waits for workers in vain."""
    while not options.vecgate_parent or os.getppid() == parent:
        if options.processes and options.headless:
            conductor.see_to_workers()
        gevent.sleep(LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _conductor(environment: Any, secret: str) -> Conductor:  # noqa: ANN401 - Locust's
    options = environment.parsed_options
    try:
        conductor = Conductor(environment, secret=secret if options.processes else "")
    except VecgateError as error:
        complain(error)
        sys.exit(USAGE)
    if options.headless:
        # Locust has no handler for SIGTERM while a shape runs, and a KeyboardInterrupt may be lost between
        # two greenlets. These are called in the event loop.
        for number in (signal.SIGINT, signal.SIGTERM):
            gevent.signal_handler(number, conductor.cancel)
    _listen(events.test_start, lambda **_: conductor.begin())
    _listen(events.test_stopping, lambda **_: conductor.interrupted())
    _listen(events.test_stop, lambda **_: conductor.rest())
    _listen(events.quitting, lambda **_: conductor.end())
    gevent.spawn(_watch, options, conductor, os.getppid())
    return conductor


def _listen(hook: Any, listener: Callable[..., None]) -> None:  # noqa: ANN401 - Locust's
    hook.add_listener(listener)
