from __future__ import annotations

import importlib.util
import signal
import threading
from pathlib import Path

import pytest
from runs import header, result

from vecgate.errors import UsageError
from vecgate.results.records import Result
from vecgate.results.stream import StreamWriter
from vecgate.testing import running
from vecgate.testing.children import Follower
from vecgate.testing.running import run_suite, suite_folder


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A suite of its own, in place of ours."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    monkeypatch.setattr(running, "suite_folder", lambda: folder)
    return folder


def test_a_stream_is_followed_while_it_is_written(tmp_path: Path) -> None:
    """Each record once, as soon as its line is whole."""
    path = tmp_path / "run.jsonl"
    with Follower(path) as follower:
        assert follower.news() == []
        with StreamWriter(path) as stream:
            stream.write(header())
            assert follower.news() == [header()]
            stream.write(result("a.b"))
            stream.write(result("a.c", "failed"))
            assert follower.news() == [result("a.b"), result("a.c", "failed")]
            assert follower.news() == []
        with path.open("ab") as file:
            file.write(b'{"record":"requirement","id":"a.d"')
        assert follower.news() == []


def test_our_suite_is_found() -> None:
    """Beside the sources, in a checkout."""
    assert suite_folder() == Path(__file__).parents[2] / "conformance"


def test_a_run_gives_its_code_and_what_it_said(suite: Path, tmp_path: Path) -> None:
    """The end of what pytest printed is there for whoever asks why."""
    (suite / "test_a.py").write_text("def test_a(): assert 1 == 2")
    ended = run_suite([], tmp_path / "none", lambda _: None)
    assert ended.code == 1
    assert "assert 1 == 2" in ended.said
    assert run_suite(["--nonsense"], tmp_path / "none", lambda _: None).code == 4


def test_results_are_told_as_they_come(suite: Path, tmp_path: Path) -> None:
    """Also those written last."""
    content = tmp_path / "ready.jsonl"
    with StreamWriter(content) as stream:
        for record in (header(), result("a.b"), result("a.c")):
            stream.write(record)
    target = tmp_path / "results.jsonl"
    (suite / "test_a.py").write_text(
        f"import shutil\ndef test_a(): shutil.copy({str(content)!r}, {str(target)!r})\n"
    )
    seen: list[Result] = []
    run_suite([], target, seen.append)
    assert [each.id for each in seen] == ["a.b", "a.c"]


def test_an_interrupt_goes_on_to_the_suite(suite: Path, tmp_path: Path) -> None:
    """Once, and it is waited for: it has to remove what it made."""
    (suite / "test_a.py").write_text(
        f"""
import pathlib, pytest, threading
@pytest.fixture(scope="session")
def made():
    yield
    pathlib.Path({str(tmp_path / "removed")!r}).touch()
def test_a(made):
    pathlib.Path({str(tmp_path / "started")!r}).touch()
    threading.Event().wait(60)
"""
    )
    interrupted = threading.Event()

    def interrupt() -> None:
        while not (tmp_path / "started").exists():
            if interrupted.wait(0.02):
                return
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_suite([], tmp_path / "none", lambda _: None)
    finally:
        interrupted.set()
        watcher.join(10)
    assert (tmp_path / "removed").exists()


@pytest.mark.parametrize("missing", ["pytest", "hypothesis"])
def test_what_is_not_installed_is_named(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the extra that brings it."""
    found = importlib.util.find_spec
    monkeypatch.setattr(running, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(UsageError, match=f"{missing} is not installed") as caught:
        run_suite([], tmp_path / "none", lambda _: None)
    assert "vecgate[conformance]" in caught.value.hint


def test_a_suite_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation without it."""
    monkeypatch.setattr(running, "__file__", str(tmp_path / "a" / "b" / "c" / "running.py"))
    with pytest.raises(UsageError, match="is not installed"):
        suite_folder()
