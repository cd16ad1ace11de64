"""The options on Locust's command line, parsed by the parser that Locust uses."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import configargparse  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.errors import ConfigError, UsageError
from vecgate.load.load_runner import LoadTest
from vecgate.load.runtime.runtime_options import (
    OPTIONS,
    RunSettings,
    add_arguments,
    parse_settings,
)
from vecgate.load.scenario.scenario_spec import ThresholdSpec
from vecgate.targets.target import TargetChoice

#: Texts without the separator.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters=";\0"), min_size=1, max_size=12).map(
    str.strip
)
NAMES = st.from_regex(r"[a-z_]{1,8}(\.[a-z_]{1,8})?", fullmatch=True)


def parsed(words: Sequence[str]) -> RunSettings:
    parser = configargparse.ArgumentParser()
    add_arguments(parser)
    options, _ = parser.parse_known_args(list(words))
    return parse_settings(options)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPTIONS:
        monkeypatch.delenv(f"VECGATE_{name.upper().replace('-', '_')}", raising=False)


def test_without_options_the_smoke_scenario_runs_on_a_local_target() -> None:
    """With a new id, which is also in the name of its result file."""
    found = parsed([])
    assert (found.scenario, found.choice, found.bucket_prefix) == ("smoke", TargetChoice("local"), "vg")
    assert (found.overrides, found.thresholds, found.max_usd) == ({}, (), None)
    assert (found.is_aws_allowed, found.has_parent) == (False, False)
    assert re.fullmatch("[0-9a-f]{8}", found.run)
    assert found.results == Path(f"vecgate-{found.run}.jsonl")
    assert parsed([]).run != found.run


def test_every_option_can_be_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Like the options of Locust."""
    monkeypatch.setenv("VECGATE_TARGET", "http://127.0.0.1:9000")
    monkeypatch.setenv("VECGATE_CA_BUNDLE", "ca.pem")
    monkeypatch.setenv("VECGATE_NO_VERIFY", "yes")
    assert parsed([]).choice == TargetChoice("http://127.0.0.1:9000", ca_bundle="ca.pem", verify=False)


def test_a_missing_option_is_empty() -> None:
    """Locust's web interface passes only the options that it shows."""
    found = parse_settings(configargparse.Namespace(vecgate_scenario="query", vecgate_region=None))
    assert (found.scenario, found.choice.region, found.max_usd) == ("query", "", None)


@given(
    overrides=st.dictionaries(NAMES, TEXTS, max_size=4),
    thresholds=st.lists(TEXTS.filter(bool), max_size=3),
    max_usd=st.none() | st.floats(0, 1e6),
    verify=st.booleans(),
    is_aws_allowed=st.booleans(),
    processes=st.integers(0, 4),
)
def test_the_child_process_gets_all_settings(
    *,
    overrides: dict[str, str],
    thresholds: list[str],
    max_usd: float | None,
    verify: bool,
    is_aws_allowed: bool,
    processes: int,
) -> None:
    """Unchanged."""
    choice = TargetChoice("aws", "eu-west-1", "load", "ca.pem", verify=verify)
    test = LoadTest(
        scenario="my load/test.toml",
        choice=choice,
        results=Path("out/a b.jsonl"),
        csv=Path("rows, 1.csv"),
        overrides=overrides,
        thresholds=thresholds,
        processes=processes,
        max_usd=max_usd,
        is_aws_allowed=is_aws_allowed,
        bucket_prefix="team",
    )
    assert parsed(test.command()[3:]) == RunSettings(
        scenario="my load/test.toml",
        choice=choice,
        overrides=overrides,
        thresholds=tuple(thresholds),
        results=Path("out/a b.jsonl"),
        csv=Path("rows, 1.csv"),
        bucket_prefix="team",
        max_usd=max_usd,
        is_aws_allowed=is_aws_allowed,
        run=test.run,
        has_parent=True,
    )


def test_every_run_of_a_process_has_its_own_id_and_file() -> None:
    """A parent command reports only the first one."""
    options = configargparse.Namespace(
        vecgate_run="0a1b", vecgate_results="out/run.jsonl", vecgate_parent="1"
    )
    first, second, third = (parse_settings(options, run_number=number) for number in (1, 2, 3))
    assert (first.run, first.results, first.has_parent) == ("0a1b", Path("out/run.jsonl"), True)
    assert (second.results, second.has_parent) == (Path("out/run-2.jsonl"), False)
    assert third.results == Path("out/run-3.jsonl")
    assert len({first.run, second.run, third.run}) == 3


@pytest.mark.parametrize("target", ["local", "http://other.example"])
def test_another_host_than_the_target_is_refused(target: str) -> None:
    """Locust would show results of a server that got no request."""
    options = Namespace(host="http://vectors.example/", vecgate_target=target)
    with pytest.raises(UsageError, match=f"http://vectors.example/ is not used: requests go to {target}"):
        parse_settings(options)
    options.vecgate_target = "http://vectors.example"
    assert parse_settings(options).choice.name == "http://vectors.example"


def test_blanks_and_empty_parts_are_ignored() -> None:
    """Users add them for readability."""
    found = parsed(
        ["--vecgate-set= vectors.dimension = 8 ;; name= a=b ;", "--vecgate-thresholds=p(99) < 1s; ;"]
    )
    assert found.overrides == {"vectors.dimension": "8", "name": "a=b"}
    assert found.thresholds == ("p(99) < 1s",)


def test_a_setting_without_a_value_is_rejected() -> None:
    """The hint shows the format."""
    with pytest.raises(UsageError, match="'vectors' is not a setting") as caught:
        parsed(["--vecgate-set=name=a;vectors"])
    assert "NAME=VALUE" in caught.value.hint


@pytest.mark.parametrize(("text", "usd"), [("1.50", 1.5), ("$2", 2.0), ("0", 0.0), ("", None)])
def test_a_cost_limit_is_in_dollars(text: str, usd: float | None) -> None:
    """With or without the dollar sign."""
    assert parsed([f"--vecgate-max-cost={text}"]).max_usd == usd


def test_a_cost_limit_that_is_not_a_number_is_rejected() -> None:
    """Rather than ignored."""
    with pytest.raises(UsageError, match="'1,50' is not an amount in US dollars"):
        parsed(["--vecgate-max-cost=1,50"])


def test_the_scenario_has_the_overrides_and_all_thresholds() -> None:
    """Those of the scenario come first."""
    plain = parsed(["--vecgate-scenario=query"]).load_scenario()
    found = parsed(
        ["--vecgate-scenario=query", "--vecgate-set=vectors.dimension=16", "--vecgate-thresholds=errors < 5%"]
    ).load_scenario()
    assert found.vectors.dimension == 16
    assert found.thresholds == (*plain.thresholds, ThresholdSpec(expression="errors < 5%"))
    assert len(plain.thresholds) >= 1


def test_an_invalid_scenario_is_rejected() -> None:
    """With the problem."""
    with pytest.raises(ConfigError, match="dimension"):
        parsed(["--vecgate-set=vectors.dimension=0"]).load_scenario()
