"""Settings are checked when they are created, all together."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.bulk.config import PRESETS, BulkConfig
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.errors import ConfigError


def config(name: str, value: Any) -> BulkConfig:
    settings: dict[str, Any] = {name: value}
    return BulkConfig(**settings)


def test_the_defaults_are_the_documented_limits() -> None:
    """The client is as fast as the documentation of the service allows."""
    config = BulkConfig()
    assert (config.batch_vectors, config.payload_bytes_max) == (500, 20_971_520)
    assert (config.vectors_per_s, config.requests_per_s) == (2_500, 1_000)
    assert (config.in_flight, config.progress_every) == (5, 1_000)
    assert (config.retry_for_s, str(config.rejects_max)) == (600, "10 %")


def test_the_steady_preset_shares_an_index() -> None:
    """Batches of 100, 1,000 vectors/s, 5 in flight, 100 ms apart, 3 attempts, progress every 1,000."""
    steady = PRESETS["steady"]
    assert (steady.batch_vectors, steady.vectors_per_s, steady.in_flight) == (100, 1_000, 5)
    assert (1 / steady.requests_per_s, steady.retry.attempts_max, steady.progress_every) == (0.1, 3, 1_000)


def test_the_stream_preset_sends_one_by_one() -> None:
    """1,000 writes per second, one vector each."""
    stream = PRESETS["stream"]
    assert (stream.batch_vectors, stream.vectors_per_s, stream.requests_per_s) == (1, 1_000, 1_000)
    assert PRESETS["full"] == BulkConfig()
    assert PRESETS.keys() == {"full", "steady", "stream"}


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("batch_vectors", 1, 500),
        ("payload_bytes_max", 1, 20_971_520),
        ("in_flight", 1, 256),
        ("progress_every", 1, 10**9),
        ("retry_for_s", 0, 86_400),
    ],
)
def test_bounds_are_inclusive(name: str, low: int, high: int) -> None:
    """The message has the setting, its value, and the allowed values."""
    for value in (low, high):
        assert getattr(config(name, value), name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ConfigError) as caught:
            config(name, value)
        assert str(caught.value) == f"{name} is {value:,}, allowed is {low:,} to {high:,}"


@pytest.mark.parametrize(
    ("setting", "good", "bad"),
    [
        ("attempts_max", [1, 1_000], [0, 1_001]),
        ("deadline_s", [0.0, 86_400.0], [-0.5, 86_401.0, float("nan")]),
        ("base_s", [0.0, 3_600.0], [-0.1, 3_601.0, float("nan")]),
        ("cap_s", [0.0, 3_600.0], [-0.1, 3_601.0, float("nan")]),
    ],
)
def test_a_retry_policy_has_bounds_too(setting: str, good: list[Any], bad: list[Any]) -> None:
    """Neither endless retries nor a negative wait are allowed."""
    for value in good:
        assert getattr(BulkConfig(retry=RetryPolicy(**{setting: value})).retry, setting) == value
    for value in bad:
        with pytest.raises(ConfigError, match=f"retry.{setting} is"):
            BulkConfig(retry=RetryPolicy(**{setting: value}))


@pytest.mark.parametrize("name", ["vectors_per_s", "requests_per_s"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_rate_is_a_number_above_0(name: str, value: float) -> None:
    """Neither zero nor infinity is allowed."""
    with pytest.raises(ConfigError) as caught:
        config(name, value)
    assert str(caught.value) == f"{name} is {value}, allowed is a number above 0"
    assert getattr(config(name, 0.001), name) == 0.001


def test_every_problem_is_named_at_once() -> None:
    """A user can correct all settings together."""
    with pytest.raises(ConfigError) as caught:
        BulkConfig(batch_vectors=501, in_flight=0, vectors_per_s=0)
    assert str(caught.value).count("; ") == 2
    for name in ("batch_vectors", "in_flight", "vectors_per_s"):
        assert f"{name} is" in str(caught.value)
