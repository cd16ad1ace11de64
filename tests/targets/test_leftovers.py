from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from vecgate.errors import JournalError
from vecgate.targets.holding import is_held
from vecgate.targets.leftovers import MadeRecord, place_of, recorded
from vecgate.targets.target import Target


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def target(url: str | None = "http://h:1", region: str = "r-1") -> Target:
    return Target("x", url, region, "", Credentials("a", "b"))


def on_amazon(account: str) -> Target:
    return Target("aws", None, "r-1", "", Credentials("a", "b", account_id=account))


def test_what_is_made_is_written_down_before() -> None:
    """It is on disk, with where and by which run, until all of it is gone."""
    record = MadeRecord(target(), "run1", "gw0")
    record.announce("vg-1")
    record.announce("vg-2")
    found = [(made.bucket, made.place, made.run) for made, _ in recorded("http://h:1")]
    assert found == [("vg-1", "http://h:1", "run1"), ("vg-2", "http://h:1", "run1")]
    record.forget()
    record.forget()
    assert list(recorded("http://h:1")) == []


def test_records_of_other_places_and_runs_are_left_alone() -> None:
    """A name is ours only where we made it."""
    MadeRecord(target(), "run1", "main").announce("vg-1")
    MadeRecord(target(None, "r-1"), "run2", "main").announce("vg-2")
    assert place_of(target(None, "r-1")) == "aws:r-1"
    assert [made.bucket for made, _ in recorded("aws:r-1")] == ["vg-2"]
    assert [made.bucket for made, _ in recorded("aws:r-2")] == []
    assert [made.bucket for made, _ in recorded("http://h:1", run="run1")] == ["vg-1"]
    assert [made.bucket for made, _ in recorded("http://h:1", run="run2")] == []


def test_half_a_line_is_passed_over() -> None:
    """The process was killed while it wrote: nothing was made yet."""
    record = MadeRecord(target(), "run1", "main")
    record.announce("vg-1")
    with record.path.open("ab") as file:
        file.write(b'{"bucket":"vg-')
    assert [made.bucket for made, _ in recorded("http://h:1")] == ["vg-1"]


def test_nothing_is_made_that_cannot_be_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is a file: an error, not a bucket that nobody remembers."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(JournalError, match="cannot be written down"):
        MadeRecord(target(), "run1", "main").announce("vg-1")


def test_a_record_that_its_run_forgets_meanwhile_is_passed_over() -> None:
    """Runs beside this one come and go."""
    records = [MadeRecord(target(), f"run{number}", "main") for number in range(3)]
    for number, record in enumerate(records):
        record.announce(f"vg-{number}")
    found = recorded("http://h:1")
    assert next(found)[0].bucket == "vg-0"
    records[1].forget()
    assert [made.bucket for made, _ in found] == ["vg-2"]


def test_on_amazon_the_account_is_written_down_too() -> None:
    """Where the credentials know it; a record of before, which says nothing of it, is read all the same."""
    record = MadeRecord(on_amazon("111111111111"), "run1", "main")
    record.announce("vg-1")
    with record.path.open("ab") as file:
        file.write(b'{"bucket":"vg-2","place":"aws:r-1","run":"run1"}\n')
    assert [made.account for made, _ in recorded("aws:r-1")] == ["111111111111", ""]


def test_a_record_is_held_as_long_as_there_is_somebody_to_add_to_it() -> None:
    """And no longer."""
    record = MadeRecord(target(), "run1", "main")
    record.announce("vg-1")
    path = record.path
    assert is_held(path)
    del record
    assert not is_held(path)


def test_a_process_that_is_killed_holds_nothing() -> None:
    """However it ends, its lock ends with it."""
    program = (
        "import sys\n"
        "from vecgate.targets.leftovers import MadeRecord\n"
        "from vecgate.targets.target import Target\n"
        "record = MadeRecord(Target('x', 'http://h:1', 'r-1', '', None), 'run1', 'main')\n"
        "record.announce('vg-1'); print(record.path, flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        assert is_held(path)
        process.kill()
        process.wait(30)
    assert path.exists()
    assert not is_held(path)


def test_a_file_that_is_gone_is_held_by_nobody(tmp_path: Path) -> None:
    """Its run has removed it."""
    assert not is_held(tmp_path / "none")
