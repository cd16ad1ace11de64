"""The files of metrics that `vecgate ramp` writes after a run, for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vecgate.load.hdr_log import format_hdr_log
from vecgate.load.openmetrics import format_openmetrics
from vecgate.reporting.output_files import write_text
from vecgate.results.load.load_summary import LoadSummary
from vecgate.results.records import Stream


@dataclass(frozen=True, slots=True)
class MetricFiles:
    """The files to write; None for one that is not wanted.

    openmetrics  the totals as OpenMetrics text
    hlog         the latencies of each second as a log of HdrHistogram
    """

    openmetrics: Path | None
    hlog: Path | None

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """The files."""
        return self.openmetrics, self.hlog

    def write(self, stream: Stream, summary: LoadSummary) -> None:
        """Write the files for the run in *stream*. Raises UsageError if one cannot be written."""
        if self.openmetrics:
            write_text(self.openmetrics, format_openmetrics(summary, stream.header.target))
        if self.hlog:
            write_text(self.hlog, format_hdr_log(stream))
