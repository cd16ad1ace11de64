from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

from vecgate.load.scenario.scenario_file import (
    LocalSpec,
    QuerySpec,
    Scenario,
    SweepSpec,
    ThresholdSpec,
    VectorsSpec,
    load_scenario,
    scenario_names,
)
from vecgate.load.scenario.scenario_price import estimate_price
from vecgate.load.scenario.stage_entries import KEYS, StageEntry

PROJECT = Path(__file__).parents[2]
SCENARIOS = PROJECT / "loadtests" / "scenarios"
SHIPPED = [
    *("mixed", "query", "quota-2500", "ramp-1000", "slo-ingest", "smoke", "soak", "spike", "stream-1000"),
]


def test_these_scenarios_ship_with_vecgate() -> None:
    """Listed by name."""
    assert scenario_names() == SHIPPED == sorted(path.stem for path in SCENARIOS.glob("*.toml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_begins_with_its_question_duration_and_price(name: str) -> None:
    """A question; then the duration, the number of requests and the price."""
    scenario = load_scenario(name)
    plan, price = scenario.plan(), estimate_price(scenario)
    text = (SCENARIOS / f"{name}.toml").read_text(encoding="utf-8")
    head = " ".join(line.removeprefix("# ") for line in text.split("\n\n")[0].splitlines())
    minutes, seconds = divmod(int(plan.duration_s), 60)
    length = f"{int(plan.duration_s)} s" if minutes < 10 else f"{minutes} min {seconds} s"
    assert "?" in head
    assert f"{length}, " in head
    assert f"{plan.scheduled:,} {'queries' if name == 'query' else 'requests'}" in head
    assert f"on Amazon about ${price.usd:.2f}" in head
    assert scenario.description


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_has_thresholds(name: str) -> None:
    """On its achieved rate, errors, dropped requests and price."""
    expressions = [each.expression for each in load_scenario(name).thresholds]
    assert {"achieved >= 99%", "dropped == 0"} <= set(expressions)
    assert {"errors", "cost"} <= {expression.split()[0] for expression in expressions}


def test_the_shipped_ramps_reach_the_rates_in_their_names() -> None:
    """With the expected number of vectors per request."""
    ramp, stream, quota = (load_scenario(name) for name in ("ramp-1000", "stream-1000", "quota-2500"))
    assert [(each.to_per_s, each.duration_s) for each in ramp.stages] == [(1000, 20), (1000, 60)]
    assert [(each.to_per_s, each.duration_s) for each in stream.stages] == [(1000, 10), (1000, 60)]
    assert (ramp.vectors.per_request, stream.vectors.per_request, quota.vectors.per_request) == (100, 1, 500)
    assert (ramp.schedule().total, stream.schedule().total) == (700, 65_000)
    assert max(each.to_per_s for each in quota.stages) == 3000
    assert (quota.client, quota.local.quotas) == ("bulk", "documented")


@pytest.mark.parametrize(
    "kind",
    [Scenario, VectorsSpec, QuerySpec, ThresholdSpec, LocalSpec, SweepSpec, StageEntry],
    ids=lambda kind: kind.__name__,
)
def test_every_key_is_documented_with_its_default(kind: type[msgspec.Struct]) -> None:
    """One table row for each key in docs/scenarios.md."""
    page = (PROJECT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    # Several tables may have a key of the same name, such as `source`.
    rows: dict[str, str] = defaultdict(str)
    for row in page.splitlines():
        if row.startswith("| `"):
            rows[row.split("|")[1].strip()] += row
    for field in msgspec.structs.fields(kind):
        shown = format_default(field)
        assert f"| {shown} |" in rows[f"`{field.encode_name}`"] if shown else f"`{field.encode_name}`" in rows


def format_default(field: msgspec.structs.FieldInfo) -> str:
    """Format the default of a key as on the page; empty if it has none or a table."""
    match field.default:
        case bool() as default:
            return str(default).lower()
        case float() as default if field.encode_name in {"start_within", "drain_within", "grace", "trial"}:
            return f"{default:g}s"
        case int() as default:
            return f"{default:,}"
        case str() | float() as default:
            return str(default)
        case _:
            return ""


def test_every_kind_of_stage_is_documented() -> None:
    """With its keys."""
    page = (PROJECT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    for kind, keys in KEYS.items():
        (row,) = [row for row in page.splitlines() if row.startswith(f"| `{kind}` |")]
        assert all(f"`{key}`" in row for key in keys)
