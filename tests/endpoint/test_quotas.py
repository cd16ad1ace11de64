from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from serving import Server

from vecgate.endpoint import quotas
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.quotas import PRESETS, Lane, QuotaLedger, Quotas, Rate, read_quotas
from vecgate.errors import ConfigError

OPERATIONS = st.sampled_from(["PutVectors", "DeleteVectors", "GetVectors", "QueryVectors", "ListVectors"])
RATES = st.builds(Rate, st.floats(0.5, 1000), st.integers(500, 3000).map(float))
QUOTAS = st.builds(Quotas, st.none() | RATES, st.none() | RATES, st.none() | RATES)


@st.composite
def request_streams(draw: st.DrawFn) -> list[tuple[float, str, int]]:
    """When, what, how many vectors, in the order of time."""
    gaps = draw(st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.01, 0.1, 1.0, 30.0]), max_size=60))
    now, stream = 1_800_000_000.0, []
    for gap in gaps:
        now += gap
        stream.append((now, draw(OPERATIONS), draw(st.integers(1, 500))))
    return stream


def charge(operation: str, vectors: int) -> dict[str, int]:
    """What a request costs, in words of the documentation."""
    if operation in {"PutVectors", "DeleteVectors"}:
        return {"write_requests": 1, "write_vectors": vectors}
    return {"read_requests": 1}


@given(QUOTAS, request_streams())
def test_no_window_holds_more_than_rate_and_burst(
    limits: Quotas, stream: list[tuple[float, str, int]]
) -> None:
    """Over every window, in every lane."""
    ledger = QuotaLedger(limits)
    passed = [each for each in stream if not ledger.refused_by("index", each[1], each[2], now=each[0])]
    for lane in ("write_requests", "write_vectors", "read_requests"):
        rate: Rate | None = getattr(limits, lane)
        if rate is None:
            continue
        charges = [(now, charge(what, count).get(lane, 0)) for now, what, count in passed]
        for start in range(len(charges)):
            total = 0.0
            for at_s, units in charges[start:]:
                total += units
                # Epoch seconds have a resolution of a quarter of a microsecond.
                assert total <= rate.burst + rate.per_s * (at_s - charges[start][0] + 1e-5)


@given(QUOTAS, request_streams())
def test_a_request_is_refused_only_where_a_lane_is_short(
    limits: Quotas, stream: list[tuple[float, str, int]]
) -> None:
    """Replayed with one number a lane, refilled by hand: what is refused costs nothing."""
    ledger = QuotaLedger(limits)
    rates: dict[str, Rate] = {
        name: rate
        for name in ("write_requests", "write_vectors", "read_requests")
        if (rate := getattr(limits, name))
    }
    left, last = {name: rate.burst for name, rate in rates.items()}, stream[0][0] if stream else 0.0
    for now, operation, vectors in stream:
        left = {name: min(rates[name].burst, left[name] + (now - last) * rates[name].per_s) for name in left}
        last, asked = now, {name: n for name, n in charge(operation, vectors).items() if name in rates}
        short = [name for name, units in asked.items() if left[name] < units]
        close = any(abs(left[name] - units) < 0.01 for name, units in asked.items())
        refused = ledger.refused_by("index", operation, vectors, now=now)
        if not close:
            assert bool(refused) == bool(short)
        if not refused:
            left = {name: tokens - asked.get(name, 0) for name, tokens in left.items()}


def test_every_index_has_lanes_of_its_own() -> None:
    """One at its limit leaves the others alone."""
    ledger = QuotaLedger(Quotas(write_requests=Rate(1, 1)))
    assert ledger.refused_by("a", "PutVectors", 1, now=0) == ""
    assert ledger.refused_by("a", "PutVectors", 1, now=0) == "write_requests"
    assert ledger.refused_by("b", "PutVectors", 1, now=0) == ""


def test_put_and_delete_share_their_lanes_and_reads_have_their_own() -> None:
    """Put and Delete are counted together."""
    ledger = QuotaLedger(Quotas(Rate(1, 2), Rate(1, 500), Rate(1, 1)))
    assert ledger.refused_by("a", "PutVectors", 400, now=0) == ""
    assert ledger.refused_by("a", "DeleteVectors", 101, now=0) == "write_vectors"
    assert ledger.refused_by("a", "DeleteVectors", 100, now=0) == ""
    assert ledger.refused_by("a", "PutVectors", 1, now=0) == "write_requests"
    assert ledger.refused_by("a", "QueryVectors", 0, now=0) == ""
    assert ledger.refused_by("a", "GetVectors", 0, now=0) == "read_requests"
    assert ledger.refused_by("a", "GetIndex", 0, now=0) == ""


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """Nor does it take anything."""
    lane = Lane(0.0, 100.0)
    assert lane.after(1, Rate(1, 5), now=90.0) is None
    assert Lane(2.0, 100.0).after(1, Rate(1, 5), now=90.0) == Lane(1.0, 100.0)


def test_idle_indexes_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full lane is as good as a new one, so the ledger does not grow without end."""
    monkeypatch.setattr(quotas, "LANES_MAX", 10)
    ledger = QuotaLedger(Quotas(write_requests=Rate(1, 1)))
    for number in range(100):
        ledger.refused_by(f"index-{number}", "PutVectors", 1, now=float(number))
    assert len(ledger) <= 11
    assert ledger.refused_by("index-99", "PutVectors", 1, now=99.0) == "write_requests"


def test_the_documented_limits_are_those_of_the_guide() -> None:
    """1,000 requests/s and 2,500 vectors/s."""
    documented = PRESETS["documented"]
    assert documented
    assert documented.write_requests == Rate(1000, 1000)
    assert documented.write_vectors == Rate(2500, 2500)
    assert documented.read_requests is None
    assert PRESETS["off"] is None


@pytest.mark.parametrize(
    ("vectors_per_s", "least", "most"), [(6_026, 0, 0), (9_702, 5, 20), (18_078, 80, 160)]
)
def test_observed_quotas_give_what_was_observed(vectors_per_s: int, least: int, most: int) -> None:
    """0, 12 and 120 refusals, for writers of full batches over 6.4 s."""
    observed = PRESETS["observed"]
    assert observed
    ledger, seconds = QuotaLedger(observed), 6.4
    count = int(vectors_per_s * seconds / 500)
    moments = [number * seconds / count for number in range(count)]
    refused = [now for now in moments if ledger.refused_by("index", "PutVectors", 500, now=now)]
    assert least <= len(refused) <= most


def test_a_file_sets_each_lane(tmp_path: Path) -> None:
    """Lanes that it does not name are open."""
    path = tmp_path / "quotas.toml"
    path.write_text("[write_vectors]\nper_s = 100\nburst = 500\n[read_requests]\nper_s = 300\nburst = 600\n")
    assert read_quotas(path) == Quotas(None, Rate(100, 500), Rate(300, 600))


def test_all_errors_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    """Also a burst that no full batch could pass."""
    path = tmp_path / "quotas.toml"
    path.write_text(
        "[write_vectors]\nper_s = 100\nburst = 499\n[read_requests]\nper_s = 0\n[writes]\nper_s = 1\n"
    )
    with pytest.raises(ConfigError) as refused:
        read_quotas(path)
    for words in (
        "write_vectors: burst is 499, less than one request may need: 500",
        "read_requests: burst is missing",
        "read_requests: per_s: Expected `float` > 0",
        "unknown lane [writes]; there are write_requests, write_vectors, read_requests",
    ):
        assert words in str(refused.value)


def test_a_quota_is_a_429_and_nothing_is_applied() -> None:
    """TooManyRequestsException, before the vectors are written; other operations are untouched."""
    index = {"vectorBucketName": "bucket", "indexName": "index"}
    limits = Quotas(Rate(0.001, 2), Rate(0.001, 500))
    with Server(DoorSettings(quotas=limits)) as server, server.client() as client:
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
