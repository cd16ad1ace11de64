"""`vecgate conform` on a target that keeps the created buckets."""

from __future__ import annotations

import json
from pathlib import Path

from commands import Vecgate

from vecgate.endpoint.local import LocalEndpoint


def test_orphaned_resources_are_named_and_have_an_exit_code(vecgate: Vecgate, tmp_path: Path) -> None:
    """As with every command that creates buckets: the run passes, and a separate line names what remains."""
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "unavailable"\nrate = 1.0\noperations = ["DeleteVectorBucket"]\n')
    with LocalEndpoint(options=["--inject", str(faults)]) as endpoint:
        words = ("--target", endpoint.url, "--level", "quick", "-k", "create-vector-bucket", "-q")
        as_text, as_json = vecgate("conform", *words), vecgate("conform", *words, "--json")
    result = json.loads(as_json.out)
    assert as_text.code == as_json.code == result["exit_code"] == 3
    assert result["line"].startswith("PASS  ")
    assert all(orphan.startswith("bucket vg-") for orphan in result["orphaned"])
    verdict, cleanup = as_text.out.splitlines()[-2:]
    assert verdict.startswith("PASS  ")
    assert cleanup.startswith(f"CLEANUP FAILED  {len(result['orphaned'])} resources could not be removed")
