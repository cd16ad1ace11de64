from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from vecgate.endpoint.storage.backups import back_up
from vecgate.endpoint.storage.sqlite_store import COUNTER, DATABASE, check_database, open_state
from vecgate.endpoint.storage.state import Bucket, Index, State
from vecgate.endpoint.storage.vector_table import VectorTable
from vecgate.errors import UsageError

WITHIN_S = 60.0


def fill(state: State, prefix: str = "k", number: int = 50) -> None:
    if not state.buckets:
        state.save_bucket(Bucket("films", "arn", 1, {}, {}))
        state.save_index(Index("films", "plots", "arn", 1, 2, "cosine", VectorTable(2), {}, {}, {}, 7))
    keys = [f"{prefix}{each}" for each in range(number)]
    vectors = np.arange(2 * number, dtype=np.float32).reshape(number, 2)
    state.put_vectors(state.buckets["films"].indexes["plots"], keys, vectors, [{"t": "x" * 500}] * number)


def restored_keys(backup: Path, data_dir: Path) -> set[str]:
    """Return the keys after a restore as the documentation has it."""
    data_dir.mkdir(0o700)
    (data_dir / DATABASE).write_bytes(backup.read_bytes())
    with open_state(data_dir) as state:
        return set(state.buckets["films"].indexes["plots"].table.keys)


def test_a_backup_of_a_running_endpoint_can_be_restored(tmp_path: Path) -> None:
    """It has what was acknowledged before, whatever is written after; only its owner may read it."""
    backup = tmp_path / "backup.sqlite"
    with open_state(tmp_path / "data") as state:
        fill(state)
        size = state.store.back_up(backup)
        fill(state, "later")
    assert size == backup.stat().st_size > 25_000
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"backup.sqlite", "data"}
    assert restored_keys(backup, tmp_path / "restored") == {f"k{each}" for each in range(50)}


def test_writes_go_on_during_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another thread, page by page: the copy is a state between two changes."""
    monkeypatch.setattr("vecgate.endpoint.storage.backups.PAGES_PER_STEP", 1)
    backup, failures = tmp_path / "backup.sqlite", list[BaseException]()

    def copy() -> None:
        try:
            state.store.back_up(backup)
        except BaseException as error:  # noqa: BLE001 - reported below
            failures.append(error)

    with open_state(tmp_path / "data") as state:
        fill(state, number=300)
        thread = threading.Thread(target=copy)
        thread.start()
        rounds = 0
        while thread.is_alive() and rounds < 2_000:
            fill(state, f"round {rounds} ", number=3)
            rounds += 1
        thread.join(WITHIN_S)
        written = state.buckets["films"].indexes["plots"].table.keys
    assert failures == []
    keys = restored_keys(backup, tmp_path / "restored")
    assert {f"k{each}" for each in range(300)} <= keys <= set(written)
    assert (len(keys) - 300) % 3 == 0, "a change is copied completely or not at all"


@pytest.mark.parametrize("existing", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_nothing_is_overwritten(tmp_path: Path, existing: Callable[[Path], object]) -> None:
    existing(tmp_path / "backup")
    with open_state(tmp_path / "data") as state, pytest.raises(UsageError, match="exists already"):
        state.store.back_up(tmp_path / "backup")


def test_a_file_that_appears_meanwhile_wins(tmp_path: Path) -> None:
    file = tmp_path / "backup"
    with (
        closing(sqlite3.connect(":memory:")) as database,
        pytest.raises(UsageError, match="exists already"),
    ):
        back_up(database, file, lambda *_: file.write_text("mine"))
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_a_directory_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with (
        open_state(tmp_path / "data") as state,
        pytest.raises(UsageError, match=r"cannot write the backup .*: No such file or directory"),
    ):
        state.store.back_up(tmp_path / "missing" / "backup")


def test_an_endpoint_in_memory_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="keeps its data in memory") as raised:
        State().store.back_up(tmp_path / "backup")
    assert raised.value.hint == "Start it with --data-dir."


def test_a_copy_that_is_damaged_is_not_kept(tmp_path: Path) -> None:
    """The damage may have happened since the database was opened."""
    with open_state(tmp_path / "data") as state:
        fill(state)
        database: sqlite3.Connection = state.store._database  # type: ignore[attr-defined]
        database.execute("UPDATE vectors_7 SET vector = zeroblob(8) WHERE key = 'k1'")
        with pytest.raises(UsageError, match="is damaged: the contents of vector 'k1' in films/plots"):
            state.store.back_up(tmp_path / "backup")
        database.execute("DROP TABLE vectors_7")
        with pytest.raises(UsageError, match="is damaged: no such table"):
            state.store.back_up(tmp_path / "backup")
        database.execute("PRAGMA user_version=99")
        with pytest.raises(UsageError, match="is not a database of this version"):
            state.store.back_up(tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_source_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    database = sqlite3.connect(":memory:")
    database.close()
    with pytest.raises(UsageError, match="cannot write the backup"):
        back_up(database, tmp_path / "backup", check_database)
    assert list(tmp_path.iterdir()) == []


def test_an_old_backup_beside_newer_changes_is_noticed(tmp_path: Path) -> None:
    """It belongs into an empty directory."""
    with open_state(tmp_path / "data") as state:
        fill(state)
        state.store.back_up(tmp_path / "backup")
        fill(state, "later")
    (tmp_path / "data" / DATABASE).write_bytes((tmp_path / "backup").read_bytes())
    with (
        pytest.raises(UsageError, match=r"1 of .* acknowledged changes are missing"),
        open_state(tmp_path / "data"),
    ):
        pass
    (tmp_path / "data" / COUNTER).unlink()
    with open_state(tmp_path / "data") as state:
        assert len(state.buckets["films"].indexes["plots"].table) == 50
