"""The latencies of a load run as a HdrHistogram log: an interval for each second, tagged with the operation.

Values are microseconds. https://github.com/HdrHistogram/HdrHistogram (class HistogramLogWriter, version 1.3)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from vecgate.results.load import Second
from vecgate.results.records import Stream

LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def hlog_of(stream: Stream) -> str:
    """The log. Response times have the operation's name as their tag, service times that and `.service`."""
    began = datetime.fromisoformat(stream.header.started_at)
    lines = [
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {began.timestamp():.3f} (seconds since epoch), {began.isoformat()}]",
        f"#[BaseTime: {began.timestamp():.3f} (seconds since epoch)]",
        LEGEND,
        *_intervals(stream.of(Second)),
    ]
    return "\n".join(lines) + "\n"


def _intervals(seconds: Sequence[Second]) -> Iterator[str]:
    for second in seconds:
        for operation, counts in second.operations.items():
            for tag, times in ((operation, counts.response), (f"{operation}.service", counts.service)):
                if times.count:
                    yield f"Tag={tag},{second.at_s:.3f},1.000,{times.max_ms:.3f},{times.histogram}"
