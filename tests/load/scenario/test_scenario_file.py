from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vecgate.load.scenario.scenario_file import (
    LocalSpec,
    QuerySpec,
    Scenario,
    ThresholdSpec,
    VectorsSpec,
    load_scenario,
)
from vecgate.results.load.load_records import Stage
from vecgate.toml_schema import parse_duration

STAGES = '[[stages]]\nkind = "constant"\nrate = 100\nfor = "10s"\n'


def load(
    tmp_path: Path, text: str = "", *, stages: str = STAGES, overrides: dict[str, str] | None = None
) -> Scenario:
    """Load the scenario of a file with *text* and *stages*."""
    path = tmp_path / "test.toml"
    path.write_text(text + stages, encoding="utf-8")
    return load_scenario(str(path), overrides or {})


def test_a_file_with_stages_only_has_the_documented_defaults(tmp_path: Path) -> None:
    """PutVectors of 100 vectors; the name is that of the file."""
    scenario = load(tmp_path)
    assert scenario == Scenario(
        name="test",
        description="",
        unit="vectors",
        client="direct",
        seed=0,
        in_flight_max=64,
        start_deadline_s=1.0,
        drain_deadline_s=30.0,
        vectors=VectorsSpec(
            dimension=1024,
            metric="cosine",
            per_request=100,
            metadata="small",
            source="synthetic",
            clusters=50,
            spread=0.3,
            pool=1_000,
        ),
        operations={"PutVectors": 1.0},
        query=QuerySpec(top_k=10, filtered_share=0.0, return_metadata=False, recall_sample=0),
        get_keys=10,
        delete_keys=10,
        preload=0,
        stages=(Stage(kind="constant", from_per_s=100, to_per_s=100, duration_s=10),),
        thresholds=(),
        local=LocalSpec(quotas="off", inject="off", latency="off"),
    )


EVERYTHING = """
name = "all of it"
description = "every key"
unit = "requests"
client = "bulk"
seed = 7
in_flight_max = 10
start_within = "500ms"
drain_within = "1m30s"
get_keys = 100
delete_keys = 500
preload = 1_000
thresholds = [
    "errors < 1%",
    { threshold = "throttled < 1%", abort_on_fail = true, grace = "10s" },
]

[vectors]
dimension = 8
metric = "euclidean"
per_request = 20
metadata = "full"
clusters = 3
spread = 1
pool = 500

[operations]
PutVectors = 3
QueryVectors = 1
GetVectors = 0

[query]
top_k = 5
filtered_share = 0.25
return_metadata = true

[local]
quotas = "documented"
inject = "flaky"
latency = "warm"

[[stages]]
name = "up"
kind = "ramp"
to = 50
for = "10s"

[[stages]]
kind = "step"
to = 10
steps = 4
for = "1m"

[[stages]]
kind = "sine"
to = 30
period = "8s"
for = "20s"

[[stages]]
kind = "poisson"
rate = 12.5
for = "0.5h"

[[stages]]
kind = "ramp"
from = 4
to = 0
for = "2s"
"""


def test_every_key_is_read(tmp_path: Path) -> None:
    """Times in seconds, weights as fractions, and stages that continue the previous rate."""
    scenario = load(tmp_path, EVERYTHING, stages="")
    assert (scenario.name, scenario.unit, scenario.client, scenario.seed) == (
        "all of it",
        "requests",
        "bulk",
        7,
    )
    assert (scenario.in_flight_max, scenario.start_deadline_s, scenario.drain_deadline_s) == (10, 0.5, 90)
    assert (scenario.get_keys, scenario.delete_keys, scenario.preload) == (100, 500, 1_000)
    assert scenario.operations == {"PutVectors": 0.75, "QueryVectors": 0.25}
    assert scenario.thresholds == (
        ThresholdSpec(expression="errors < 1%"),
        ThresholdSpec(expression="throttled < 1%", abort_on_fail=True, grace_s=10),
    )
    up, steps, sine, random, down = scenario.stages
    assert up == Stage(kind="ramp", from_per_s=0, to_per_s=50, duration_s=10, name="up")
    assert (steps.from_per_s, steps.to_per_s, steps.steps, steps.duration_s) == (50, 10, 4, 60)
    assert (sine.from_per_s, sine.to_per_s, sine.period_s) == (10, 30, 8)
    assert (random.from_per_s, random.to_per_s, random.duration_s) == (12.5, 12.5, 1800)
    assert (down.from_per_s, down.to_per_s) == (4, 0)
    assert {each.name for each in scenario.stages[1:]} == {""}
    names = [each.label for each in scenario.stages[1:]]
    assert names == ["step 50 to 10/s", "sine 10 to 30/s", "poisson 12.5/s", "ramp 4 to 0/s"]


def test_a_stage_after_part_of_a_sine_period_continues_its_rate(tmp_path: Path) -> None:
    """After a quarter of a period the rate is the mean of the two extremes."""
    sine = '[[stages]]\nkind = "sine"\nfrom = 2\nto = 6\nperiod = "4s"\nfor = "5s"\n'
    ramp = '[[stages]]\nkind = "ramp"\nto = 0\nfor = "6s"\n'
    assert load(tmp_path, sine, stages=ramp).stages[1].from_per_s == pytest.approx(4)


def test_the_plan_describes_the_scenario(tmp_path: Path) -> None:
    """In the terms of the result stream."""
    scenario = load(tmp_path, EVERYTHING, stages="")
    plan = scenario.plan()
    assert plan.scenario == "all of it"
    assert plan.stages == scenario.stages
    assert plan.thresholds == ("errors < 1%", "throttled < 1%")
    assert (plan.dimension, plan.vectors_per_request, plan.unit, plan.client) == (8, 20, "requests", "bulk")
    assert plan.duration_s == 10 + 60 + 20 + 1800 + 2
    assert plan.scheduled == scenario.schedule().total
    assert plan.data == "synthetic: 3 clusters, spread 1, 500 distinct, metadata full"


def test_the_scenario_has_the_options_of_the_local_endpoint(tmp_path: Path) -> None:
    """As options of `vecgate serve`; none by default."""
    scenario = load(tmp_path, EVERYTHING, stages="")
    options = ("--quotas", "documented", "--inject", "flaky", "--latency", "warm")
    assert scenario.serve_options() == options
    assert load(tmp_path).serve_options() == ()


def test_the_vectors_per_arrival_are_an_average_over_the_operations(tmp_path: Path) -> None:
    """Three of four requests put 20 vectors, one is a query."""
    assert load(tmp_path, EVERYTHING, stages="").vectors_per_arrival == 15
    assert load(tmp_path).vectors_per_arrival == 100
    assert load(tmp_path).schedule().total == 10


def test_a_scenario_survives_json(tmp_path: Path) -> None:
    """The coordinator sends it to the workers as JSON."""
    scenario = load(tmp_path, EVERYTHING, stages="")
    assert msgspec.json.decode(msgspec.json.encode(scenario), type=Scenario) == scenario


def test_single_values_can_be_overridden(tmp_path: Path) -> None:
    """With the keys of the file; texts need no quotes."""
    changes = {
        "vectors.dimension": "128",
        "vectors.per_request": "10",
        "vectors.metric": "euclidean",
        "in_flight_max": "8",
        "start_within": "5s",
        "query.return_metadata": "true",
        "local.quotas": "documented",
        "thresholds": '["dropped == 0"]',
    }
    scenario = load(tmp_path, overrides=changes)
    assert (scenario.vectors.dimension, scenario.vectors.per_request) == (128, 10)
    assert (scenario.vectors.metric, scenario.in_flight_max, scenario.start_deadline_s) == ("euclidean", 8, 5)
    assert (scenario.query.return_metadata, scenario.local.quotas) == (True, "documented")
    assert [each.expression for each in scenario.thresholds] == ["dropped == 0"]


def test_all_rates_and_all_times_of_the_stages_can_be_scaled(tmp_path: Path) -> None:
    """Periods are times too; a rate that continues the previous stage is scaled once."""
    changes = {"stages.rate": "0.5", "stages.duration": "0.1"}
    up, steps, sine, random, down = load(tmp_path, EVERYTHING, stages="", overrides=changes).stages
    assert (up.from_per_s, up.to_per_s, up.duration_s) == (0, 25, 1)
    assert (steps.from_per_s, steps.to_per_s, steps.steps, steps.duration_s) == (25, 5, 4, 6)
    assert (sine.from_per_s, sine.to_per_s, sine.period_s) == (5, 15, 0.8)
    assert (random.from_per_s, random.to_per_s, random.duration_s) == (6.25, 6.25, 180)
    assert (down.from_per_s, down.to_per_s, down.duration_s) == (2, 0, 0.2)
    assert random.label == "poisson 6.25/s"


def test_paths_are_relative_to_the_folder_of_the_scenario(tmp_path: Path) -> None:
    """Whatever the working directory; workers get absolute paths."""
    (tmp_path / "films.parquet").write_bytes(b"PAR1")
    (tmp_path / "custom-quotas.toml").write_text("[write_vectors]\nper_s = 100\nburst = 500\n")
    text = '[vectors]\nsource = "films.parquet"\nmetadata = "file"\n[local]\nquotas = "custom-quotas.toml"\n'
    scenario = load(tmp_path, text)
    assert scenario.vectors.source == str(tmp_path / "films.parquet")
    assert scenario.serve_options() == ("--quotas", str(tmp_path / "custom-quotas.toml"))
    assert scenario.plan().data.startswith(f"{tmp_path / 'films.parquet'}, ")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("60s", 60),
        ("2m", 120),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("0s", 0),
        ("1h2m3s4ms", 3723.004),
    ],
)
def test_a_time_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    """Several may follow one another."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "raw", ["", "60", "s", "-1s", "1 s", "1d", "1s ", "1e3s", "1.s", 60, 1.5, None, True]
)
def test_a_number_without_a_unit_is_not_a_duration(raw: object) -> None:
    """60 could be seconds or minutes."""
    with pytest.raises(ValueError, match="is not a time"):
        parse_duration(raw)
