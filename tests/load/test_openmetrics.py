from __future__ import annotations

import re

import pytest
from load_builders import operation, plan, stage, stream

from vecgate.load.openmetrics import format_openmetrics
from vecgate.results.load.load_records import Second
from vecgate.results.load.load_summary import summarize

LINE = re.compile(r"([a-z_]+)\{(.*)\} (\S+)")
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"(?:,|$)')
RUN = summarize(
    stream(
        Second(
            at_s=0,
            due=9,
            dropped=2,
            operations={
                "PutVectors": operation(
                    0.002, 0.020, 0.020, 70.0, errors={"TooManyRequestsException": 1}, throttled=1
                ),
                "QueryVectors": operation(0.004, vectors=0),
            },
        ),
        planned=plan(stage(duration_s=1)),
    )
)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> tuple[Samples, dict[str, str]]:
    """Parse the text naively: each sample once, each family announced before its samples, EOF at the end."""
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""]
    samples: Samples = {}
    families: dict[str, str] = {}
    for line in lines[:-2]:
        if line.startswith("#"):
            _, word, name, value_type = line.split(" ", 3)
            families |= {name: value_type} if word == "TYPE" else {}
            assert word in {"TYPE", "UNIT", "HELP"}
            assert name == list(families)[-1]
            continue
        match = LINE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        assert name.startswith(list(families)[-1])
        found = LABEL.findall(labels)
        assert ",".join(f'{key}="{text}"' for key, text in found) == labels
        key = (name, frozenset(found))
        assert key not in samples
        samples[key] = float(value)
    return samples, families


SAMPLES, FAMILIES = parse(format_openmetrics(RUN, "local"))


def value(name: str, **labels: str) -> float:
    return SAMPLES[name, frozenset({"target": "local", **labels}.items())]


def test_the_families_are_announced() -> None:
    """With their types."""
    assert FAMILIES == {
        "vecgate_request_duration_seconds": "histogram",
        "vecgate_service_duration_seconds": "histogram",
        "vecgate_requests": "counter",
        "vecgate_vectors": "counter",
        "vecgate_throttles": "counter",
        "vecgate_dropped": "counter",
    }


@pytest.mark.parametrize(
    ("bound", "requests"),
    [("0.001", 0), ("0.0025", 1), ("0.01", 1), ("0.025", 3), ("60.0", 3), ("+Inf", 4)],
)
def test_buckets_are_cumulative(bound: str, requests: int) -> None:
    """Each contains those before it; the last one contains all."""
    assert value("vecgate_request_duration_seconds_bucket", operation="PutVectors", le=bound) == requests


def test_count_and_sum_include_all_requests() -> None:
    """The sum has three significant digits."""
    assert value("vecgate_request_duration_seconds_count", operation="PutVectors") == 4
    assert value("vecgate_request_duration_seconds_sum", operation="PutVectors") == pytest.approx(
        70.042, rel=0.001
    )
    assert value("vecgate_service_duration_seconds_sum", operation="PutVectors") == pytest.approx(
        35.021, rel=0.001
    )
    assert value("vecgate_request_duration_seconds_count", operation="QueryVectors") == 1


def test_counters_have_operation_and_code() -> None:
    """Dropped requests have no operation."""
    assert value("vecgate_requests_total", operation="PutVectors", code="ok") == 3
    assert value("vecgate_requests_total", operation="PutVectors", code="TooManyRequestsException") == 1
    assert value("vecgate_vectors_total", operation="PutVectors") == 30
    assert value("vecgate_throttles_total", operation="PutVectors") == 1
    assert value("vecgate_dropped_total") == 2


def test_labels_are_escaped() -> None:
    """The name of a target may contain any character."""
    text = format_openmetrics(RUN, 'a "b"\\\nc')
    assert 'target="a \\"b\\"\\\\\\nc"' in text
    parse(text)


def test_a_run_without_requests_is_valid_text() -> None:
    """Families without samples, and the dropped requests."""
    samples, families = parse(format_openmetrics(summarize(stream()), "local"))
    assert (list(samples.values()), len(families)) == ([0.0], 6)
