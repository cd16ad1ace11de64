from __future__ import annotations

from pathlib import Path

import pytest

from vecgate.errors import UsageError
from vecgate.reporting.files import look_at, write_text


def test_folders_are_made_before_anything_is_written(tmp_path: Path) -> None:
    """And no file is: a run that does not begin leaves none."""
    look_at(tmp_path / "a" / "b" / "junit.xml", None, tmp_path / "there.md")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b"]


@pytest.mark.parametrize("act", [look_at, lambda path: write_text(path, "x")])
def test_what_cannot_be_written_is_told_in_one_line(act: object, tmp_path: Path) -> None:
    """A file stands where a folder would be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/x\.xml cannot be written: "):
        act(tmp_path / "file" / "x.xml")  # type: ignore[operator]  # either of two


def test_a_file_that_several_steps_add_to_keeps_what_is_there(tmp_path: Path) -> None:
    """Another is written anew."""
    for _ in range(2):
        write_text(tmp_path / "summary.md", "a\n", is_added=True)
        write_text(tmp_path / "junit.xml", "a\n")
    assert (tmp_path / "summary.md").read_text() == "a\na\n"
    assert (tmp_path / "junit.xml").read_text() == "a\n"
