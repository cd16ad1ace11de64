"""Result streams that were damaged or forged are refused in one line, or shown; never a failure of vecgate.

Every mutation starts from a stream that the repository publishes.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from commands import Result, Vecgate
from stream_mutations import mutate_stream

from vecgate.conformance_kit.aws_evidence.evidence_file import read_evidence
from vecgate.errors import SourceError
from vecgate.results import result_stream
from vecgate.results.result_stream import parse_conformance_run, read_conformance_run, read_stream

ROOT = Path(__file__).parents[2]
STREAMS = tuple(
    ROOT / name
    for name in (
        *(
            "reports/stream-1000.jsonl",
            "reports/capacity.jsonl",
            "reports/scale.jsonl",
            "reports/peers.jsonl",
        ),
        *("reports/micro.jsonl", "reports/conformance-moto.jsonl", "reports/quota-2500.jsonl"),
        *("docs/runs/writes.jsonl", "docs/runs/bench.jsonl", "docs/runs/abort.jsonl"),
    )
)


def assert_clear(result: Result) -> None:
    """The command worked, or refused the file in one line."""
    assert "itself failed" not in result.err
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    if result.code == 2:
        assert len(errors) == 1
        return
    assert not errors
    # 4 is also the code of an inconclusive run.
    assert result.code in {0, 1, 3} or "INCONCLUSIVE" in result.out, result
    assert "\x1b]0;" not in result.out + result.err
    assert "\u202e" not in result.out + result.err


def check_case(number: int, vecgate: Vecgate) -> None:
    rng, source = Random(number), STREAMS[number % len(STREAMS)]  # noqa: S311 - nothing is secret
    file = Path("run.jsonl")
    file.write_bytes(mutate_stream(source.read_bytes().splitlines(), rng))
    commands: list[tuple[str | Path, ...]] = [
        ("report", file),
        ("report", "--compare", source, file, "-o", "comparison.html"),
        ("compare", file, source),
        ("compare", source, file, "--json"),
        ("report", file, source, "--matrix", "-o", "matrix.html"),
    ]
    # All of them would take long for each case.
    for command in rng.sample(commands[:4], 2):
        assert_clear(vecgate(*command))
    if "conformance" in source.name:
        assert_clear(vecgate(*commands[4]))
    for page in (Path("report.html"), Path("comparison.html"), Path("matrix.html")):
        if page.exists():
            assert "</script>\n::error::" not in page.read_text()
            page.unlink()
    for read in (read_conformance_run, read_evidence):
        try:
            read(file)
        except SourceError as error:
            assert "\n" not in str(error)  # noqa: PT017 - most are refused, and some may not be


def test_a_mutated_stream_is_refused_or_shown(vecgate: Vecgate) -> None:
    """One of each kind of stream."""
    for number in range(10):
        check_case(number, vecgate)


@pytest.mark.nightly
@pytest.mark.parametrize("start", range(1_000, 3_000, 100))
def test_many_mutated_streams_are_refused_or_shown(start: int, vecgate: Vecgate) -> None:
    """The same for many more."""
    for number in range(start, start + 100):
        check_case(number, vecgate)


NO_STREAMS = (
    b"",
    b"\n\n\n",
    b"\x00" * 1_000,
    b'{"record":"header"',
    b"[" * 100_000,
    b'{"record":' * 100_000,
    b'"' + b"x" * 1_000_000 + b'"\n',
    "\ufeff{}".encode("utf-16"),
    b'{"record":"header","schema":1e400}\n',
    b'{"record":"header","schema":' + b"9" * 5_000 + b"}\n",
    b'{"record":"footer"}\n' * 10,
)


@pytest.mark.parametrize(
    "command",
    [
        ("report", "F"),
        ("report", "--compare", "F", "F"),
        ("compare", "F", "F"),
        ("conform", "--target", "http://127.0.0.1:9", "--baseline", "F"),
        ("conform", "--target", "http://127.0.0.1:9", "--rerun-failed", "F"),
        ("evidence", "check", "F"),
        ("evidence", "merge", "F"),
    ],
    ids=lambda words: "".join(word for word in words if word[0] != "F" and "/" not in word),
)
def test_what_is_no_stream_is_refused_by_every_command(command: tuple[str, ...], vecgate: Vecgate) -> None:
    """With exit code 2, before a server or the suite is asked."""
    for content in NO_STREAMS:
        Path("F").write_bytes(content)
        result = vecgate(*command)
        assert result.code == 2, result
        (line,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
        assert "F" in line
        assert len(line) < 1_000


def test_a_run_that_did_not_end_does_not_say_all_that_failed(vecgate: Vecgate) -> None:
    """To run its failures again could pass, although more had failed."""
    known = (ROOT / "reports/conformance-moto.jsonl").read_bytes()
    failed = known.replace(b'"outcome":"deviation"', b'"outcome":"failed"')
    assert failed != known
    lines = failed.splitlines(keepends=True)
    Path("cut.jsonl").write_bytes(b"".join(line for line in lines if b'"record":"footer"' not in line))
    result = vecgate("conform", "--target", "http://127.0.0.1:9", "--rerun-failed", "cut.jsonl")
    assert result.code == 2
    assert "cut.jsonl is a run that did not end, so it shows only a part of what failed" in result.err
    Path("good.jsonl").write_bytes(known)
    result = vecgate("conform", "--target", "http://127.0.0.1:9", "--rerun-failed", "good.jsonl")
    assert (result.code, "nothing failed in good.jsonl" in result.err) == (2, True)


def test_a_file_and_a_line_have_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a device without an end nor a line of 100 MB fills the memory."""
    content = (ROOT / "docs/runs/abort.jsonl").read_bytes()
    limit = max(map(len, content.splitlines()))
    monkeypatch.setattr(result_stream, "LINE_BYTES_MAX", limit)
    long = b'{"record":"x"' + b" " * limit + b"}\n"
    stream = result_stream.parse_stream(content + long, "run")
    assert any(f"bytes, and at most {limit:,} are read" in problem for problem in stream.problems)
    with pytest.raises(SourceError, match=f"at most {limit:,} are read"):
        parse_conformance_run(long, "run")
    monkeypatch.setattr(result_stream, "FILE_BYTES_MAX", 10)
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)
    for read in (read_stream, read_conformance_run, read_evidence):
        with pytest.raises(SourceError, match=r"run.jsonl has more than 10 bytes"):
            read(path)
    with pytest.raises(SourceError, match="/dev/zero has more than 10 bytes"):
        read_stream("/dev/zero")
