"""A journal is correct after any crash, belongs to one run, and fails with one clear message."""

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
from child_processes import child_process
from hypothesis import given
from hypothesis import strategies as st
from journals import journal_identity

from vecgate.bulk.core.position_ranges import Ranges
from vecgate.bulk.journal import SCHEMA, Journal, JournalIdentity, count_settled
from vecgate.errors import JournalError, JournalMismatch

IDENTITY = journal_identity("films.parquet of 5 bytes")


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


def test_a_journal_of_version_1_is_refused_and_kept(path: Path) -> None:
    """It does not say which index of that name, which columns and which file it belongs to."""
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript("""
            CREATE TABLE identity (version INTEGER, source TEXT, target TEXT, operation TEXT);
            CREATE TABLE settled (start INTEGER, stop INTEGER, aside INTEGER);
            CREATE TABLE aside_file (path TEXT, bytes INTEGER);
            INSERT INTO identity VALUES (1, '1-abc', 'media/films', 'PutVectors');
            INSERT INTO settled VALUES (0, 3, 0), (5, 6, 1);
        """)
    content = path.read_bytes()
    with pytest.raises(JournalMismatch, match="is of version 1, which does not prove") as caught:
        Journal(path, IDENTITY)
    assert "--restart" in caught.value.hint
    assert count_settled(path) == 4
    assert path.read_bytes() == content


def test_settled_positions_are_there_after_reopening(path: Path) -> None:
    """Acknowledged and rejected positions are kept apart."""
    with closing(Journal(path, IDENTITY)) as journal:
        assert (len(journal.acknowledged), len(journal.rejected)) == (0, 0)
        journal.record_acknowledged(positions(0, 1, 2, 7))
        journal.record_rejected(positions(3, 9), path.with_name("rejected"), file_bytes=10)
        journal.record_acknowledged(positions(4))
        journal.record_acknowledged(positions())
    with closing(Journal(path, IDENTITY)) as reopened:
        assert members(reopened.acknowledged) == {0, 1, 2, 4, 7}
        assert members(reopened.rejected) == {3, 9}
        reopened.record_acknowledged(positions(5))
    with closing(Journal(path, IDENTITY)) as third:
        assert members(third.acknowledged) == {0, 1, 2, 4, 5, 7}


@given(
    entries=st.lists(
        st.tuples(st.sets(st.integers(0, 99), min_size=1, max_size=6), st.booleans()), min_size=1, max_size=8
    ),
    truncated=st.floats(0, 1),
)
def test_after_any_crash_a_journal_is_a_prefix_of_what_happened(
    entries: list[tuple[set[int], bool]], truncated: float
) -> None:
    """For any part of the last writes on disk, no entry is there without all entries before it."""
    with tempfile.TemporaryDirectory() as folder:
        path, crashed = Path(folder, "journal"), Path(folder, "crashed")
        with closing(Journal(path, IDENTITY)) as journal:
            for numbers, is_rejected in entries:
                if is_rejected:
                    journal.record_rejected(positions(*sorted(numbers)), Path("rejected"), file_bytes=1)
                else:
                    journal.record_acknowledged(positions(*sorted(numbers)))
            log = Path(f"{path}-wal").read_bytes()
            crashed.write_bytes(path.read_bytes())
            Path(f"{crashed}-wal").write_bytes(log[: round(len(log) * truncated)])
        with closing(Journal(crashed, IDENTITY)) as found:
            after = (members(found.acknowledged), members(found.rejected))
    prefixes: list[tuple[set[int], set[int]]] = [(set(), set())]
    for numbers, is_rejected in entries:
        acknowledged, rejects = prefixes[-1]
        prefixes.append(
            (acknowledged, rejects | numbers) if is_rejected else (acknowledged | numbers, rejects)
        )
    assert after in prefixes
    assert truncated < 1 or after == prefixes[-1]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"endpoint": "http://b"}, "another endpoint: none, not http://b"),
        ({"index": "media/songs"}, "another index: media/films, not media/songs"),
        ({"created": "9"}, "another creation time of the index: none, not 9"),
        ({"operation": "DeleteVectors"}, "another operation: PutVectors, not DeleteVectors"),
        ({"mapping": 'key ← "b"'}, 'another use of the columns: as given, not key ← "b"'),
        (
            {"input": "films.parquet of 6 bytes"},
            "another input: films.parquet of 5 bytes, not films.parquet of 6 bytes",
        ),
        (
            {"created": "9", "mapping": "b"},
            (
                "another creation time of the index: none, not 9; and to "
                "another use of the columns: as given, not b"
            ),
        ),
    ],
)
def test_a_journal_of_something_else_is_rejected(path: Path, change: dict[str, str], difference: str) -> None:
    """The message has both values of everything that differs, and the journal is not changed."""
    with closing(Journal(path, IDENTITY)) as journal:
        journal.record_acknowledged(positions(1))
    with pytest.raises(JournalMismatch) as caught:
        Journal(path, JournalIdentity(**(IDENTITY.members() | change)))
    assert str(caught.value) == f"the journal {path} belongs to {difference}"
    assert "--restart" in caught.value.hint
    with closing(Journal(path, IDENTITY)) as journal:
        assert members(journal.acknowledged) == {1}


def test_of_many_files_only_those_that_differ_are_named(path: Path) -> None:
    """An input may have thousands of files."""
    files = [f"part-{number}" for number in range(5)]
    Journal(path, journal_identity("\n".join(files))).close()
    changed = [*files[:2], "part-2 changed", "part-3 changed", files[4]]
    with pytest.raises(JournalMismatch) as caught:
        Journal(path, journal_identity("\n".join(changed)))
    assert str(caught.value).endswith(
        "belongs to another input: part-2 and 1 more, not part-2 changed and 1 more"
    )


def test_a_journal_of_another_version_is_rejected(path: Path) -> None:
    """A newer vecgate may store more than this one understands."""
    Journal(path, IDENTITY).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE run SET version = 3")
    with pytest.raises(JournalMismatch, match="is of version 3"):
        Journal(path, IDENTITY)


@pytest.mark.parametrize("content", [b"key,vector\n" * 100, b"xy", b"SQLite format 3\x00" + b"\x07" * 2000])
def test_a_file_that_is_not_a_journal_is_rejected_and_kept(path: Path, content: bytes) -> None:
    """The user may have mixed up two arguments."""
    path.write_bytes(content)
    for opening in (lambda: Journal(path, IDENTITY), lambda: count_settled(path)):
        with pytest.raises(JournalMismatch, match="is not a journal"):
            opening()
    assert path.read_bytes() == content


def test_another_database_is_rejected_and_kept(path: Path) -> None:
    """A finished journal is removed, which must never happen to another database."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE orders (id INTEGER)")
    content = path.read_bytes()
    with pytest.raises(JournalMismatch, match="is not a journal"):
        Journal(path, IDENTITY)
    with pytest.raises(JournalMismatch, match="is not a journal"):
        count_settled(path)
    assert path.read_bytes() == content


def test_a_journal_in_use_is_rejected(path: Path, journal: Journal) -> None:
    """Two runs with one journal would both send the remaining records."""
    journal.record_acknowledged(positions(1))
    for opening in (lambda: Journal(path, IDENTITY), lambda: count_settled(path)):
        with pytest.raises(JournalMismatch, match="is in use by another run"):
            opening()
    journal.record_acknowledged(positions(2))


HOLD = """
import sys
from pathlib import Path
from vecgate.bulk.journal import JournalIdentity, Journal
journal = Journal(Path(sys.argv[1]), JournalIdentity("", "media/films", "", "PutVectors", "as given", "films.parquet of 5 bytes"))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_journal_in_use_by_another_process_is_rejected_until_it_ends(path: Path) -> None:
    """The journal is free again after any end of that process."""
    with child_process(
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
    """Write until the disk is full, and return the positions written before."""
    journal._db.execute("PRAGMA max_page_count = 8")
    written: set[int] = set()
    with pytest.raises(JournalError) as caught:  # noqa: PT012 - where it is full depends on SQLite
        for first in range(0, 1_000_000, 100):
            every_second = np.arange(first, first + 100, 2, dtype=np.int64)
            journal.record_acknowledged(every_second)
            written |= set(every_second.tolist())
    assert len(written) >= 500
    assert str(caught.value) == f"the journal {journal.path} cannot be written: database or disk is full"
    assert caught.value.hint
    return written


def test_after_a_full_disk_no_entry_follows(path: Path, journal: Journal) -> None:
    """Even if there is space again, so that the journal stays a prefix."""
    written = _fill(journal)
    journal._db.execute("PRAGMA max_page_count = 1000000")
    with pytest.raises(JournalError, match="could not be written"):
        journal.record_acknowledged(positions(1))
    with pytest.raises(JournalError, match="could not be written"):
        journal.record_rejected(positions(1), path, file_bytes=1)
    journal.close()
    with closing(Journal(path, IDENTITY)) as reopened:
        assert members(reopened.acknowledged) == written


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from vecgate.bulk.journal import JournalIdentity, Journal
from vecgate.errors import JournalError
journal = Journal(Path(sys.argv[1]), JournalIdentity("", "media/films", "", "PutVectors", "as given", "films.parquet of 5 bytes"))
journal.record_acknowledged(np.arange(10))
size = Path(sys.argv[1] + "-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    journal.record_acknowledged(np.arange(20, 30))
except JournalError as error:
    print(error, flush=True)
journal.close()
"""


def test_a_write_that_the_system_refuses_is_one_clear_message(path: Path) -> None:
    """A limit on the size of files causes it here; entries written before are kept."""
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert child.stdout.startswith(f"the journal {path} cannot be written: ")
    assert child.stderr == ""
    with closing(Journal(path, IDENTITY)) as journal:
        assert members(journal.acknowledged) == set(range(10))


def test_a_disk_that_is_full_from_the_start_is_one_clear_message(path: Path) -> None:
    """Not even the identity could be stored."""
    begun = LIMITED.replace(
        "journal = Journal(", "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\njournal = Journal("
    )
    child = subprocess.run(
        [sys.executable, "-c", begun, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert child.stderr.splitlines()[-1].startswith(
        f"vecgate.errors.JournalError: the journal {path} cannot be written: "
    )


@pytest.mark.parametrize("target", ["", "file/run.journal", "/proc/vecgate/run.journal"])
def test_a_path_that_cannot_be_written_is_one_clear_message(tmp_path: Path, target: str) -> None:
    """A directory, a path through a file, and a file system without space."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError, match="cannot be written") as caught:
        Journal(tmp_path / target, IDENTITY)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_folders_are_created(tmp_path: Path) -> None:
    """A journal may be the first file in its folder."""
    path = tmp_path / "a" / "b" / "journal"
    Journal(path, IDENTITY).close()
    assert path.exists()


@pytest.mark.parametrize("finished", [True, False])
def test_a_finished_journal_is_removed(path: Path, *, finished: bool) -> None:
    """Its SQLite files are removed too; an unfinished journal stays to be resumed."""
    journal = Journal(path, IDENTITY)
    journal.record_acknowledged(positions(1))
    journal.close(finished=finished)
    assert sorted(file.name for file in path.parent.iterdir()) == ([] if finished else ["run.journal"])


def test_a_rejects_file_that_somebody_changed_is_kept_and_a_new_one_begun(path: Path, tmp_path: Path) -> None:
    """Lines after those of the journal may be from just before a crash; an earlier line is the user's."""
    rejects = tmp_path / "films.rejected.jsonl"
    rejects.write_bytes(b"before\n")
    with closing(Journal(path, IDENTITY)) as journal:
        assert journal.untouched_rejects_path(rejects) == rejects
        rejects.write_bytes(b"before\nfirst\n")
        journal.record_rejected(positions(1), rejects, file_bytes=13)
        rejects.write_bytes(b"before\nfirst\nsecond\n")
        journal.record_rejected(positions(2), rejects, file_bytes=20)
    with closing(Journal(path, IDENTITY)) as journal:
        for content, expected in (
            (b"before\nfirst\nsecond\n", "films.rejected.jsonl"),
            (b"before\nfirst\nsecond\nthi", "films.rejected.jsonl"),
            (b"before\nfirst\n", "films-2.rejected.jsonl"),
            (b"before\nFIRST\nsecond\n", "films-2.rejected.jsonl"),
        ):
            rejects.write_bytes(content)
            assert journal.untouched_rejects_path(tmp_path / "." / "films.rejected.jsonl").name == expected
        second = journal.untouched_rejects_path(rejects)
        second.write_bytes(b"x\n")
        journal.record_rejected(positions(3), second, file_bytes=2)
        assert journal.untouched_rejects_path(rejects) == second
        second.write_bytes(b"y\n")
        assert journal.untouched_rejects_path(rejects).name == "films-3.rejected.jsonl"
        rejects.unlink()
        assert journal.untouched_rejects_path(rejects) == rejects, "it was moved away"


def test_the_count_of_settled_records_needs_no_identity(path: Path) -> None:
    """It is shown to the user before the input is read."""
    with closing(Journal(path, IDENTITY)) as journal:
        journal.record_acknowledged(positions(0, 1, 2))
        journal.record_rejected(positions(5), path.with_name("rejected"), file_bytes=1)
    assert count_settled(path) == 4
    with closing(Journal(path.with_name("empty"), IDENTITY)):
        pass
    assert count_settled(path.with_name("empty")) == 0


@pytest.mark.parametrize("statements", range(5))
def test_a_run_that_is_killed_while_it_creates_its_journal_can_be_resumed(
    path: Path, statements: int
) -> None:
    """Nothing was settled, and no table or not all of them exist."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        for statement in SCHEMA.split(";")[:statements]:
            db.execute(statement)
    assert count_settled(path) == 0
    with closing(Journal(path, IDENTITY)) as journal:
        journal.record_acknowledged(np.arange(3))
    assert count_settled(path) == 3
