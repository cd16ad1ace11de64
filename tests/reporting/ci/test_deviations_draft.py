from __future__ import annotations

from pathlib import Path

import pytest
from result_builders import result, run

from vecgate.errors import ConfigError
from vecgate.reporting.ci.deviations_draft import deviations_draft
from vecgate.targets.deviations import read_deviations

FOUND = run(
    result('get-index.b["é"]', "failed", reason="assert 1\n  == 2"),
    result("get-index.a", "failed", reason="assert 1 == 2"),
    result("put-vectors.c", "failed", reason="assert 1 == 2"),
    result("put-vectors.d", "deviation"),
)


def test_failures_become_a_draft_that_needs_reasons(tmp_path: Path) -> None:
    """Each operation and kind of failure has one entry. An entry without a reason is refused."""
    path = tmp_path / "draft.toml"
    path.write_text(deviations_draft(FOUND))
    with pytest.raises(ConfigError, match="reason"):
        read_deviations(path)
    path.write_text(deviations_draft(FOUND).replace('= ""', '= "known"'))
    known = read_deviations(path).known
    assert known.keys() == {"get-index.a", 'get-index.b["é"]', "put-vectors.c"}
    assert len({id(each) for each in known.values()}) == 2
