"""Connects a load test to Locust: its options, its start and end, its exit code."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import gevent
from locust import argument_parser, events
from locust.runners import MASTER_HEARTBEAT_TIMEOUT, LocalRunner, MasterRunner, WorkerRunner

from vecgate.errors import TargetUnreachable, UsageError, VecgateError
from vecgate.exit_codes import ExitCode
from vecgate.load.master_secret import given_secret, master_lines, new_secret
from vecgate.load.runtime.coordinator import Coordinator
from vecgate.load.runtime.dispatcher import Dispatcher
from vecgate.load.runtime.failures import print_error
from vecgate.load.runtime.runtime_options import add_arguments
from vecgate.load.runtime.worker import Worker
from vecgate.load.web.web_guard import guard_web_interface
from vecgate.redaction import without_user

#: Time that users have to finish their request at the end of a test.
STOP_TIMEOUT_S = 10.0
#: Interval at which a process checks that the processes it depends on still exist.
POLL_EVERY_S = 0.5


@dataclass(slots=True)
class RuntimeState:
    """The state of vecgate on Locust's environment, as `environment.vecgate`.

    A master has a coordinator, a worker process has a worker, and a single process has both.
    """

    coordinator: Coordinator | None = None
    worker: Worker | None = None

    @property
    def dispatcher(self) -> Dispatcher | None:
        """The dispatcher of the worker."""
        return self.worker.dispatcher if self.worker else None


def install() -> None:
    """Register the listeners. Call it once per process."""
    # Locust builds its whole argument parser again for each option in a message that spawns users. Whenever a
    # worker joins or is lost, that would stop all requests for 200 ms.
    argument_parser.default_args_dict = cache(argument_parser.default_args_dict)
    _listen(events.init_command_line_parser, add_arguments)
    try:
        given = given_secret(os.environ)
    except VecgateError as error:
        print_error(error)
        sys.exit(ExitCode.USAGE)
    # Workers that are forked from this process inherit the secret.
    secret = given or new_secret()
    _listen(
        events.init,
        partial(_initialize, installed_by=os.getpid(), secret=secret, is_generated=not given),
    )


def _initialize(
    environment: Any,  # noqa: ANN401 - Locust's
    runner: Any,  # noqa: ANN401 - as above
    *,
    installed_by: int,
    secret: str,
    is_generated: bool,
    **_: object,
) -> None:
    environment.vecgate = state = RuntimeState()
    if environment.web_ui is not None:
        _guard_web_interface(environment.web_ui)
    if isinstance(runner, MasterRunner | LocalRunner):
        environment.parsed_options.enable_rebalancing = True
        environment.stop_timeout = max(environment.stop_timeout or 0.0, STOP_TIMEOUT_S)
        state.coordinator = _build_coordinator(environment, secret)
        options = environment.parsed_options
        if is_generated and options.master and not options.processes:
            lines = master_lines(options.master_bind_port, options.expect_workers, secret=secret)
            print(*lines, sep="\n", file=sys.stderr)  # noqa: T201 - Locust owns this command line
    if isinstance(runner, WorkerRunner):
        state.worker = Worker(runner, lambda: f"worker-{runner.worker_index + 1}", secret=secret)
        _end_cleanly(runner, state.worker)
    elif isinstance(runner, LocalRunner):
        state.worker = Worker(runner, lambda: "worker-1", secret=secret)
    if state.worker is not None:
        worker = state.worker
        _listen(events.test_stopping, lambda **_: worker.stop())
        _listen(events.user_error, lambda exception, **_: worker.report_failure(exception))
        if installed_by != os.getpid():
            gevent.spawn(_end_with_master, installed_by, runner, worker)


def _end_cleanly(runner: Any, worker: Worker) -> None:  # noqa: ANN401 - Locust's
    """End a worker process after Ctrl-C without a traceback, and say why if its master is silent."""

    def interrupt() -> None:
        worker.stop()
        runner.environment.process_exit_code = int(ExitCode.INTERRUPTED)
        runner.quit()

    def explain(**_: object) -> None:
        heard_at = runner.last_heartbeat_timestamp
        if heard_at and time.time() - heard_at >= MASTER_HEARTBEAT_TIMEOUT:
            reason = f"this worker has not heard from its master for {time.time() - heard_at:,.0f} s"
            hint = "Check the network between both, and whether the master still runs."
            print_error(TargetUnreachable(reason, hint=hint))
            runner.environment.process_exit_code = int(ExitCode.TARGET)

    gevent.signal_handler(signal.SIGINT, interrupt)
    _listen(events.quitting, explain)


def count_other_users(user_classes: Iterable[Any]) -> int:
    """Return how many users of a locustfile do not serve the schedule and run beside it.

    Raises UsageError for a class without a fixed number of users: Locust would give it a part of the slots of
    the schedule, and requests would be dropped without a word.
    """
    others = [each for each in user_classes if not getattr(each, "serves_schedule", False)]
    if unbounded := [each.__name__ for each in others if not each.fixed_count]:
        raise UsageError(
            f"{', '.join(unbounded)} would take slots of the schedule from VectorsUser",
            hint="Give it a fixed_count, or run it in a test of its own with vecgate.locust.S3VectorsUser.",
        )
    return sum(each.fixed_count for each in others)


def _show_target(environment: Any) -> None:  # noqa: ANN401 - Locust's
    """Let Locust's interface show the target as its host.

    Locust gives its host to every user class, so not if the locustfile has other users; and it shows the host
    to everyone, so not if it has a password.
    """
    options, others = environment.parsed_options, count_other_users(environment.user_classes)
    target = options.vecgate_target
    if not options.host and not others and without_user(target) == target:
        options.host = environment.host = target


def _guard_web_interface(web_ui: Any) -> None:  # noqa: ANN401 - Locust's
    try:
        lines = guard_web_interface(web_ui, os.environ, shown=argument_parser.ui_extra_args_dict)
    except VecgateError as error:
        print_error(error)
        sys.exit(ExitCode.USAGE)
    print(*lines, sep="\n", file=sys.stderr)  # noqa: T201 - Locust owns this command line


def _end_with_master(master: int, runner: Any, worker: Worker) -> None:  # noqa: ANN401 - Locust's
    """End this worker soon after the process *master*, from which it was forked, has ended."""
    while os.getppid() == master:
        gevent.sleep(POLL_EVERY_S)
    worker.stop()
    runner.quit()


def _end_with_parent(options: Any, coordinator: Coordinator, parent: int) -> None:  # noqa: ANN401 - Locust's
    """End this process soon after the command that started it, or if the workers it waits for have ended."""
    began_s = time.monotonic()
    while not options.vecgate_parent or os.getppid() == parent:
        if options.processes and options.headless:
            coordinator.check_forked_workers(options.processes)
        if options.master and options.headless:
            waited_s = time.monotonic() - began_s
            coordinator.check_missing_workers(options.expect_workers, waited_s=waited_s)
        gevent.sleep(POLL_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _build_coordinator(environment: Any, secret: str) -> Coordinator:  # noqa: ANN401 - Locust's
    options = environment.parsed_options
    try:
        other_users = count_other_users(environment.user_classes)
        _show_target(environment)
        coordinator = Coordinator(environment, secret=secret, other_users=other_users)
    except VecgateError as error:
        print_error(error)
        sys.exit(ExitCode.USAGE)
    if options.headless:
        # Locust has no handler for SIGTERM while a shape runs, and a KeyboardInterrupt may be lost between
        # two greenlets. These handlers run in the event loop.
        for number in (signal.SIGINT, signal.SIGTERM):
            gevent.signal_handler(number, coordinator.cancel)
    _listen(events.test_start, lambda **_: coordinator.begin())
    _listen(events.test_stopping, lambda **_: coordinator.interrupt())
    _listen(events.test_stop, lambda **_: coordinator.reset())
    _listen(events.quitting, lambda **_: coordinator.end())
    gevent.spawn(_end_with_parent, options, coordinator, os.getppid())
    return coordinator


def _listen(hook: Any, listener: Callable[..., None]) -> None:  # noqa: ANN401 - Locust's
    hook.add_listener(listener)
