"""Every client does the same work, its figures are medians, and what did not arrive has none."""

from __future__ import annotations

import json
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtests.peers.contenders import BATCHES, CONTENDERS, SINGLES, Contender, Work, entries, rotated
from loadtests.peers.figures import (
    BEGIN,
    END,
    Sample,
    Seen,
    problem,
    put_into,
    record_of,
    seen_in,
    table,
)
from loadtests.peers.peers import README, RESULTS, Failed, arena, missing
from loadtests.peers.programs.job import Job
from setup_clients import CLIENTS

from vecgate.results.benchmarks import PeerRun
from vecgate.results.records import Header, Stream
from vecgate.results.stream import read_stream

METRICS = """# HELP vecgate_written_vectors_total Vectors put and deleted.
# TYPE vecgate_written_vectors_total counter
vecgate_written_vectors_total{operation="DeleteVectors"} 7
vecgate_written_vectors_total{operation="PutVectors"} 2000
# TYPE vecgate_request_body_bytes_total counter
vecgate_request_body_bytes_total 45654321
vecgate_requests_total{operation="PutVectors",code="OK"} 4
"""
WORK = Work(rows=10, dimension=4, per_request=5)
QUICK = Contender("quick", "boto3_put.py", passes=2)


def job(**changes: int | str) -> Job:
    usual = {"bucket": "b", "index": "i", "rows_file": "", "rows": 3, "dimension": 2, "passes": 2}
    return Job(**{**usual, "per_request": 4, "in_flight": 1, **changes})  # type: ignore[arg-type]


def test_what_the_endpoint_counted_is_read() -> None:
    """Vectors put, not deleted, and the bytes of all bodies."""
    assert seen_in(METRICS) == Seen(2_000, 45_654_321)
    assert seen_in("vecgate_request_body_bytes_total 0\n") == Seen(0, 0)
    assert Seen(7, 90).since(Seen(2, 20)) == Seen(5, 70)


def test_figures_are_medians() -> None:
    """Of each on its own: 20 vectors in 2 s and 1 s of CPU."""
    samples = [Sample("1.0", wall, cpu, peak) for wall, cpu, peak in ((9, 1, 50), (2, 0.5, 70), (1, 4, 60))]
    seen = [Seen(20, 2_000), Seen(20, 2_400), Seen(20, 2_040)]
    assert record_of(QUICK, WORK, samples, seen) == PeerRun(
        client="quick",
        version="1.0",
        work="put 5 x 4",
        vectors=20,
        dimension=4,
        vectors_per_s=10,
        cpu_s_per_1000=50,
        bytes_per_vector=102,
        peak_memory_mb=60,
    )


def test_a_client_that_lost_vectors_has_no_figures() -> None:
    """In any of the rounds."""
    sample = Sample("1.0", 1, 1, 1)
    record = record_of(QUICK, WORK, [sample, sample], [Seen(20, 2_000), Seen(19, 2_000)])
    assert (record.problem, record.vectors_per_s) == ("19 vectors arrived, 20 were sent", 0)


def test_the_table_has_the_baseline_first() -> None:
    """Then whoever takes most, and last who has no figures."""
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
        problem(Contender("gone", "gone.py"), WORK, "there is no node here"),
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
    assert table(Stream(header, tuple(runs))) == (
        "2026-11-24, 2 cores of AMD EPYC, Python 3.11.7; medians of 5 rounds.\n\n"
        "**put 5 x 4**\n\n"
        "| client | version | vectors | vectors/s | CPU s / 1,000 | × less CPU | bytes / vector | peak MB |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|\n"
        "| boto3 | 1 | 2,000 | 450 | 2.000 | 1.0 | 22,824 | 175 |\n"
        "| slow | 3 | 20 | 10 | 4.000 | 0.5 | 0 | 0 |\n"
        "| fast | 2 | 20 | 9,000 | 0.050 | 40.0 | 0 | 0 |\n"
        "| gone | | | | | | | there is no node here |\n"
    )


def test_a_table_takes_the_place_of_the_one_before() -> None:
    """Between its marks, and nothing else changes."""
    page = f"# Peers\n{BEGIN}old\n{END}after\n"
    new = put_into(page, "new\n")
    assert new == f"# Peers\n{BEGIN}new\n{END}after\n"
    assert put_into(new, "new\n") == new


def test_the_readme_shows_the_last_result() -> None:
    """As it stands in the result stream."""
    page = README.read_text()
    assert put_into(page, table(read_stream(RESULTS))) == page


@given(st.integers(0, 50))
def test_every_round_has_everyone(round_: int) -> None:
    """In turn: three rounds begin with three others."""
    assert sorted(map(repr, rotated(round_))) == sorted(map(repr, entries()))
    assert len({rotated(round_ + more)[0] for more in range(3)}) == 3


def test_everyone_has_a_program_and_an_environment() -> None:
    """That `make clients` makes; one in a request is not for the stores of documents."""
    known = {client.name for client in CLIENTS} | {""}
    for contender in CONTENDERS:
        command = contender.command(Path("/home"), "/bin/node", "{}")
        assert Path(command[1]).is_file()
        assert contender.environment in known
    names = [contender.name for _, contender in entries()]
    assert names.count("boto3") == 2
    assert names.count("langchain-aws") == 1
    assert (BATCHES.name, SINGLES.name) == ("put 500 x 1,024", "put 1 x 1,024")


def test_a_client_is_started_in_its_environment() -> None:
    """Python's own, or node."""
    by_name = {contender.name: contender for contender in CONTENDERS}
    home = Path("/home")
    assert by_name["langchain-aws"].command(home, "node", "{}")[0] == "/home/langchain/bin/python"
    script = by_name["AWS SDK for JavaScript, 5 in flight"]
    assert script.command(home, "/bin/node", "{}")[::2] == ["/bin/node", "{}"]
    assert by_name["boto3"].command(home, "node", "{}")[2:] == ["{}", "one"]


def test_a_client_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is passed over."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    by_name = {contender.name: contender for contender in CONTENDERS}
    assert missing(by_name["boto3"]) == ""
    assert missing(by_name["AWS SDK for JavaScript, 5 in flight"]) == "there is no node here"


@given(rows=st.integers(1, 12), passes=st.integers(1, 3), per_request=st.integers(1, 40))
def test_a_job_sends_each_row_once_a_pass(rows: int, passes: int, per_request: int) -> None:
    """Under keys that are all different, in full requests but for the last."""
    asked = job(rows=rows, passes=passes, per_request=per_request)
    batches = list(asked.batches([[float(number)] for number in range(rows)]))
    sent = [vector for batch in batches for vector in batch]
    assert len({vector["key"] for vector in sent}) == rows * passes == len(sent)
    assert [vector["data"]["float32"][0] for vector in sent] == [*range(rows)] * passes
    assert all(len(batch) == per_request for batch in batches[:-1])
    assert 0 < len(batches[-1]) <= per_request


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    """To the bit of a float32."""
    path = tmp_path / "rows.f32"
    path.write_bytes(array("f", [0.1, 0.2, 0.3, 0.4]).tobytes())
    rows = job(rows_file=str(path)).values()
    assert [len(row) for row in rows] == [2, 2]
    assert array("f", rows[1]) == array("f", [0.3, 0.4])


def test_a_client_does_the_work(tmp_path: Path) -> None:
    """From end to end, in its own process, against an endpoint that checks signatures."""
    ours = [each for each in CONTENDERS if not each.environment]
    with arena() as place:
        for contender in ours:
            sample, seen = place.run(contender, WORK)
            assert seen.vectors == WORK.rows * contender.passes
            assert seen.bytes_in > 0
            assert sample.wall_s > 0 < sample.cpu_s
            assert sample.peak_memory_mb > 10
        assert place.client.list_indexes(vectorBucketName="peers")["indexes"] == []


def test_a_client_that_fails_tells_why() -> None:
    """In a line."""
    with (
        arena() as place,
        pytest.raises(Failed, match="No such file"),
    ):
        place.run(Contender("gone", "gone.py"), WORK)


def test_the_result_is_a_stream_of_peers() -> None:
    """Which reports read."""
    stream = read_stream(RESULTS)
    assert (stream.header.kind, stream.problems) == ("peers", ())
    named = {(run.work, run.client) for run in stream.of(PeerRun)}
    assert named == {(work.name, contender.name) for work, contender in entries()}
    assert json.loads(RESULTS.read_text().splitlines()[0])["record"] == "header"
