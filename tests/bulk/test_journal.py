"""A journal is true after any crash, belongs to one run, and fails in one clear line."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vecgate.bulk.journal import Identity, Journal, settled_in
from vecgate.bulk.ranges import Ranges
from vecgate.errors import JournalError, JournalMismatch

IDENTITY = Identity("1-abc", "media/films", "PutVectors")


def positions(*of: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(of, dtype=np.int64)


def members(ranges: Ranges) -> set[int]:
    return {
        p for a, b in zip(ranges.starts.tolist(), ranges.stops.tolist(), strict=True) for p in range(a, b)
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path, IDENTITY)) as opened:
        yield opened


def test_what_is_settled_is_there_when_it_is_opened_again(path: Path) -> None:
    """Acknowledged and set aside, each by position."""
    with closing(Journal(path, IDENTITY)) as journal:
        assert (len(journal.acknowledged), len(journal.aside)) == (0, 0)
        journal.acknowledge(positions(0, 1, 2, 7))
        journal.set_aside(positions(3, 9), path.with_name("aside"), file_bytes=10)
        journal.acknowledge(positions(4))
        journal.acknowledge(positions())
    with closing(Journal(path, IDENTITY)) as again:
        assert members(again.acknowledged) == {0, 1, 2, 4, 7}
        assert members(again.aside) == {3, 9}
        again.acknowledge(positions(5))
    with closing(Journal(path, IDENTITY)) as third:
        assert members(third.acknowledged) == {0, 1, 2, 4, 5, 7}


@settings(max_examples=40)
@given(
    entries=st.lists(
        st.tuples(st.sets(st.integers(0, 99), min_size=1, max_size=6), st.booleans()), min_size=1, max_size=8
    ),
    cut=st.floats(0, 1),
)
def test_after_any_crash_a_journal_is_a_prefix_of_what_happened(
    entries: list[tuple[set[int], bool]], cut: float
) -> None:
    """Whatever part of the last writes reached the disk, no entry is there without all before it."""
    with tempfile.TemporaryDirectory() as folder:
        path, crashed = Path(folder, "journal"), Path(folder, "crashed")
        with closing(Journal(path, IDENTITY)) as journal:
            for numbers, is_aside in entries:
                if is_aside:
                    journal.set_aside(positions(*sorted(numbers)), Path("aside"), file_bytes=1)
                else:
                    journal.acknowledge(positions(*sorted(numbers)))
            log = Path(f"{path}-wal").read_bytes()
            crashed.write_bytes(path.read_bytes())
            Path(f"{crashed}-wal").write_bytes(log[: round(len(log) * cut)])
        with closing(Journal(crashed, IDENTITY)) as found:
            after = (members(found.acknowledged), members(found.aside))
    prefixes: list[tuple[set[int], set[int]]] = [(set(), set())]
    for numbers, is_aside in entries:
        acknowledged, aside = prefixes[-1]
        prefixes.append((acknowledged, aside | numbers) if is_aside else (acknowledged | numbers, aside))
    assert after in prefixes
    assert cut < 1 or after == prefixes[-1]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Identity("2-def", "media/films", "PutVectors"), "another source: 1-abc, not 2-def"),
        (Identity("1-abc", "media/songs", "PutVectors"), "another target: media/films, not media/songs"),
        (
            Identity("1-abc", "media/films", "DeleteVectors"),
            "another operation: PutVectors, not DeleteVectors",
        ),
    ],
)
def test_a_journal_of_something_else_is_refused(path: Path, other: Identity, words: str) -> None:
    """What differs is named, with both values; the journal is left as it was."""
    with closing(Journal(path, IDENTITY)) as journal:
        journal.acknowledge(positions(1))
    with pytest.raises(JournalMismatch) as caught:
        Journal(path, other)
    assert str(caught.value) == f"the journal {path} is of {words}"
    assert caught.value.hint
    with closing(Journal(path, IDENTITY)) as journal:
        assert members(journal.acknowledged) == {1}


def test_a_journal_of_another_version_is_refused(path: Path) -> None:
    """A newer vecgate may keep more in it than this one understands."""
    Journal(path, IDENTITY).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE identity SET version = 2")
    with pytest.raises(JournalMismatch, match="another version: 2, not 1"):
        Journal(path, IDENTITY)


@pytest.mark.parametrize("content", [b"key,vector\n" * 100, b"xy", b"SQLite format 3\x00" + b"\x07" * 2000])
def test_a_file_that_is_no_journal_is_refused_and_kept(path: Path, content: bytes) -> None:
    """Somebody may have mixed up two arguments."""
    path.write_bytes(content)
    for opening in (lambda: Journal(path, IDENTITY), lambda: settled_in(path)):
        with pytest.raises(JournalMismatch, match="is not a journal"):
            opening()
    assert path.read_bytes() == content


def test_a_database_of_somebody_else_is_refused_and_kept(path: Path) -> None:
    """A finished journal is removed: that must never be a database that was not ours."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE orders (id INTEGER)")
    content = path.read_bytes()
    with pytest.raises(JournalMismatch, match="is not a journal"):
        Journal(path, IDENTITY)
    with pytest.raises(JournalMismatch, match="is not a journal"):
        settled_in(path)
    assert path.read_bytes() == content


def test_a_journal_in_use_is_refused(path: Path, journal: Journal) -> None:
    """Two runs on one journal would each send the rest."""
    journal.acknowledge(positions(1))
    for opening in (lambda: Journal(path, IDENTITY), lambda: settled_in(path)):
        with pytest.raises(JournalMismatch, match="is in use by another run"):
            opening()
    journal.acknowledge(positions(2))


HOLD = """
import sys
from pathlib import Path
from vecgate.bulk.journal import Identity, Journal
journal = Journal(Path(sys.argv[1]), Identity("1-abc", "media/films", "PutVectors"))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_journal_in_use_by_another_process_is_refused_until_it_dies(path: Path) -> None:
    """However it dies, the journal is free again."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(JournalMismatch, match="is in use by another run"):
            Journal(path, IDENTITY)
        holder.kill()
        holder.wait(30)
    Journal(path, IDENTITY).close()


def _fill(journal: Journal) -> set[int]:
    """Write until the disk is full; what was written before."""
    journal._db.execute("PRAGMA max_page_count = 8")
    written: set[int] = set()
    with pytest.raises(JournalError) as caught:  # noqa: PT012 - where it is full depends on SQLite
        for first in range(0, 1_000_000, 100):
            every_second = np.arange(first, first + 100, 2, dtype=np.int64)
            journal.acknowledge(every_second)
            written |= set(every_second.tolist())
    assert len(written) >= 500
    assert str(caught.value) == f"the journal {journal.path} cannot be written: database or disk is full"
    assert caught.value.hint
    return written


def test_a_full_disk_ends_the_journal_where_it_is(path: Path, journal: Journal) -> None:
    """After an entry that failed none follows, even where there is room again: it stays a prefix."""
    written = _fill(journal)
    journal._db.execute("PRAGMA max_page_count = 1000000")
    with pytest.raises(JournalError, match="could not be written"):
        journal.acknowledge(positions(1))
    with pytest.raises(JournalError, match="could not be written"):
        journal.set_aside(positions(1), path, file_bytes=1)
    journal.close()
    with closing(Journal(path, IDENTITY)) as again:
        assert members(again.acknowledged) == written


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from vecgate.bulk.journal import Identity, Journal
from vecgate.errors import JournalError
journal = Journal(Path(sys.argv[1]), Identity("1-abc", "media/films", "PutVectors"))
journal.acknowledge(np.arange(10))
size = Path(sys.argv[1] + "-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    journal.acknowledge(np.arange(20, 30))
except JournalError as error:
    print(error, flush=True)
journal.close()
"""


def test_a_write_that_the_system_refuses_is_one_clear_line(path: Path) -> None:
    """Here by a limit on the size of files; what was written before is there."""
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert child.stdout.startswith(f"the journal {path} cannot be written: ")
    assert child.stderr == ""
    with closing(Journal(path, IDENTITY)) as journal:
        assert members(journal.acknowledged) == set(range(10))


def test_a_disk_that_is_full_from_the_start_is_one_clear_line(path: Path) -> None:
    """Not even the identity could be kept."""
    begun = LIMITED.replace(
        "journal = Journal(", "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\njournal = Journal("
    )
    child = subprocess.run(
        [sys.executable, "-c", begun, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert child.stderr.splitlines()[-1].startswith(
        f"vecgate.errors.JournalError: the journal {path} cannot be written: "
    )


@pytest.mark.parametrize("place", ["", "file/run.journal", "/proc/vecgate/run.journal"])
def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path, place: str) -> None:
    """A directory, a path through a file, and a file system that takes nothing."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError, match="cannot be written") as caught:
        Journal(tmp_path / place, IDENTITY)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_folders_are_made(tmp_path: Path) -> None:
    """A journal may be the first thing in its folder."""
    path = tmp_path / "a" / "b" / "journal"
    Journal(path, IDENTITY).close()
    assert path.exists()


@pytest.mark.parametrize("finished", [True, False])
def test_a_finished_journal_is_removed(path: Path, *, finished: bool) -> None:
    """With all that belongs to it; an unfinished one stays to be resumed."""
    journal = Journal(path, IDENTITY)
    journal.acknowledge(positions(1))
    journal.close(finished=finished)
    assert sorted(file.name for file in path.parent.iterdir()) == ([] if finished else ["run.journal"])


def test_a_journal_knows_how_much_of_the_set_aside_file_is_its_own(path: Path, tmp_path: Path) -> None:
    """At first sight all that is there; then what was told last, for each file by itself."""
    aside, other = tmp_path / "aside.jsonl", tmp_path / "other.jsonl"
    aside.write_bytes(b"x" * 30)
    with closing(Journal(path, IDENTITY)) as journal:
        assert journal.kept_bytes(aside) == 30
        assert journal.kept_bytes(other) == 0
        journal.set_aside(positions(1), aside, file_bytes=50)
        aside.write_bytes(b"x" * 70)
        assert journal.kept_bytes(aside) == 50
        assert journal.kept_bytes(other) == 0
    with closing(Journal(path, IDENTITY)) as journal:
        assert journal.kept_bytes(aside.parent / "." / "aside.jsonl") == 50
        journal.set_aside(positions(2), aside, file_bytes=20)
        assert journal.kept_bytes(aside) == 20, "the file was begun anew after it had been moved away"


def test_the_count_of_settled_records_needs_no_identity(path: Path) -> None:
    """For a question to the user, before the input is read."""
    with closing(Journal(path, IDENTITY)) as journal:
        journal.acknowledge(positions(0, 1, 2))
        journal.set_aside(positions(5), path.with_name("aside"), file_bytes=1)
    assert settled_in(path) == 4
    with closing(Journal(path.with_name("empty"), IDENTITY)):
        pass
    assert settled_in(path.with_name("empty")) == 0
