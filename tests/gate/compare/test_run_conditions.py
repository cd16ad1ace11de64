from __future__ import annotations

import msgspec
import pytest
from result_builders import footer
from sample_streams import head, load_stream

from vecgate.gate.compare.run_conditions import find_differences
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.records import Stream

RUN = load_stream(10)


def planned(**other: object) -> Stream:
    """Return the run with a changed plan."""
    plan = RUN.first(LoadPlan)
    assert plan is not None
    return Stream(RUN.header, (msgspec.structs.replace(plan, **other), *RUN.records[1:]), RUN.footer)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (
            {"processor": "Other", "machine": "x86_64", "cores": "2"},
            ["processor: Example CPU and Other"],
        ),
        (
            {},
            ["machine: x86_64 and none", "processor: Example CPU and none", "cores: 2 and none"],
        ),
    ],
)
def test_another_machine_prevents_a_comparison(other: dict[str, str], expected: list[str]) -> None:
    """Times of different machines cannot be compared."""
    found = find_differences(RUN, Stream(head("load", environment=other), RUN.records, RUN.footer))
    assert [str(each) for each in found if each.is_blocking] == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"dimension": 384}, "dimension: 1024 and 384"),
        ({"scenario": "mixed"}, "scenario: ramp-1000 and mixed"),
        (
            {"operations": {"GetVectors": 1.0}},
            'operations: {"PutVectors":1.0} and {"GetVectors":1.0}',
        ),
    ],
)
def test_another_scenario_prevents_a_comparison(other: dict[str, object], expected: str) -> None:
    """The work differs."""
    assert [str(each) for each in find_differences(RUN, planned(**other)) if each.is_blocking] == [expected]


def test_long_values_are_not_shown() -> None:
    """Two lists of stages in one line do not show where they differ. JSON has both."""
    stages = [{"kind": "constant", "duration_s": 60.0, "rate_per_s": float(rate)} for rate in range(9)]
    (found,) = find_differences(RUN, planned(stages=stages))
    assert (str(found), found.is_blocking) == ("stages", True)
    assert found.head.startswith('[{"kind":')


@pytest.mark.parametrize("name", ["description", "seed", "thresholds"])
def test_thresholds_are_not_part_of_the_work(name: str) -> None:
    """A stricter threshold does not change a latency."""
    value = {"description": "x", "seed": 99, "thresholds": ("p99 < 1ms",)}[name]
    assert find_differences(RUN, planned(**{name: value})) == ()


def test_other_differences_are_reported() -> None:
    """Versions, the kernel and the target may explain a change. Blocking differences come first."""
    header = head(
        "load",
        target="aws",
        versions={"python": "3.14.0", "vecgate": "0.1.0", "locust": "2.47.0"},
        environment={**RUN.header.environment, "system": "Linux-7", "cores": "4"},
        options={"processes": "1"},
    )
    found = find_differences(RUN, Stream(header, RUN.records, RUN.footer))
    assert [str(each) for each in found] == [
        "cores: 2 and 4",
        "target: local and aws",
        "system: Linux-6.1-x86_64 and Linux-7",
        "python: 3.11.7 and 3.14.0",
        "processes: 2 and 1",
    ]
    assert [each.is_blocking for each in found] == [True, False, False, False, False]


def test_conformance_runs_of_different_machines_can_be_compared() -> None:
    """The answers of a server do not depend on the machine of the client."""
    base = Stream(head("conformance"), (), footer())
    other = Stream(head("conformance", environment={"processor": "Other"}), (), footer())
    assert [each for each in find_differences(base, other) if each.is_blocking] == []
