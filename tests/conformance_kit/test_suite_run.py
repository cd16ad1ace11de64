from __future__ import annotations

import importlib.util
import signal
import threading
from pathlib import Path

import pytest
from result_builders import header, result

from vecgate.conformance_kit import suite_run
from vecgate.conformance_kit.suite_run import run_suite, suite_folder
from vecgate.errors import UsageError
from vecgate.results.records import Result
from vecgate.results.result_stream import StreamWriter


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small suite in place of the conformance suite."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    monkeypatch.setattr(suite_run, "suite_folder", lambda: folder)
    return folder


def test_the_suite_is_found() -> None:
    """In a checkout it is next to `src`."""
    assert suite_folder() == Path(__file__).parents[2] / "conformance"


def test_a_run_returns_exit_code_and_output(suite: Path, tmp_path: Path) -> None:
    """The output ends with what pytest printed last."""
    (suite / "test_a.py").write_text("def test_a(): assert 1 == 2")
    ended = run_suite([], tmp_path / "none", lambda _: None)
    assert ended.code == 1
    assert "assert 1 == 2" in ended.output
    assert run_suite(["--nonsense"], tmp_path / "none", lambda _: None).code == 4


def test_results_are_passed_on_as_they_come(suite: Path, tmp_path: Path) -> None:
    """Results written last are passed on, too."""
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


def test_an_interrupt_is_passed_on_to_the_suite(suite: Path, tmp_path: Path) -> None:
    """It is passed on once, and the suite gets time to remove its resources."""
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
def test_a_missing_package_is_named(missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The hint names the extra that installs it."""
    found = importlib.util.find_spec
    monkeypatch.setattr(suite_run, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(UsageError, match=f"{missing} is not installed") as caught:
        run_suite([], tmp_path / "none", lambda _: None)
    assert "vecgate[conformance]" in caught.value.hint


def test_a_missing_suite_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation may lack the suite."""
    monkeypatch.setattr(suite_run, "__file__", str(tmp_path / "a" / "b" / "c" / "running.py"))
    with pytest.raises(UsageError, match="is not installed"):
        suite_folder()
