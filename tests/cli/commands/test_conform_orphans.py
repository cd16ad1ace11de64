"""`vecgate conform` on a target that keeps the created buckets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import Vecgate
from suites import PRELUDE, SUITE

from vecgate.conformance_kit import suite_run
from vecgate.endpoint.local import LocalEndpoint

CREATES = """
@must("a.creates")
@pytest.mark.parametrize("case", ["one", "two"], ids=["one", "two"])
def test_creates(client, new_name, case):
    client.create_vector_bucket(vectorBucketName=new_name())
"""


@pytest.mark.usefixtures("in_process")
def test_orphaned_resources_are_named_and_have_an_exit_code(
    vecgate: Vecgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with every command that creates buckets: the run passes, and a separate line names what remains."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("conftest.py", "pytest.ini", "__init__.py"):
        shutil.copy(SUITE / name, folder)
    (folder / "test_few.py").write_text(PRELUDE + CREATES)
    monkeypatch.setattr(suite_run, "suite_folder", lambda: folder)
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "internal-error"\nrate = 1.0\noperations = ["DeleteVectorBucket"]\n')
    with LocalEndpoint(options=["--inject", str(faults)]) as endpoint:
        words = ("--target", endpoint.url, "-q")
        as_text, as_json = vecgate("conform", *words), vecgate("conform", *words, "--json")
    result = json.loads(as_json.out)
    assert as_text.code == as_json.code == result["exit_code"] == 3
    assert result["line"].startswith("PASS  ")
    assert len(result["orphaned"]) == 2
    assert all(orphan.startswith("bucket vg-") for orphan in result["orphaned"])
    verdict, cleanup = as_text.out.splitlines()[-2:]
    assert verdict.startswith("PASS  ")
    assert cleanup.startswith(f"CLEANUP FAILED  {len(result['orphaned'])} resources could not be removed")
