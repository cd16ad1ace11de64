from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from botocore.credentials import Credentials
from child_processes import child_process

from vecgate.errors import JournalError
from vecgate.resources.creation_log import CreationLog, read_creation_logs, target_location
from vecgate.resources.file_lock import is_locked
from vecgate.targets.target import Target


@pytest.fixture(autouse=True)
def _state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def target(url: str | None = "http://h:1", region: str = "r-1") -> Target:
    return Target("x", url, region, "", Credentials("a", "b"))


def on_amazon(account: str) -> Target:
    return Target("aws", None, "r-1", "", Credentials("a", "b", account_id=account))


def test_a_bucket_is_in_the_log_before_it_is_created() -> None:
    """Its entry is on disk, with location and run, until the log is discarded."""
    log = CreationLog(target(), "run1", "gw0")
    log.announce("vg-1")
    log.announce("vg-2")
    found = [(entry.bucket, entry.location, entry.run) for entry, _ in read_creation_logs("http://h:1")]
    assert found == [("vg-1", "http://h:1", "run1"), ("vg-2", "http://h:1", "run1")]
    log.discard()
    log.discard()
    assert list(read_creation_logs("http://h:1")) == []


def test_entries_of_other_targets_and_runs_are_not_read() -> None:
    """A name belongs to a run only on the target where the run created it."""
    CreationLog(target(), "run1", "main").announce("vg-1")
    CreationLog(target(None, "r-1"), "run2", "main").announce("vg-2")
    assert target_location(target(None, "r-1")) == "aws:r-1"
    assert [entry.bucket for entry, _ in read_creation_logs("aws:r-1")] == ["vg-2"]
    assert [entry.bucket for entry, _ in read_creation_logs("aws:r-2")] == []
    assert [entry.bucket for entry, _ in read_creation_logs("http://h:1", run="run1")] == ["vg-1"]
    assert [entry.bucket for entry, _ in read_creation_logs("http://h:1", run="run2")] == []


def test_a_partial_line_is_ignored() -> None:
    """The process was killed while it wrote, so it created nothing."""
    log = CreationLog(target(), "run1", "main")
    log.announce("vg-1")
    with log.path.open("ab") as file:
        file.write(b'{"bucket":"vg-')
    assert [entry.bucket for entry, _ in read_creation_logs("http://h:1")] == ["vg-1"]


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket is then not created. Here the folder is a file."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(JournalError, match=r"creation log .* cannot be written"):
        CreationLog(target(), "run1", "main").announce("vg-1")


def test_a_log_that_its_run_discards_meanwhile_is_ignored() -> None:
    """Other runs may end at the same time."""
    logs = [CreationLog(target(), f"run{number}", "main") for number in range(3)]
    for number, log in enumerate(logs):
        log.announce(f"vg-{number}")
    found = read_creation_logs("http://h:1")
    assert next(found)[0].bucket == "vg-0"
    logs[1].discard()
    assert [entry.bucket for entry, _ in found] == ["vg-2"]


def test_on_amazon_an_entry_has_the_account() -> None:
    """If the credentials have it. Entries of earlier versions, without an account, are read too."""
    log = CreationLog(on_amazon("111111111111"), "run1", "main")
    log.announce("vg-1")
    with log.path.open("ab") as file:
        file.write(b'{"bucket":"vg-2","place":"aws:r-1","run":"run1"}\n')
    assert [entry.account for entry, _ in read_creation_logs("aws:r-1")] == ["111111111111", ""]


def test_a_log_is_locked_while_it_is_open() -> None:
    """And not longer."""
    log = CreationLog(target(), "run1", "main")
    log.announce("vg-1")
    path = log.path
    assert is_locked(path)
    del log
    assert not is_locked(path)


def test_the_lock_of_a_killed_process_ends() -> None:
    """Whatever ends the process, its lock ends with it."""
    program = (
        "import sys\n"
        "from vecgate.resources.creation_log import CreationLog\n"
        "from vecgate.targets.target import Target\n"
        "log = CreationLog(Target('x', 'http://h:1', 'r-1', '', None), 'run1', 'main')\n"
        "log.announce('vg-1'); print(log.path, flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", program]
    with child_process(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        assert is_locked(path)
        process.kill()
        process.wait(30)
    assert path.exists()
    assert not is_locked(path)


def test_a_missing_file_is_not_locked(tmp_path: Path) -> None:
    """Its run has discarded it."""
    assert not is_locked(tmp_path / "none")
