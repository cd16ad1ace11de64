"""Formats a load run as a histogram log of HdrHistogram, version 1.3, with a tag for each operation.

Each line is one second of one operation: its tag, its start and length in seconds, its longest latency in
milliseconds, and all latencies as a compressed histogram of microseconds. `HistogramLogProcessor`,
`hdr-plot` and other programs read it: https://github.com/HdrHistogram/HdrHistogram
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.utils import format_datetime

from vecgate import __version__
from vecgate.results.load.load_records import Latencies, Second
from vecgate.results.records import Stream

HEADINGS = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def format_hdr_log(stream: Stream) -> str:
    """Format the seconds of *stream*. The tags are the operation for response times, and the operation with
    `.service` for service times.

    The log begins when the run began; a time in it counts from the start of the schedule.
    """
    lines = [
        f"#[Logged with vecgate {__version__}]",
        "#[Histogram log format version 1.3]",
        *_start_lines(stream.header.started_at),
        HEADINGS,
        *_interval_lines(stream.of(Second)),
    ]
    return "\n".join(lines) + "\n"


def _start_lines(started_at: str) -> Iterator[str]:
    try:
        began = datetime.fromisoformat(started_at)
    except ValueError:  # a stream of another program
        return
    moment = f"{began.timestamp():.3f} (seconds since epoch)"
    yield f"#[StartTime: {moment}, {format_datetime(began)}]"
    # Times of intervals count from here.
    yield f"#[BaseTime: {moment}]"


def _interval_lines(seconds: Iterable[Second]) -> Iterator[str]:
    for second in seconds:
        for operation, counts in second.operations.items():
            # A tag ends at the first comma, and spaces end it for some readers.
            tag = re.sub(r"[^\w.-]", "_", operation)
            yield from _interval_line(tag, second.at_s, counts.response)
            yield from _interval_line(f"{tag}.service", second.at_s, counts.service)


def _interval_line(tag: str, at_s: int, latencies: Latencies) -> Iterator[str]:
    if latencies.histogram:
        yield f"Tag={tag},{at_s:.3f},1.000,{latencies.max_ms:.3f},{latencies.histogram}"
