"""Two sweeps are compared rate by rate, with the noise of each load test, and only where both say something."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from load_builders import operation
from msgspec import json, structs
from result_builders import footer, header

from vecgate.errors import SourceError, UsageError
from vecgate.gate.compare.comparison import compare, compare_repeated
from vecgate.gate.compare.sweep_figures import point_noise
from vecgate.results.load.load_records import Second
from vecgate.results.load.sweep_records import SweepPoint
from vecgate.results.records import Stream

RATES = (100.0, 200.0, 400.0)
SECONDS = 12


def measured(
    rate: float,
    *,
    ms: float = 10.0,
    answered: float = 1.0,
    failed: int = 0,
    seed: int = 0,
    seconds: int = SECONDS,
) -> list[Second]:
    """Return a load test of *rate* requests/s with lognormal latencies around *ms*."""
    random = np.random.default_rng([seed, round(rate)])
    found = []
    for at in range(seconds):
        number = round(rate * answered)
        times = random.lognormal(np.log(ms / 1e3), 0.3, number)
        counts = operation(*times, vectors=1, errors={"InternalServerException": failed} if failed else {})
        found.append(Second(at_s=at, due=round(rate), operations={"QueryVectors": counts}))
    return found


@cache
def point(rate: float, *, held: bool = True, number: int = 1, **more: Any) -> SweepPoint:
    seconds = measured(rate, **more)
    times = [each.operations["QueryVectors"] for each in seconds]
    ok, errors = sum(each.ok for each in times), sum(sum(each.errors.values()) for each in times)
    medians = sorted(each.response.p50_ms for each in times)
    slowest = sorted(each.response.p99_ms for each in times)
    return SweepPoint(
        number=number,
        rate_per_s=rate,
        achieved_per_s=ok / len(seconds),
        p50_ms=medians[len(medians) // 2],
        p99_ms=slowest[len(slowest) // 2],
        requests=ok + errors,
        errors=errors,
        held=held,
        noise=point_noise(seconds, operation="QueryVectors", unit="requests", rate_per_s=rate),
    )


def sweep(*points: SweepPoint, run: str = "a", rates: tuple[float, ...] = RATES, **foot: Any) -> Stream:
    options = {"rates": " ".join(f"{rate:g}" for rate in rates)}
    return Stream(header(kind="sweep", run=run, options=options), points, footer(**foot))


def whole(run: str = "a", seed: int = 0, **at_rate: dict[str, Any]) -> Stream:
    """Return a sweep over RATES; *at_rate* has what differs at a rate, such as `r200`."""
    points = [point(rate, seed=seed, **at_rate.get(f"r{rate:g}", {})) for rate in RATES]
    return sweep(*points, run=run)


def grades(base: Stream, head: Stream) -> dict[str, str]:
    return {each.name: each.grade for each in compare(base, head).changes}


def test_equal_sweeps_are_equal() -> None:
    """At every rate, with four figures each; a stream that was written and read is the same."""
    found = compare(whole(), whole("b", seed=1))
    assert found.verdict.grade == "passed"
    assert len(found.changes) == 12
    assert not {each.grade for each in found.changes} & {"regressed", "improved", "missing", "new"}
    again = json.decode(json.encode(point(100.0)), type=SweepPoint)
    assert len(again.noise["p99"]) == 100


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"ms": 13.0}, "p50 at 200/s"),
        ({"ms": 13.0}, "p99 at 200/s"),
        ({"answered": 0.95}, "achieved at 200/s"),
        ({"failed": 4}, "errors at 200/s"),
    ],
)
def test_a_change_at_one_rate_is_found_there(change: dict[str, Any], name: str) -> None:
    """And at no other rate."""
    head = whole("b", seed=1, r200=change)
    found = grades(whole(), head)
    assert found[name] == "regressed"
    assert {each for each, grade in found.items() if grade == "regressed"} <= {
        f"{figure} at 200/s" for figure in ("p50", "p99", "achieved", "errors")
    }
    assert compare(whole(), head).verdict.grade == "failed"
    assert grades(head, whole())[name] == "improved"


def test_a_rate_that_the_head_did_not_reach_is_missing() -> None:
    """The sweep ended because lower rates did not hold."""
    base = whole()
    head = sweep(point(100.0, seed=1), point(200.0, held=False, answered=0.6, seed=1), run="b")
    found = grades(base, head)
    assert found["p99 at 400/s"] == found["achieved at 400/s"] == "missing"
    assert compare(base, head).verdict.grade == "failed"
    assert grades(head, base)["p99 at 400/s"] == "new"


@pytest.mark.parametrize("side", ["base", "head"])
def test_a_rate_that_the_generator_limited_cannot_be_compared(side: str) -> None:
    """Neither a regression nor a pass."""
    limited = structs.replace(point(400.0, seed=1), is_inconclusive=True, held=False)
    short = sweep(point(100.0, seed=1), point(200.0, seed=1), limited, limited, run="b")
    pair = (whole(), short) if side == "head" else (short, whole())
    found = compare(*pair)
    assert found.verdict.grade == "inconclusive"
    assert f"cannot tell: 400/s was not measured in the {side}" in str(found.verdict.checks)
    assert not [each for each in found.changes if "400/s" in each.name]


def test_a_change_of_latency_with_late_starts_cannot_be_told() -> None:
    """The generator may be the reason; at another rate it does not matter."""
    slow = structs.replace(point(200.0, ms=13.0, seed=1), late_starts="3 % of requests started late")
    head = sweep(point(100.0, seed=1), slow, point(400.0, seed=1), run="b")
    found = compare(whole(), head)
    assert found.verdict.grade == "inconclusive"
    assert "at 200/s in the head 3 % of requests started late" in str(found.verdict.checks)
    calm = sweep(
        structs.replace(point(100.0, seed=1), late_starts="3 %"), *whole().of(SweepPoint)[1:], run="c"
    )
    assert compare(whole(), calm).verdict.grade == "passed"


def test_the_latency_of_an_overloaded_target_is_unclear() -> None:
    """It grows with the time of measuring; the achieved rate is compared."""
    base = sweep(point(100.0), point(200.0, held=False, ms=100.0, answered=0.9), rates=RATES[:2])
    head = sweep(
        point(100.0, seed=1),
        point(200.0, held=False, ms=500.0, answered=0.7, seed=1),
        run="b",
        rates=RATES[:2],
    )
    found = grades(base, head)
    assert (found["p99 at 200/s"], found["achieved at 200/s"]) == ("unclear", "regressed")


def test_rates_that_only_one_sweep_planned_are_not_compared() -> None:
    """They say nothing about a change."""
    other = sweep(point(100.0, seed=1), point(300.0, seed=1), run="b", rates=(100.0, 300.0))
    found = compare(sweep(point(100.0), point(200.0), rates=RATES[:2]), other)
    assert {each.name.partition(" at ")[2] for each in found.changes} == {"100/s"}
    apart = sweep(point(300.0, seed=1), run="b", rates=(300.0,))
    assert compare(sweep(point(100.0), rates=(100.0,)), apart).verdict.grade != "passed"


@pytest.mark.parametrize("seconds", [5, SECONDS])
def test_without_noise_nothing_is_green(seconds: int) -> None:
    """A load test that is too short, or a stream of an earlier version, cannot be told."""
    base, head = (
        sweep(structs.replace(point(100.0, seed=seed, seconds=seconds), noise={}), run=run, rates=(100.0,))
        for seed, run in enumerate("ab")
    )
    assert compare(base, head).verdict.grade == "inconclusive"
    assert point_noise(measured(100.0, seconds=5), operation="", unit="requests", rate_per_s=100.0) == {}


def test_few_requests_have_no_p99() -> None:
    """The p50 is compared all the same."""
    few = point(50.0)
    assert few.requests < 1_000
    assert set(few.noise) == {"p50", "achieved", "errors"}
    found = {
        each.name: each
        for each in compare(sweep(few, rates=(50.0,)), sweep(few, run="b", rates=(50.0,))).changes
    }
    assert "a p99 needs 1,000 requests, there are 600" in found["p99 at 50/s"].reason


def test_several_sweeps_of_each_side_show_their_own_noise() -> None:
    """A difference of 20 % is found, and none between equal sides."""

    def side(run: str, first: int, **more: float) -> list[Stream]:
        seeds = range(first, first + 3)
        return [sweep(point(100.0, seed=seed, **more), run=f"{run}{seed}", rates=(100.0,)) for seed in seeds]

    base, same, slower = side("a", 0), side("b", 10), side("c", 20, ms=12.5)
    assert compare_repeated(base, same).verdict.grade == "passed"
    found = compare_repeated(base, slower)
    assert found.verdict.grade == "failed"
    assert "p99 at 100/s" in str(found.verdict.checks)
    with pytest.raises(UsageError, match="too few"):
        compare_repeated(base[:2], same)


def test_a_sweep_without_a_rate_cannot_be_compared() -> None:
    """Neither is an interrupted one a pass."""
    with pytest.raises(SourceError, match="no rate of a sweep"):
        compare(sweep(), whole())
    assert compare(whole(), sweep(*whole().of(SweepPoint), run="b", is_complete=False)).verdict.grade == (
        "inconclusive"
    )
