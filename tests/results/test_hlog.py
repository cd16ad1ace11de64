from __future__ import annotations

from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from loads import second, stream

from vecgate.results.hlog import hlog_of


def test_other_tools_read_the_log(tmp_path: Path) -> None:
    """Second by second, with tags and times since the run began."""
    path = tmp_path / "run.hlog"
    path.write_text(hlog_of(stream(second(0, 0.010, 0.020), second(1), second(2, 0.500))), encoding="utf-8")
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3_600_000_000, 3))
    found = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        began_s = interval.get_start_time_stamp() / 1000 - reader.get_start_time_sec()
        found.append((interval.get_tag(), began_s, interval.get_total_count(), interval.get_max_value()))
    reader.input_file.close()
    assert [(tag, began_s, count) for tag, began_s, count, _ in found] == [
        ("PutVectors", 0, 2),
        ("PutVectors.service", 0, 2),
        ("PutVectors", 2, 1),
        ("PutVectors.service", 2, 1),
    ]
    assert [most for *_, most in found] == pytest.approx([20_000, 10_000, 500_000, 250_000], rel=0.001)
