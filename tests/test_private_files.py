from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vecgate.private_files import create_private_file, make_private_folder, open_private


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """Return the permissions of *path*."""
    return path.stat().st_mode & 0o777


def test_new_folders_belong_to_their_owner(tmp_path: Path) -> None:
    """All that are created; an existing one keeps its permissions."""
    tmp_path.chmod(0o755)
    make_private_folder(tmp_path / "a" / "b")
    make_private_folder(tmp_path / "a" / "b")
    assert [mode(each) for each in (tmp_path, tmp_path / "a", tmp_path / "a" / "b")] == [0o755, 0o700, 0o700]


def test_new_files_belong_to_their_owner(tmp_path: Path) -> None:
    """Whatever the umask allows."""
    create_private_file(tmp_path / "a")
    with open(tmp_path / "b", "ab", opener=open_private) as file:
        file.write(b"x")
    assert [mode(tmp_path / name) for name in "ab"] == [0o600, 0o600]
    create_private_file(tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"x"
