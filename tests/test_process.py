"""Child processes: small programs that behave like a run, a server or a worker."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from vecgate import process
from vecgate.errors import TargetUnreachable, UsageError, VecgateError
from vecgate.process import ChildExit, ServerProcess, run_child, run_workers

#: Timeout of a child that ignores its signal.
SHORT_TIMEOUT_S = 0.3
Program = Callable[[str], list[str]]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Return the command line of a program, which has a folder for its files."""

    def write(body: str) -> list[str]:
        path = tmp_path / "child.py"
        path.write_text("import os, pathlib, signal, sys, time\nfolder = pathlib.Path(sys.argv[1])\n")
        with path.open("a") as file:
            file.write(dedent(body))
        return [sys.executable, str(path), str(tmp_path)]

    return write


def raise_when_written(path: Path, error: type[BaseException]) -> Callable[[], None]:
    def on_poll() -> None:
        if path.exists():
            raise error

    return on_poll


def has_ended(pid: int) -> bool:
    """Wait up to ten seconds for the process to end; a zombie has ended."""
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return True
    return False


# A program that runs to its end.


def test_a_child_returns_its_exit_code_and_the_end_of_its_output(program: Program) -> None:
    """Of stdout and stderr together, in the order in which it was printed."""
    command = program(
        r"""
        print("x" * 50_000)
        print("on stdout", flush=True)
        sys.stderr.buffer.write(b"on stderr \xff\n")
        sys.exit(3)
        """
    )
    ended = run_child(command)
    assert ended.code == 3
    assert ended.output.endswith("x\non stdout\non stderr \ufffd")
    assert len(ended.output) <= 20_000


def test_the_caller_polls_during_the_run_and_once_after_it(program: Program, tmp_path: Path) -> None:
    """So it sees what the child wrote last."""
    seen: list[bool] = []
    ended = run_child(
        program("time.sleep(0.5); (folder / 'last').touch()"),
        on_poll=lambda: seen.append((tmp_path / "last").exists()),
    )
    assert ended == ChildExit(0, "")
    assert (len(seen) >= 2, seen[0], seen[-1]) == (True, False, True)


def test_the_output_of_a_child_may_be_shown(program: Program, capfd: pytest.CaptureFixture[str]) -> None:
    """Then it is not kept."""
    assert run_child(program("print('hello')"), is_shown=True) == ChildExit(0, "")
    assert capfd.readouterr().out == "hello\n"


def test_a_child_has_the_given_environment_and_an_empty_stdin(program: Program) -> None:
    """It cannot wait for input that never comes."""
    command = program("print(os.environ['ANSWER'], repr(sys.stdin.read()))")
    assert run_child(command, environment={**os.environ, "ANSWER": "42"}).output == "42 ''"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_abandoned_child_is_told_to_stop(
    program: Program, tmp_path: Path, error: type[BaseException]
) -> None:
    """The caller waits for it, because it has to remove its resources."""
    command = program(
        """
        try:
            (folder / "started").touch()
            time.sleep(60)
        except KeyboardInterrupt:
            (folder / "removed").touch()
        """
    )
    with pytest.raises(error):
        run_child(command, on_poll=raise_when_written(tmp_path / "started", error))
    assert (tmp_path / "removed").exists()


def test_a_background_job_can_stop_its_child(program: Program, tmp_path: Path) -> None:
    """A shell script makes its background jobs ignore SIGINT, and children inherit that. The job still ignores it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        test_an_abandoned_child_is_told_to_stop(program, tmp_path, ValueError)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_child_that_ignores_the_signal_is_killed(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original exception is raised."""
    monkeypatch.setattr(process, "STOP_TIMEOUT_S", SHORT_TIMEOUT_S)
    command = program(
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        (folder / "new").write_text(str(os.getpid()))
        (folder / "new").rename(folder / "pid")
        time.sleep(60)
        """
    )
    with pytest.raises(KeyboardInterrupt):
        run_child(command, on_poll=raise_when_written(tmp_path / "pid", KeyboardInterrupt))
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()


def test_a_child_that_runs_too_long_is_stopped(program: Program) -> None:
    """No wait is without a deadline."""
    with pytest.raises(VecgateError, match=r"did not end within 0\.3 s and was stopped"):
        run_child(program("time.sleep(60)"), timeout_s=SHORT_TIMEOUT_S)


def test_processes_that_a_child_has_started_end_with_it(program: Program, tmp_path: Path) -> None:
    """Even if the child was killed and could not end them."""
    command = program(
        """
        import subprocess
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        (folder / "pid").write_text(str(sleeper.pid))
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert run_child(command).code == -signal.SIGKILL
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_program_that_does_not_exist_is_an_error_of_the_caller(tmp_path: Path) -> None:
    """The exception is Python's own."""
    with pytest.raises(FileNotFoundError):
        run_child([str(tmp_path / "none")])


# Workers.


def test_workers_return_their_exit_codes(program: Program) -> None:
    """All of them have started by then."""
    started: list[bool] = []
    assert run_workers(program("sys.exit(3)"), 2, on_started=lambda: started.append(True)) == [3, 3]
    assert started == [True]


def test_interrupted_workers_finish_their_work(program: Program, tmp_path: Path) -> None:
    """Each receives SIGTERM, also when only some could be started."""
    command = program(
        """
        def finish(*_):
            (folder / f"finished-{os.getpid()}").touch()
            sys.exit()

        signal.signal(signal.SIGTERM, finish)
        (folder / f"started-{os.getpid()}").touch()
        time.sleep(60)
        """
    )

    def interrupt() -> None:
        deadline_s = time.monotonic() + 20
        while len(list(tmp_path.glob("started-*"))) < 2 and time.monotonic() < deadline_s:
            time.sleep(0.02)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_workers(command, 2, on_started=interrupt)
    assert len(list(tmp_path.glob("finished-*"))) == 2


# A server.


def server(command: list[str], **more: float) -> ServerProcess:
    return ServerProcess(command, name="the test server", ready_prefix="ready on ", **more)  # type: ignore[arg-type]


def test_a_server_runs_until_it_is_stopped(program: Program) -> None:
    """Its ready line contains the URL, and it has a separate process group."""
    running = server(program("print('ready on http://x', flush=True); sys.stdin.read()"))
    assert running.pid == 0
    assert running.start() == "http://x"
    pid = running.pid
    assert os.getpgid(pid) != os.getpgid(0)
    running.stop()
    running.stop()
    assert (running.pid, has_ended(pid)) == (0, True)


def test_a_server_ends_when_its_stdin_closes(program: Program) -> None:
    """The system closes it when the parent is killed."""
    parent = """
        from vecgate.process import ServerProcess
        command = [sys.executable, "-c", "print('ready on x', flush=True); input()"]
        running = ServerProcess(command, name="a", ready_prefix="ready on ")
        running.start()
        print(running.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    assert has_ended(int(run_child(program(parent)).output))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit('error: port 80 is in use')", "the test server did not start: error: port 80 is in use"),
        ("pass", "the test server did not start: it printed no message"),
    ],
)
def test_a_server_that_ends_at_once_is_an_error_with_its_message(
    program: Program, body: str, message: str
) -> None:
    """The first line of stderr says why."""
    failed = server(program(body))
    with pytest.raises(UsageError) as caught:
        failed.start()
    assert (str(caught.value), failed.pid) == (message, 0)


def test_a_server_that_is_not_ready_in_time_is_stopped(program: Program) -> None:
    """No process remains."""
    slow = server(program("time.sleep(60)"), start_timeout_s=SHORT_TIMEOUT_S)
    with pytest.raises(TargetUnreachable, match=r"the test server was not ready within 0\.3 s"):
        slow.start()
    assert slow.pid == 0


def test_a_server_that_does_not_stop_is_killed(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suspended process does not react to SIGTERM."""
    monkeypatch.setattr(process, "SERVER_STOP_TIMEOUT_S", SHORT_TIMEOUT_S)
    running = server(program("print('ready on x', flush=True); time.sleep(60)"))
    running.start()
    pid = running.pid
    os.kill(pid, signal.SIGSTOP)
    running.stop()
    assert has_ended(pid)
