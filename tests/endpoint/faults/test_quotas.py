from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from serving import Server

from vecgate.endpoint.faults import quotas
from vecgate.endpoint.faults.quotas import PRESETS, QuotaLimiter, Quotas, Rate, TokenBucket, read_quotas
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.errors import ConfigError

OPERATIONS = st.sampled_from(["PutVectors", "DeleteVectors", "GetVectors", "QueryVectors", "ListVectors"])
RATES = st.builds(Rate, st.floats(0.5, 1000), st.integers(500, 3000).map(float))
QUOTAS = st.builds(Quotas, st.none() | RATES, st.none() | RATES, st.none() | RATES)


@st.composite
def request_streams(draw: st.DrawFn) -> list[tuple[float, str, int]]:
    """Times, operations and numbers of vectors, in the order of time."""
    gaps = draw(st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.01, 0.1, 1.0, 30.0]), max_size=60))
    now, stream = 1_800_000_000.0, []
    for gap in gaps:
        now += gap
        stream.append((now, draw(OPERATIONS), draw(st.integers(1, 500))))
    return stream


def cost_of(operation: str, vectors: int) -> dict[str, int]:
    """Return the cost of a request as documented."""
    if operation in {"PutVectors", "DeleteVectors"}:
        return {"write_requests": 1, "write_vectors": vectors}
    return {"read_requests": 1}


@given(QUOTAS, request_streams())
def test_no_window_exceeds_rate_and_burst(limits: Quotas, stream: list[tuple[float, str, int]]) -> None:
    """Over every window, for every quota."""
    limiter = QuotaLimiter(limits)
    allowed = [each for each in stream if not limiter.charge("index", each[1], each[2], now=each[0])]
    for quota in ("write_requests", "write_vectors", "read_requests"):
        rate: Rate | None = getattr(limits, quota)
        if rate is None:
            continue
        charges = [(now, cost_of(operation, count).get(quota, 0)) for now, operation, count in allowed]
        for start in range(len(charges)):
            total = 0.0
            for at_s, units in charges[start:]:
                total += units
                # Epoch seconds have a resolution of a quarter of a microsecond.
                assert total <= rate.burst + rate.per_s * (at_s - charges[start][0] + 1e-5)


@given(QUOTAS, request_streams())
def test_a_request_is_refused_only_if_a_quota_is_exhausted(
    limits: Quotas, stream: list[tuple[float, str, int]]
) -> None:
    """A replay with one number for each quota, refilled step by step: a refused request costs nothing."""
    limiter = QuotaLimiter(limits)
    rates: dict[str, Rate] = {
        name: rate
        for name in ("write_requests", "write_vectors", "read_requests")
        if (rate := getattr(limits, name))
    }
    tokens, last = {name: rate.burst for name, rate in rates.items()}, stream[0][0] if stream else 0.0
    for now, operation, vectors in stream:
        tokens = {
            name: min(rates[name].burst, held + (now - last) * rates[name].per_s)
            for name, held in tokens.items()
        }
        last, cost = now, {name: n for name, n in cost_of(operation, vectors).items() if name in rates}
        exhausted = [name for name, units in cost.items() if tokens[name] < units]
        is_borderline = any(abs(tokens[name] - units) < 0.01 for name, units in cost.items())
        refused = limiter.charge("index", operation, vectors, now=now)
        if not is_borderline:
            assert bool(refused) == bool(exhausted)
        if not refused:
            tokens = {name: held - cost.get(name, 0) for name, held in tokens.items()}


def test_every_index_has_its_own_quotas() -> None:
    """An index at its limit does not affect others."""
    limiter = QuotaLimiter(Quotas(write_requests=Rate(1, 1)))
    assert limiter.charge("a", "PutVectors", 1, now=0) == ""
    assert limiter.charge("a", "PutVectors", 1, now=0) == "write_requests"
    assert limiter.charge("b", "PutVectors", 1, now=0) == ""


def test_puts_and_deletes_use_the_same_quotas_and_reads_another() -> None:
    limiter = QuotaLimiter(Quotas(Rate(1, 2), Rate(1, 500), Rate(1, 1)))
    assert limiter.charge("a", "PutVectors", 400, now=0) == ""
    assert limiter.charge("a", "DeleteVectors", 101, now=0) == "write_vectors"
    assert limiter.charge("a", "DeleteVectors", 100, now=0) == ""
    assert limiter.charge("a", "PutVectors", 1, now=0) == "write_requests"
    assert limiter.charge("a", "QueryVectors", 0, now=0) == ""
    assert limiter.charge("a", "GetVectors", 0, now=0) == "read_requests"
    assert limiter.charge("a", "GetIndex", 0, now=0) == ""


def test_a_clock_that_goes_back_refills_nothing() -> None:
    """It removes no tokens either."""
    assert TokenBucket(0.0, 100.0).take(1, Rate(1, 5), now=90.0) is None
    assert TokenBucket(2.0, 100.0).take(1, Rate(1, 5), now=90.0) == TokenBucket(1.0, 100.0)


def test_buckets_of_idle_indexes_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full bucket is the same as a new one, so memory use stays bounded."""
    monkeypatch.setattr(quotas, "BUCKETS_MAX", 10)
    limiter = QuotaLimiter(Quotas(write_requests=Rate(1, 1)))
    for number in range(100):
        limiter.charge(f"index-{number}", "PutVectors", 1, now=float(number))
    assert len(limiter) <= 11
    assert limiter.charge("index-99", "PutVectors", 1, now=99.0) == "write_requests"


def test_the_documented_limits_are_those_of_the_guide() -> None:
    """1,000 requests/s and 2,500 vectors/s."""
    documented = PRESETS["documented"]
    assert documented
    assert documented.write_requests == Rate(1000, 1000)
    assert documented.write_vectors == Rate(2500, 2500)
    assert documented.read_requests is None
    assert PRESETS["off"] is None


@pytest.mark.parametrize(
    ("vectors_per_s", "refused_min", "refused_max"), [(6_026, 0, 0), (9_702, 5, 20), (18_078, 80, 160)]
)
def test_observed_quotas_reproduce_the_observation(
    vectors_per_s: int, refused_min: int, refused_max: int
) -> None:
    """0, 12 and 120 refusals for writers of full batches over 6.4 s."""
    observed = PRESETS["observed"]
    assert observed
    limiter, seconds = QuotaLimiter(observed), 6.4
    count = int(vectors_per_s * seconds / 500)
    times = [number * seconds / count for number in range(count)]
    refused = [now for now in times if limiter.charge("index", "PutVectors", 500, now=now)]
    assert refused_min <= len(refused) <= refused_max


def test_a_file_sets_each_quota(tmp_path: Path) -> None:
    """Quotas that it does not name are unlimited."""
    path = tmp_path / "quotas.toml"
    path.write_text("[write_vectors]\nper_s = 100\nburst = 500\n[read_requests]\nper_s = 300\nburst = 600\n")
    assert read_quotas(path) == Quotas(None, Rate(100, 500), Rate(300, 600))


def test_all_problems_of_a_file_are_reported_together(tmp_path: Path) -> None:
    """A burst that no full batch could pass is one of them."""
    path = tmp_path / "quotas.toml"
    path.write_text(
        "[write_vectors]\nper_s = 100\nburst = 499\n[read_requests]\nper_s = 0\n[writes]\nper_s = 1\n"
    )
    with pytest.raises(ConfigError) as refused:
        read_quotas(path)
    for words in (
        "write_vectors.burst is 499, allowed is at least 500",
        "read_requests.burst is missing, allowed is a number above 0",
        "read_requests.per_s is 0, allowed is a number above 0",
        "writes is not a known key",
    ):
        assert words in str(refused.value)


def test_an_exceeded_quota_is_a_429_and_applies_nothing() -> None:
    """TooManyRequestsException, before the vectors are written; other operations are not affected."""
    index = {"vectorBucketName": "bucket", "indexName": "index"}
    limits = Quotas(Rate(0.001, 2), Rate(0.001, 500))
    with Server(GatewaySettings(quotas=limits)) as server, server.client() as client:
        client.create_vector_bucket(vectorBucketName="bucket")
        client.create_index(**index, dataType="float32", dimension=2, distanceMetric="cosine")
        vectors = [{"key": f"k{number}", "data": {"float32": [0.0, 1.0]}} for number in range(300)]
        client.put_vectors(**index, vectors=vectors)
        with pytest.raises(client.exceptions.TooManyRequestsException) as refused:
            client.put_vectors(**index, vectors=[{**each, "key": f"x{each['key']}"} for each in vectors])
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        client.delete_vectors(**index, keys=["k0"])
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            client.delete_vectors(**index, keys=["k1"])
        assert len(client.list_vectors(**index)["vectors"]) == 299
        assert server.metrics.throttled == {"write_vectors": 1, "write_requests": 1}
        with pytest.raises(client.exceptions.NotFoundException):
            client.delete_vectors(vectorBucketName="bucket", indexName="other", keys=["k1"])
