"""The metrics that Prometheus reads while a run goes on, parsed by its own client."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from load_builders import operation, plan, second
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from result_builders import header

from vecgate.cli.runs.load.prometheus_endpoint import PrometheusEndpoint, parse_address
from vecgate.errors import UsageError

WITHIN_S = 10.0


def scrape(url: str, **headers: str) -> list[Sample]:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the test's own
    with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:  # noqa: S310
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        text = answer.read().decode()
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call] # of prometheus_client
    return [sample for family in families for sample in family.samples]


def value(samples: list[Sample], name: str, **labels: str) -> float:
    (found,) = [each for each in samples if each.name == name and labels.items() <= each.labels.items()]
    return float(found.value)


def test_a_scrape_has_the_counts_so_far_and_the_last_seconds() -> None:
    """Counters count from the start; gauges show a stall within ten seconds."""
    with PrometheusEndpoint("0", quiet=True) as endpoint:
        assert scrape(endpoint.url) == []
        endpoint.add(header(kind="load", target='a"b\\c'))
        endpoint.add(plan())
        for at in range(20):
            endpoint.add(second(at, *[0.04] * 10))
        found = scrape(endpoint.url)
        assert value(found, "vecgate_requests_total", operation="PutVectors", code="ok") == 200
        assert value(found, "vecgate_offered_rate") == value(found, "vecgate_achieved_rate") == 100
        assert value(found, "vecgate_backlog") == 0
        for at in range(20, 30):
            failed = operation(2.0, 2.0, errors={"InternalServerException": 1})
            endpoint.add(
                second(
                    at,
                    due=10,
                    due_vectors=100,
                    dropped=1,
                    lost=1,
                    in_flight=7,
                    operations={"PutVectors": failed},
                )
            )
        found = scrape(endpoint.url)
    assert value(found, "vecgate_requests_total", code="ok") == 210
    assert value(found, "vecgate_requests_total", code="InternalServerException") == 10
    assert value(found, "vecgate_due_total", target='a"b\\c') == 300
    assert (value(found, "vecgate_dropped_total"), value(found, "vecgate_lost_total")) == (10, 10)
    assert (value(found, "vecgate_backlog"), value(found, "vecgate_in_flight")) == (60, 7)
    assert (value(found, "vecgate_offered_rate"), value(found, "vecgate_achieved_rate")) == (100, 10)
    assert value(found, "vecgate_recent_response_seconds", quantile="0.99") == pytest.approx(2.0, rel=0.01)
    assert value(found, "vecgate_request_duration_seconds_count") == 220
    assert value(found, "vecgate_request_duration_seconds_bucket", le="0.05") == 200


def test_only_this_machine_reads_the_metrics_by_default() -> None:
    """Nor does a web page whose name resolves to it; nothing else is served."""
    with PrometheusEndpoint("0", quiet=True) as endpoint:
        assert endpoint.url.startswith("http://127.0.0.1:")
        for url, headers, status in (
            (endpoint.url, {"Host": "evil.example"}, 403),
            (endpoint.url.replace("/metrics", "/other"), {}, 404),
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                scrape(url, **headers)
            assert refused.value.code == status
            refused.value.close()
        assert scrape(endpoint.url, Host="localhost:1") == []


def test_a_port_that_is_used_is_refused_before_the_run() -> None:
    """With the way out."""
    with (
        PrometheusEndpoint("0", quiet=True) as endpoint,
        pytest.raises(UsageError, match="cannot be used") as refused,
    ):
        PrometheusEndpoint(endpoint.url.split("/")[2])
    assert "another port" in refused.value.hint


@pytest.mark.parametrize("text", ["", "http", "70000", "1.2.3.4:", "a@b:1", "1/metrics", "-1"])
def test_only_a_port_or_an_address_is_accepted(text: str) -> None:
    """Both forms are in the hint."""
    with pytest.raises(UsageError, match="is not a port"):
        parse_address(text)


def test_an_address_may_be_one_of_the_network() -> None:
    """For a Prometheus on another machine."""
    assert parse_address("9464") == ("127.0.0.1", 9464)
    assert parse_address("0.0.0.0:9464") == ("0.0.0.0", 9464)  # noqa: S104 - nothing listens there


def test_without_a_port_nothing_is_served() -> None:
    """No thread is started."""
    with PrometheusEndpoint("") as endpoint:
        endpoint.add(header(kind="load"))
        assert not endpoint.url
