"""What the load lab is told on Locust's command line; read here by the parser that Locust uses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import configargparse  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.errors import ConfigError, UsageError, VecgateError
from vecgate.load.lab.settings import OPTIONS, Settings, add_arguments, complain, settings_of
from vecgate.load.runner import Test as LoadTest
from vecgate.load.specs import ThresholdSpec
from vecgate.targets.target import TargetChoice

#: What people write into one; a semicolon would end it.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters=";\0"), min_size=1, max_size=12).map(
    str.strip
)
NAMES = st.from_regex(r"[a-z_]{1,8}(\.[a-z_]{1,8})?", fullmatch=True)


def parsed(words: Sequence[str]) -> Settings:
    parser = configargparse.ArgumentParser()
    add_arguments(parser)
    options, _ = parser.parse_known_args(list(words))
    return settings_of(options)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPTIONS:
        monkeypatch.delenv(f"VECGATE_{name.upper().replace('-', '_')}", raising=False)


def test_without_a_word_a_smoke_test_of_a_local_target_is_run() -> None:
    """Under an id of its own, which is in the name of its results."""
    found = parsed([])
    assert (found.scenario, found.choice, found.bucket_prefix) == ("smoke", TargetChoice("local"), "vg")
    assert (found.overrides, found.thresholds, found.max_usd) == ({}, (), None)
    assert (found.is_aws_allowed, found.has_parent) == (False, False)
    assert re.fullmatch("[0-9a-f]{8}", found.run)
    assert found.results == Path(f"vecgate-{found.run}.jsonl")
    assert parsed([]).run != found.run


def test_every_option_may_be_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Locust's own may."""
    monkeypatch.setenv("VECGATE_TARGET", "http://127.0.0.1:9000")
    monkeypatch.setenv("VECGATE_CA_BUNDLE", "ca.pem")
    monkeypatch.setenv("VECGATE_NO_VERIFY", "yes")
    assert parsed([]).choice == TargetChoice("http://127.0.0.1:9000", ca_bundle="ca.pem", verify=False)


def test_an_option_that_is_not_there_is_as_if_empty() -> None:
    """Locust's web interface hands over what it shows, and no more."""
    found = settings_of(configargparse.Namespace(vecgate_scenario="query", vecgate_region=None))
    assert (found.scenario, found.choice.region, found.max_usd) == ("query", "", None)


@given(
    overrides=st.dictionaries(NAMES, TEXTS, max_size=4),
    thresholds=st.lists(TEXTS.filter(bool), max_size=3),
    max_usd=st.none() | st.floats(0, 1e6),
    verify=st.booleans(),
    is_aws_allowed=st.booleans(),
    processes=st.integers(0, 4),
)
def test_what_a_command_was_told_arrives(
    *,
    overrides: dict[str, str],
    thresholds: list[str],
    max_usd: float | None,
    verify: bool,
    is_aws_allowed: bool,
    processes: int,
) -> None:
    """In the child that runs it, to the letter."""
    choice = TargetChoice("aws", "eu-west-1", "load", "ca.pem", verify=verify)
    test = LoadTest(
        scenario="my load/test.toml",
        choice=choice,
        results=Path("out/a b.jsonl"),
        overrides=overrides,
        thresholds=thresholds,
        processes=processes,
        max_usd=max_usd,
        is_aws_allowed=is_aws_allowed,
        bucket_prefix="team",
    )
    assert parsed(test.command()[3:]) == Settings(
        scenario="my load/test.toml",
        choice=choice,
        overrides=overrides,
        thresholds=tuple(thresholds),
        results=Path("out/a b.jsonl"),
        bucket_prefix="team",
        max_usd=max_usd,
        is_aws_allowed=is_aws_allowed,
        run=test.run,
        has_parent=True,
    )


def test_every_run_of_a_process_has_an_id_and_a_file_of_its_own() -> None:
    """Somebody reads the first, and follows no other."""
    options = configargparse.Namespace(
        vecgate_run="0a1b", vecgate_results="out/run.jsonl", vecgate_parent="1"
    )
    first, second, third = (settings_of(options, number=number) for number in (1, 2, 3))
    assert (first.run, first.results, first.has_parent) == ("0a1b", Path("out/run.jsonl"), True)
    assert (second.results, second.has_parent) == (Path("out/run-2.jsonl"), False)
    assert third.results == Path("out/run-3.jsonl")
    assert len({first.run, second.run, third.run}) == 3


def test_blanks_and_empty_parts_are_nothing() -> None:
    """People write them for the eye."""
    found = parsed(
        ["--vecgate-set= vectors.dimension = 8 ;; name= a=b ;", "--vecgate-thresholds=p(99) < 1s; ;"]
    )
    assert found.overrides == {"vectors.dimension": "8", "name": "a=b"}
    assert found.thresholds == ("p(99) < 1s",)


def test_a_setting_that_sets_nothing_is_refused() -> None:
    """With how to write one."""
    with pytest.raises(UsageError, match="'vectors' sets nothing") as caught:
        parsed(["--vecgate-set=name=a;vectors"])
    assert "NAME=VALUE" in caught.value.hint


@pytest.mark.parametrize(("text", "usd"), [("1.50", 1.5), ("$2", 2.0), ("0", 0.0), ("", None)])
def test_a_cost_is_in_dollars(text: str, usd: float | None) -> None:
    """With their sign or without it."""
    assert parsed([f"--vecgate-max-cost={text}"]).max_usd == usd


def test_a_cost_that_is_no_number_is_refused() -> None:
    """Rather than none at all."""
    with pytest.raises(UsageError, match="'1,50' is no number of US dollars"):
        parsed(["--vecgate-max-cost=1,50"])


def test_the_scenario_has_what_was_set_and_every_threshold() -> None:
    """Its own thresholds first."""
    plain = parsed(["--vecgate-scenario=query"]).loaded()
    found = parsed(
        ["--vecgate-scenario=query", "--vecgate-set=vectors.dimension=16", "--vecgate-thresholds=errors < 5%"]
    ).loaded()
    assert found.vectors.dimension == 16
    assert found.thresholds == (*plain.thresholds, ThresholdSpec(expression="errors < 5%"))
    assert len(plain.thresholds) >= 1


def test_a_scenario_that_is_wrong_is_refused() -> None:
    """With what is wrong."""
    with pytest.raises(ConfigError, match="dimension"):
        parsed(["--vecgate-set=vectors.dimension=0"]).loaded()


def test_complaints_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """With the way out, where there is one."""
    complain(VecgateError("it is broken"))
    complain(VecgateError("it is shut", hint="Open it."))
    assert capsys.readouterr() == ("", "error: it is broken\nerror: it is shut\nhint: Open it.\n")
