"""Every client does the same work, its figures are medians, and lost vectors are reported."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtests.peers.peer_clients import (
    BATCHES,
    CLIENTS,
    SINGLES,
    PeerClient,
    Workload,
    list_entries,
    rotate_entries,
)
from loadtests.peers.peer_records import (
    BEGIN,
    END,
    EndpointCounts,
    Measurement,
    build_failed_record,
    build_record,
    format_table,
    parse_metrics,
    replace_table,
)
from loadtests.peers.programs.job import Job
from loadtests.peers.run_peers import RESULTS, ClientError, find_obstacle, open_testbed
from setup_clients import CLIENTS as ENVIRONMENTS

from vecgate.results.benchmark_records import PeerRun
from vecgate.results.records import Header, Stream
from vecgate.results.result_stream import read_stream

METRICS = """# HELP vecgate_written_vectors_total Vectors put and deleted.
# TYPE vecgate_written_vectors_total counter
vecgate_written_vectors_total{operation="DeleteVectors"} 7
vecgate_written_vectors_total{operation="PutVectors"} 2000
# TYPE vecgate_request_body_bytes_total counter
vecgate_request_body_bytes_total 45654321
vecgate_requests_total{operation="PutVectors",code="OK"} 4
"""
WORKLOAD = Workload(rows=10, dimension=4, per_request=5)
FAST = PeerClient("fast", "boto3_put.py", passes=2)


def job(**changes: int | str) -> Job:
    usual = {"bucket": "b", "index": "i", "rows_file": "", "rows": 3, "dimension": 2, "passes": 2}
    return Job(**{**usual, "per_request": 4, "in_flight": 1, **changes})  # type: ignore[arg-type]


def test_the_counts_of_the_endpoint_are_parsed() -> None:
    """Vectors put, without deletions, and the bytes of all bodies."""
    assert parse_metrics(METRICS) == EndpointCounts(2_000, 45_654_321)
    assert parse_metrics("vecgate_request_body_bytes_total 0\n") == EndpointCounts(0, 0)
    assert EndpointCounts(7, 90).since(EndpointCounts(2, 20)) == EndpointCounts(5, 70)


def test_figures_are_medians() -> None:
    """Of each figure separately: 20 vectors in 2 s and 1 s of CPU time."""
    measurements = [
        Measurement("1.0", wall, cpu, peak) for wall, cpu, peak in ((9, 1, 50), (2, 0.5, 70), (1, 4, 60))
    ]
    counts = [EndpointCounts(20, 2_000), EndpointCounts(20, 2_400), EndpointCounts(20, 2_040)]
    assert build_record(FAST, WORKLOAD, measurements, counts) == PeerRun(
        client="fast",
        version="1.0",
        work="put 5 x 4",
        vectors=20,
        dimension=4,
        vectors_per_s=10,
        cpu_s_per_1000=50,
        bytes_per_vector=102,
        peak_memory_mb=60,
    )


def test_a_client_that_loses_vectors_has_no_figures() -> None:
    """In any round."""
    measurement = Measurement("1.0", 1, 1, 1)
    record = build_record(
        FAST, WORKLOAD, [measurement, measurement], [EndpointCounts(20, 2_000), EndpointCounts(19, 2_000)]
    )
    assert (record.problem, record.vectors_per_s) == ("19 vectors arrived, 20 were sent", 0)


def test_the_table_has_the_baseline_first() -> None:
    """Then the clients by CPU time, and last those without figures."""
    header = Header(
        kind="peers",
        run="1a2b",
        started_at="2026-11-24T12:00:00.000+00:00",
        target="local",
        versions={"python": "3.11.7"},
        environment={"cores": "2", "processor": "AMD EPYC"},
        options={"rounds": "5"},
    )
    runs = [
        PeerRun(
            client="fast", version="2", work="put 5 x 4", vectors=20, vectors_per_s=9_000, cpu_s_per_1000=0.05
        ),
        build_failed_record(PeerClient("absent", "absent.py"), WORKLOAD, "there is no node here"),
        PeerRun(client="slow", version="3", work="put 5 x 4", vectors=20, vectors_per_s=10, cpu_s_per_1000=4),
        PeerRun(
            client="boto3",
            version="1",
            work="put 5 x 4",
            vectors=2_000,
            vectors_per_s=450.4,
            cpu_s_per_1000=2,
            bytes_per_vector=22_824,
            peak_memory_mb=175.4,
        ),
    ]
    assert format_table(Stream(header, tuple(runs))) == (
        "2026-11-24, 2 cores of AMD EPYC, Python 3.11.7; medians of 5 rounds.\n\n"
        "**put 5 x 4**\n\n"
        "| client | version | vectors | vectors/s | CPU s / 1,000 | × less CPU | bytes / vector | peak MB |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|\n"
        "| boto3 | 1 | 2,000 | 450 | 2.000 | 1.0 | 22,824 | 175 |\n"
        "| slow | 3 | 20 | 10 | 4.000 | 0.5 | 0 | 0 |\n"
        "| fast | 2 | 20 | 9,000 | 0.050 | 40.0 | 0 | 0 |\n"
        "| absent | | | | | | | there is no node here |\n"
    )


def test_a_new_table_replaces_the_old_one() -> None:
    """Between its marks; nothing else changes."""
    page = f"# Peers\n{BEGIN}old\n{END}after\n"
    new = replace_table(page, "new\n")
    assert new == f"# Peers\n{BEGIN}new\n{END}after\n"
    assert replace_table(new, "new\n") == new


@given(st.integers(0, 50))
def test_every_round_has_all_entries(round_: int) -> None:
    """Three rounds begin with three different ones."""
    assert sorted(map(repr, rotate_entries(round_))) == sorted(map(repr, list_entries()))
    assert len({rotate_entries(round_ + more)[0] for more in range(3)}) == 3


def test_every_client_has_a_program_and_an_environment() -> None:
    """`make clients` creates the environment; document stores are not measured with single vectors."""
    known = {environment.name for environment in ENVIRONMENTS} | {""}
    for client in CLIENTS:
        command = client.command(Path("/home"), "/bin/node", "{}")
        assert Path(command[1]).is_file()
        assert client.environment in known
    names = [client.name for _, client in list_entries()]
    assert names.count("boto3") == 2
    assert names.count("langchain-aws") == 1
    assert (BATCHES.name, SINGLES.name) == ("put 500 x 1,024", "put 1 x 1,024")


def test_a_client_is_started_in_its_environment() -> None:
    """With its Python, or with node."""
    by_name = {client.name: client for client in CLIENTS}
    home = Path("/home")
    assert by_name["langchain-aws"].command(home, "node", "{}")[0] == "/home/langchain/bin/python"
    script = by_name["AWS SDK for JavaScript, 5 in flight"]
    assert script.command(home, "/bin/node", "{}")[::2] == ["/bin/node", "{}"]
    assert by_name["boto3"].command(home, "node", "{}")[2:] == ["{}", "one"]


def test_a_client_without_its_runtime_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a reason."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    by_name = {client.name: client for client in CLIENTS}
    assert find_obstacle(by_name["boto3"]) == ""
    assert find_obstacle(by_name["AWS SDK for JavaScript, 5 in flight"]) == "there is no node here"


@given(rows=st.integers(1, 12), passes=st.integers(1, 3), per_request=st.integers(1, 40))
def test_a_job_sends_each_row_once_per_pass(rows: int, passes: int, per_request: int) -> None:
    """Under distinct keys, in full requests except for the last."""
    whole_job = job(rows=rows, passes=passes, per_request=per_request)
    batches = list(whole_job.batches([[float(number)] for number in range(rows)]))
    sent = [vector for batch in batches for vector in batch]
    assert len({vector["key"] for vector in sent}) == rows * passes == len(sent)
    assert [vector["data"]["float32"][0] for vector in sent] == [*range(rows)] * passes
    assert all(len(batch) == per_request for batch in batches[:-1])
    assert 0 < len(batches[-1]) <= per_request


def test_rows_are_read_as_written(tmp_path: Path) -> None:
    """Bit by bit."""
    path = tmp_path / "rows.f32"
    path.write_bytes(array("f", [0.1, 0.2, 0.3, 0.4]).tobytes())
    rows = job(rows_file=str(path)).read_rows()
    assert [len(row) for row in rows] == [2, 2]
    assert array("f", rows[1]) == array("f", [0.3, 0.4])


def test_a_client_does_the_work(tmp_path: Path) -> None:
    """End to end, in its own process, against an endpoint that checks signatures."""
    installed = [client for client in CLIENTS if not client.environment]
    with open_testbed() as testbed:
        for client in installed:
            measurement, counts = testbed.run(client, WORKLOAD)
            assert counts.vectors == WORKLOAD.rows * client.passes
            assert counts.body_bytes > 0
            assert measurement.wall_s > 0 < measurement.cpu_s
            assert measurement.peak_memory_mb > 10
        assert testbed.client.list_indexes(vectorBucketName="peers")["indexes"] == []


def test_a_failed_client_reports_its_error() -> None:
    """The last line of stderr."""
    with (
        open_testbed() as testbed,
        pytest.raises(ClientError, match="No such file"),
    ):
        testbed.run(PeerClient("absent", "absent.py"), WORKLOAD)


def test_the_result_is_a_stream_of_peers() -> None:
    """Complete, with every client and workload."""
    stream = read_stream(RESULTS)
    assert (stream.header.kind, stream.problems) == ("peers", ())
    named = {(run.work, run.client) for run in stream.of(PeerRun)}
    assert named == {(workload.name, client.name) for workload, client in list_entries()}
