"""The packages of a release: what is in them, and that the tests of the source distribution can be collected."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def source_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a source distribution that is built now and unpacked."""
    sdist = pytest.importorskip("hatchling.builders.sdist", reason="hatchling builds the packages")
    pytest.importorskip("hatch_fancy_pypi_readme")
    folder = tmp_path_factory.mktemp("sdist")
    (archive,) = sdist.SdistBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    return folder / f"vecgate-{PROJECT['version']}"


def test_the_description_has_absolute_links(source_folder: Path) -> None:
    """And the metadata name the pages of the project."""
    metadata = HeaderParser().parsestr((source_folder / "PKG-INFO").read_text(encoding="utf-8"))
    description = metadata.get_payload()
    assert isinstance(description, str)
    assert f"/blob/v{PROJECT['version']}/docs/put.md)" in description
    assert f"/v{PROJECT['version']}/docs/report.png)" in description
    assert "](docs/" not in description
    urls = {each.partition(",")[0] for each in metadata.get_all("Project-URL", [])}
    assert urls == {"Repository", "Documentation", "Changelog", "Issues"}


def test_the_source_distribution_has_what_its_tests_read(source_folder: Path) -> None:
    """Files beside the code: pages, workflows, the action, locked versions. Results of runs are too large."""
    for name in (
        "action.yml",
        "Containerfile",
        "mkdocs.yml",
        "Makefile",
        "docs/runs/demo.txt",
        "SECURITY.md",
    ):
        assert (source_folder / name).is_file(), name
    for name in (".ci/requirements/conform.txt", ".github/workflows/tests.yml", "loadtests/scenarios"):
        assert (source_folder / name).exists(), name
    size = sum(path.stat().st_size for path in source_folder.rglob("*") if path.is_file())
    assert size < 40_000_000


@pytest.mark.nightly
def test_the_tests_of_the_source_distribution_can_be_collected(source_folder: Path) -> None:
    """As a distributor does it, who has no repository."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:xdist"],
        cwd=source_folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout[-3_000:] + ended.stderr[-3_000:]
