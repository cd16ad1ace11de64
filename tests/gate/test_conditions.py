from __future__ import annotations

import msgspec
import pytest
from load_streams import head, load_stream
from runs import footer

from vecgate.gate.conditions import differences
from vecgate.results.load import Plan
from vecgate.results.records import Stream

RUN = load_stream(10)


def planned(**other: object) -> Stream:
    """The run with another plan."""
    plan = RUN.first(Plan)
    assert plan is not None
    return Stream(RUN.header, (msgspec.structs.replace(plan, **other), *RUN.records[1:]), RUN.footer)


@pytest.mark.parametrize(
    ("other", "told"),
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
def test_another_machine_is_decisive(other: dict[str, str], told: list[str]) -> None:
    """Its times are not ours."""
    found = differences(RUN, Stream(head("load", environment=other), RUN.records, RUN.footer))
    assert [str(each) for each in found if each.is_decisive] == told


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"dimension": 384}, "dimension: 1024 and 384"),
        ({"scenario": "mixed"}, "scenario: ramp-1000 and mixed"),
        (
            {"operations": {"GetVectors": 1.0}},
            'operations: {"PutVectors":1.0} and {"GetVectors":1.0}',
        ),
    ],
)
def test_another_scenario_is_decisive(other: dict[str, object], told: str) -> None:
    """So is other work."""
    assert [str(each) for each in differences(RUN, planned(**other)) if each.is_decisive] == [told]


def test_long_values_are_not_told() -> None:
    """Nobody finds the difference between two lists of stages in a line; programs are given both."""
    stages = [{"kind": "constant", "duration_s": 60.0, "rate_per_s": float(rate)} for rate in range(9)]
    (found,) = differences(RUN, planned(stages=stages))
    assert (str(found), found.is_decisive) == ("stages", True)
    assert found.head.startswith('[{"kind":')


@pytest.mark.parametrize("name", ["description", "seed", "thresholds"])
def test_what_a_run_is_to_meet_is_not_its_work(name: str) -> None:
    """A stricter threshold changes no latency."""
    value = {"description": "x", "seed": 99, "thresholds": ("p99 < 1ms",)}[name]
    assert differences(RUN, planned(**{name: value})) == ()


def test_the_rest_is_told_of() -> None:
    """Versions, the kernel, the target: why figures may differ, the decisive first."""
    header = head(
        "load",
        target="aws",
        versions={"python": "3.14.0", "vecgate": "0.1.0", "locust": "2.47.0"},
        environment={**RUN.header.environment, "system": "Linux-7", "cores": "4"},
        options={"processes": "1"},
    )
    found = differences(RUN, Stream(header, RUN.records, RUN.footer))
    assert [str(each) for each in found] == [
        "cores: 2 and 4",
        "target: local and aws",
        "system: Linux-6.1-x86_64 and Linux-7",
        "python: 3.11.7 and 3.14.0",
        "processes: 2 and 1",
    ]
    assert [each.is_decisive for each in found] == [True, False, False, False, False]


def test_what_a_server_answers_does_not_depend_on_the_machine() -> None:
    """Conformance is compared across machines."""
    base = Stream(head("conformance"), (), footer())
    other = Stream(head("conformance", environment={"processor": "Other"}), (), footer())
    assert [each for each in differences(base, other) if each.is_decisive] == []
