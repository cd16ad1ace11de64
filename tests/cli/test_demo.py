"""The main job on real input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Vecgate

from vecgate.cli import demo


def test_the_demo_tells_the_whole_story(vecgate: Vecgate, tmp_path: Path) -> None:
    """5,000 vectors, bit-exact, at no more than 1,000 a second; the filter holds; then the specification, a
    ramp, and the report of all three.
    """
    result = vecgate("demo", "--json", "-o", tmp_path / "out")
    found = json.loads(result.out)
    assert found["total"] == found["acknowledged"] == found["returned"] == found["bit_exact"] == 5_000
    # Answers jitter by some milliseconds against departures, which hold the rate exactly.
    assert 900 < found["vectors_per_s"] < 1_050
    assert len(found["similar"]) == len(found["recent"]) == 5
    assert all(hit["metadata"]["year"] >= 2026 for hit in found["recent"])
    distances = [hit["distance"] for hit in found["similar"]]
    assert distances == sorted(distances)
    assert found["acts"].keys() == {"conformance", "load"}
    assert found["acts"]["conformance"].startswith("PASS")
    page = Path(found["report"]).read_text(encoding="utf-8")
    assert "ramp-1000" in page
    assert "QueryVectors" in page
    assert "5,000 of 5,000 records written" in page
    assert result.code == (0 if found["verdict"] == "PASS" else 1)


def test_without_the_extras_the_demo_says_what_it_leaves_out(
    vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base package ingests, reads back and searches; the last line is the verdict."""
    monkeypatch.setattr(demo, "missing_extras", lambda: ["load", "report"])
    result = vecgate("demo", "--quiet")
    assert "pip install 'vecgate[load,report]'" in result.err
    assert result.out.splitlines()[-1] == "PASS  5,000 of 5,000 vectors written, 5,000 read back bit-exact"
    assert result.code == 0
