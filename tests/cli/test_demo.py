"""The main job on real input."""

from __future__ import annotations

import json

from commands import Vecgate


def test_the_demo_reads_back_what_it_wrote_at_the_rate_it_was_told(vecgate: Vecgate) -> None:
    """5,000 vectors, bit-exact, at no more than 1,000 a second; the filter holds; the verdict is PASS."""
    result = vecgate("demo", "--json")
    found = json.loads(result.out)
    assert result.code == 0
    assert found["verdict"] == "PASS"
    assert found["total"] == found["acknowledged"] == found["returned"] == found["bit_exact"] == 5_000
    # Answers jitter by some milliseconds against departures, which hold the rate exactly.
    assert 900 < found["vectors_per_s"] < 1_050
    assert len(found["similar"]) == len(found["recent"]) == 5
    assert all(hit["metadata"]["year"] >= 2026 for hit in found["recent"])
    distances = [hit["distance"] for hit in found["similar"]]
    assert distances == sorted(distances)


def test_the_demo_ends_with_its_verdict(vecgate: Vecgate) -> None:
    """For people the last line says it."""
    result = vecgate("demo", "--quiet")
    assert result.out.splitlines()[-1] == "PASS  5,000 of 5,000 vectors written, 5,000 read back bit-exact"
