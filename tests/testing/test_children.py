"""Runs as child processes: small programs that do what a run does."""

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
from loads import plan, second
from runs import footer, header

from vecgate.results.records import Record
from vecgate.results.stream import StreamWriter
from vecgate.testing import children
from vecgate.testing.children import Ended, Follower, run_child

#: A child that was told to end and would not has so long.
SOON_S = 0.3


def untold(record: Record) -> None:
    pytest.fail(f"nobody wrote {record}")


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of a program, which has results to write and a folder to leave notes in."""

    def write(body: str) -> list[str]:
        path = tmp_path / "child.py"
        path.write_text("import pathlib, sys, time\nresults, folder = map(pathlib.Path, sys.argv[1:])\n")
        with path.open("a") as file:
            file.write(dedent(body))
        return [sys.executable, str(path), str(tmp_path / "run.jsonl"), str(tmp_path)]

    return write


@pytest.fixture
def stream(tmp_path: Path) -> bytes:
    """Of a load run of two seconds."""
    path = tmp_path / "ready.jsonl"
    with StreamWriter(path) as writer:
        for record in (header(kind="load"), plan(), second(0, 0.01), second(1, 0.02), footer()):
            writer.write(record)
    return path.read_bytes()


def test_records_of_any_kind_are_told(child: Callable[..., list[str]], stream: bytes, tmp_path: Path) -> None:
    """In order, also those that are written last."""
    seen: list[Record] = []
    ended = run_child(child(f"results.write_bytes({stream!r})"), tmp_path / "run.jsonl", seen.append)
    assert ended == Ended(0, "")
    assert seen == [header(kind="load"), plan(), second(0, 0.01), second(1, 0.02), footer()]


def test_a_record_is_told_once_its_line_is_whole(tmp_path: Path, stream: bytes) -> None:
    """However it is cut on its way to the disk."""
    path = tmp_path / "run.jsonl"
    for size in (1, 7, 100, 10_000):
        path.write_bytes(b"")
        seen: list[Record] = []
        with Follower(path) as follower, path.open("ab", buffering=0) as file:
            for start in range(0, len(stream), size):
                file.write(stream[start : start + size])
                seen += follower.news()
                assert len(seen) == stream[: start + size].count(b"\n")
        assert seen == [header(kind="load"), plan(), second(0, 0.01), second(1, 0.02), footer()]


def test_how_it_ended_is_told(child: Callable[..., list[str]], tmp_path: Path) -> None:
    """Its code, and the end of what it said, on whichever of both ways."""
    command = child(
        r"""
        print("x" * 50_000)
        print("on stdout", flush=True)
        sys.stderr.buffer.write(b"on stderr \xff\n")
        sys.exit(3)
        """
    )
    ended = run_child(command, tmp_path / "run.jsonl", untold)
    assert ended.code == 3
    assert ended.said.endswith("x\non stdout\non stderr \ufffd")
    assert len(ended.said) <= 20_000


def test_what_a_child_says_may_be_shown(
    child: Callable[..., list[str]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Then it is not kept."""
    ended = run_child(child("print('hello')"), tmp_path / "run.jsonl", untold, is_shown=True)
    assert ended == Ended(0, "")
    assert capfd.readouterr().out == "hello\n"


def test_a_child_has_the_environment_that_it_is_given(
    child: Callable[..., list[str]], tmp_path: Path
) -> None:
    """And nothing to read."""
    command = child("import os; print(os.environ['ANSWER'], repr(sys.stdin.read()))")
    ended = run_child(command, tmp_path / "run.jsonl", untold, environment={**os.environ, "ANSWER": "42"})
    assert ended.said == "42 ''"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_run_that_we_leave_is_asked_to_end(
    child: Callable[..., list[str]], stream: bytes, tmp_path: Path, error: type[BaseException]
) -> None:
    """It is waited for: it has to remove what it made. What it told until then is there."""
    command = child(
        f"""
        try:
            results.write_bytes({stream!r})
            time.sleep(60)
        except KeyboardInterrupt:
            (folder / "removed").touch()
        """
    )

    def leave(record: Record) -> None:
        if record == second(1, 0.02):
            raise error

    with pytest.raises(error):
        run_child(command, tmp_path / "run.jsonl", leave)
    assert (tmp_path / "removed").exists()


def test_a_job_in_the_background_can_end_its_child(
    child: Callable[..., list[str]], stream: bytes, tmp_path: Path
) -> None:
    """A script gives it no Ctrl-C, and that a signal is ignored is inherited; it goes on to ignore it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        test_a_run_that_we_leave_is_asked_to_end(child, stream, tmp_path, ValueError)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_child_that_will_not_end_is_ended(
    child: Callable[..., list[str]], stream: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while; why we left it is what is told."""
    monkeypatch.setattr(children, "STOP_WITHIN_S", SOON_S)
    command = child(
        f"""
        import os, signal
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        (folder / "pid").write_text(str(os.getpid()))
        results.write_bytes({stream!r})
        time.sleep(60)
        """
    )

    def leave(record: Record) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_child(command, tmp_path / "run.jsonl", leave)
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()


def test_what_a_child_has_started_ends_with_it(child: Callable[..., list[str]], tmp_path: Path) -> None:
    """Also where it was killed, and could not see to that."""
    command = child(
        """
        import os, signal, subprocess
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        (folder / "pid").write_text(str(sleeper.pid))
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert run_child(command, tmp_path / "run.jsonl", untold).code == -signal.SIGKILL
    assert is_gone(int((tmp_path / "pid").read_text()))


def is_gone(pid: int) -> bool:
    """It has ended, within ten seconds; nobody may have reaped it."""
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return True
    return False


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By whoever starts it."""
    with pytest.raises(FileNotFoundError):
        run_child([str(tmp_path / "none")], tmp_path / "run.jsonl", untold)
