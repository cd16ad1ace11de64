from __future__ import annotations

from pathlib import Path

import pytest

from vecgate.errors import UsageError
from vecgate.reporting.output_files import check_writable, write_text


def test_the_check_creates_folders_but_no_files(tmp_path: Path) -> None:
    """A run that does not start leaves no file."""
    check_writable(tmp_path / "a" / "b" / "junit.xml", None, tmp_path / "summary.md")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b"]


@pytest.mark.parametrize("act", [check_writable, lambda path: write_text(path, "x")])
def test_a_file_in_place_of_a_folder_is_reported(act: object, tmp_path: Path) -> None:
    """Before the run and after it, with the path that cannot be written."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/x\.xml cannot be written: "):
        act(tmp_path / "file" / "x.xml")  # type: ignore[operator]  # either of two


def test_several_steps_append_to_a_file(tmp_path: Path) -> None:
    """Other files are replaced."""
    for _ in range(2):
        write_text(tmp_path / "summary.md", "a\n", append=True)
        write_text(tmp_path / "junit.xml", "a\n")
    assert (tmp_path / "summary.md").read_text() == "a\na\n"
    assert (tmp_path / "junit.xml").read_text() == "a\n"
