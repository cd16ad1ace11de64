"""`vecgate conform` on a target that keeps what is made there."""

from __future__ import annotations

import json
from pathlib import Path

from commands import Vecgate

from vecgate.endpoint.local import LocalEndpoint


def test_what_is_left_behind_is_named_and_is_no_pass(vecgate: Vecgate, tmp_path: Path) -> None:
    """As with every command that makes buckets: exit code 3 where the gate is passed."""
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "unavailable"\nrate = 1.0\noperations = ["DeleteVectorBucket"]\n')
    with LocalEndpoint(options=["--inject", str(faults)]) as stuck:
        words = ("--target", stuck.url, "--level", "quick", "-k", "create-vector-bucket", "-q", "--json")
        result = vecgate("conform", *words)
    told = json.loads(result.out)
    assert result.code == told["exit_code"] == 3
    assert told["line"].startswith(f"NOT CLEAN  {len(told['left_behind'])} resource")
    assert all(leak.startswith("bucket vg-") for leak in told["left_behind"])
