from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from vecgate.bulk.transfer.segment_journal import SegmentJournal, StoredPart, count_records
from vecgate.errors import JournalError, JournalMismatch

IDENTITY = {"index": "media/films", "creation time": "1"}


def test_the_pages_of_a_segment_continue_where_they_ended(tmp_path: Path) -> None:
    """A later run has the number of segments of the first one, its tokens and its parts."""
    path = tmp_path / "folder" / "journal"
    with closing(SegmentJournal(path, IDENTITY, segments=4)) as journal:
        journal.record_page(0, "next", records=3, written=2, rejected=1, part=StoredPart(10, 5))
        journal.record_page(2, "", records=0)
        journal.record_page(0, "after", records=4, written=4, part=StoredPart(0, 10))
    assert path.stat().st_mode & 0o077 == 0
    assert count_records(path) == 7
    with closing(SegmentJournal(path, IDENTITY, segments=9)) as journal:
        assert journal.segments == 4
        assert journal.tokens == {0: "after", 2: ""}
        assert journal.parts == [StoredPart(0, 10), StoredPart(10, 5)]
        assert (journal.records, journal.written, journal.rejected) == (7, 6, 1)
        journal.record_page(0, "again", records=1, part=StoredPart(15, 5), is_restart=True)
        assert (journal.records, journal.parts) == (1, [StoredPart(15, 5)])
        journal.is_finished = True
    assert not path.exists()


def test_a_page_that_was_not_stored_whole_does_not_count(tmp_path: Path) -> None:
    """Nor what it would have replaced: an interrupt may come at any moment."""
    path = tmp_path / "journal"
    with closing(SegmentJournal(path, IDENTITY, segments=1)) as journal:
        journal.record_page(0, "next", records=3)
        journal._db.execute("BEGIN IMMEDIATE")
        journal._db.execute("DELETE FROM segment")
    assert count_records(path) == 3


def test_a_journal_without_pages_is_removed(tmp_path: Path) -> None:
    """There is nothing to resume."""
    path = tmp_path / "journal"
    SegmentJournal(path, IDENTITY, segments=1).close()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_belongs_to_one_thing(tmp_path: Path) -> None:
    """The message names what differs."""
    path = tmp_path / "journal"
    with closing(SegmentJournal(path, IDENTITY, segments=1)) as journal:
        journal.record_page(0, "", records=1)
        with pytest.raises(JournalMismatch, match="in use by another run"):
            SegmentJournal(path, IDENTITY, segments=1)
        with pytest.raises(JournalMismatch, match="in use by another run"):
            count_records(path)
    with pytest.raises(JournalMismatch, match=r"belongs to another creation time: 1, not 2$"):
        SegmentJournal(path, {**IDENTITY, "creation time": "2"}, segments=1)
    with pytest.raises(JournalMismatch, match="another change: none, not drop x"):
        SegmentJournal(path, {**IDENTITY, "change": "drop x"}, segments=1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE scan SET version = 9")
        db.commit()
    with pytest.raises(JournalMismatch, match="belongs to version 9 of this file"):
        SegmentJournal(path, IDENTITY, segments=1)


def test_another_file_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    """Nor changed."""
    text, database = tmp_path / "text", tmp_path / "database"
    text.write_text("not a database, but rather long text" * 40)
    with closing(sqlite3.connect(database)) as db:
        db.execute("CREATE TABLE other (x)")
    for path in (text, database):
        before = path.read_bytes()
        with pytest.raises(JournalMismatch, match="is not the journal of a scan"):
            SegmentJournal(path, IDENTITY, segments=1)
        with pytest.raises(JournalMismatch, match="is not the journal of a scan"):
            count_records(path)
        assert path.read_bytes() == before


def test_a_run_that_was_killed_when_it_began_has_no_records(tmp_path: Path) -> None:
    """Its journal may lack tables."""
    path = tmp_path / "journal"
    path.touch()
    assert count_records(path) == 0


def test_a_journal_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    """A page that is not stored does not count."""
    path = tmp_path / "journal"
    with pytest.raises(JournalError, match="cannot be written"):
        SegmentJournal(tmp_path, IDENTITY, segments=1)
    with closing(SegmentJournal(path, IDENTITY, segments=1)) as journal:
        journal._db.execute("DROP TABLE segment")
        with pytest.raises(JournalError, match="cannot be written"):
            journal.record_page(0, "", records=1)
        journal._db.execute("ROLLBACK")
        journal.is_finished = True


def test_a_read_only_journal_is_an_error_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of the journal."""

    class ReadOnly:
        def execute(self, *_: object) -> None:
            raise sqlite3.OperationalError("attempt to write a readonly database")

        def close(self) -> None:
            pass

    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: ReadOnly())
    with pytest.raises(JournalError, match="readonly"):
        SegmentJournal(tmp_path / "journal", IDENTITY, segments=1)
