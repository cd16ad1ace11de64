"""The sources of a revision are extracted without touching the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmark_repository import FAST, SLOW, Repository
from loadtests.bench.git_sources import describe_commit, extract_sources, find_repository

from vecgate.errors import UsageError


def test_the_repository_stays_as_it_is(repository: Repository) -> None:
    """Work tree, index and branches; the temporary folder is removed."""
    first = repository.commit("fast")
    repository.write(SLOW)
    repository.commit("slow")
    repository.write("broken")
    before = repository.git("status", "--porcelain"), repository.git("worktree", "list")
    for revision in (first, "HEAD~1", "main~1"):
        with extract_sources(find_repository(repository.folder), revision) as folder:
            assert (folder / "toy" / "__init__.py").read_text() == FAST
        assert not folder.exists()
    assert (repository.git("status", "--porcelain"), repository.git("worktree", "list")) == before
    assert describe_commit(repository.root).endswith("-dirty")


@pytest.mark.parametrize("revision", ["no-such", "--help", "-h", ""])
def test_an_unknown_revision_is_a_usage_error(revision: str, repository: Repository) -> None:
    """Also if it looks like an option of git."""
    repository.commit("fast")
    with (
        pytest.raises(UsageError, match="is not a revision of") as caught,
        extract_sources(repository.root, revision),
    ):
        pass
    assert "fetch-depth: 0" in caught.value.hint


def test_a_folder_outside_of_a_repository_has_no_revisions(tmp_path: Path) -> None:
    """And no commit."""
    with pytest.raises(UsageError, match="not a git repository"):
        find_repository(tmp_path)
    assert describe_commit(tmp_path) == ""


def test_a_missing_git_is_a_usage_error(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names it."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="git is not installed"):
        find_repository(repository.root)
