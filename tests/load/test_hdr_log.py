"""A load run as a histogram log of HdrHistogram."""

from __future__ import annotations

import re

from load_builders import operation, second, steady, stream
from msgspec.structs import replace
from result_builders import header

from vecgate.load.hdr_log import format_hdr_log
from vecgate.results.histograms import Histogram, merge_histograms

LINE = re.compile(r"Tag=([^,\s]+),(\d+\.\d{3}),1\.000,(\d+\.\d{3}),(HISTFAAA[A-Za-z0-9+/=]+)")


def test_each_second_of_an_operation_is_an_interval() -> None:
    """Response and service times have tags of their own, and the histograms add up to the run."""
    text = format_hdr_log(stream(*steady(3)))
    head, lines = text.splitlines()[:5], text.splitlines()[5:]
    assert head[1:] == [
        "#[Histogram log format version 1.3]",
        "#[StartTime: 1795514400.000 (seconds since epoch), Tue, 24 Nov 2026 10:00:00 +0000]",
        "#[BaseTime: 1795514400.000 (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    found = [LINE.fullmatch(line) for line in lines]
    assert [match and match[2] for match in found] == [*["0.000"] * 2, *["1.000"] * 2, *["2.000"] * 2]
    responses = [match for match in found if match and match[1] == "PutVectors"]
    assert [round(float(match[3])) for match in responses] == [40, 40, 40]
    assert merge_histograms(match[4] for match in responses).count == 30
    services = [match[4] for match in found if match and match[1] == "PutVectors.service"]
    assert round(Histogram.decode(services[0]).max_ms) == 20


def test_a_tag_is_one_word_and_an_empty_interval_is_left_out() -> None:
    """A stream may come from another program, and its times may be missing."""
    odd = second(0, operations={"a b,c\n": operation(0.01), "none": operation()})
    text = format_hdr_log(replace(stream(odd), header=header(kind="load", started_at="yesterday")))
    assert [line.split(",")[0] for line in text.splitlines() if line.startswith("Tag")] == [
        "Tag=a_b_c_",
        "Tag=a_b_c_.service",
    ]
    assert "StartTime:" not in text
