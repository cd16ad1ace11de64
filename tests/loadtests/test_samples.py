"""`make samples`: every command is valid, and inconclusive runs are not stored."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_lines import find_problems
from loadtests.samples import transcripts
from loadtests.samples.make_samples import (
    ROOT,
    SampleError,
    check_conclusive,
    main,
    make_sample,
    select_samples,
    store,
)
from loadtests.samples.sample_list import REPORTS, Sample, list_samples
from sample_streams import load_stream, scale_stream, truncated, write_stream

SAMPLES = list(list_samples())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_command_is_valid(sample: Sample) -> None:
    """Its options exist, also when it is shortened; a transcript has a function of its name."""
    module, *arguments = sample.program
    if module == "vecgate":
        for is_tiny in (False, True):
            command = " ".join(sample.command(Path("a.jsonl"), is_tiny=is_tiny)[2:])
            assert list(find_problems(command)) == []
    elif module == "loadtests.samples.transcripts":
        assert arguments[0] in transcripts.MAKERS


def test_the_published_samples_are_these() -> None:
    """No two share a file."""
    published = {path.name for sample in SAMPLES if (path := sample.copy or sample.file).parent == REPORTS}
    servers = ("conformance-s3mock", "conformance-local-s3", "servers")
    names = (
        "conformance-local",
        "conformance-moto",
        *servers,
        "ramp-1000",
        "stream-1000",
        "quota-2500",
        "scale",
    )
    assert published == {f"{name}.jsonl" for name in (*names, "capacity", "sweep", "micro", "peers")}
    assert len({sample.file for sample in SAMPLES}) == len(SAMPLES)


def test_every_published_sample_is_explained() -> None:
    """In reports/README.md."""
    page = (ROOT / REPORTS / "README.md").read_text(encoding="utf-8")
    published = [
        sample for sample in SAMPLES if REPORTS in {sample.file.parent, (sample.copy or Path()).parent}
    ]
    assert [sample.name for sample in published if f"`{sample.name}`" not in page] == []


def test_samples_are_selected_by_name() -> None:
    """In their own order; with --tiny, only those that can be shortened."""
    assert [each.name for each in select_samples("scale, ramp-1000", is_tiny=False)] == ["ramp-1000", "scale"]
    assert select_samples("pages", is_tiny=False) == []
    assert select_samples("", is_tiny=False) == SAMPLES
    assert "peers" not in [each.name for each in select_samples("", is_tiny=True)]
    with pytest.raises(SampleError, match="there is no sample ramp-2000; there are conformance-local, "):
        select_samples("ramp-2000", is_tiny=False)


def test_an_inconclusive_run_is_no_sample(tmp_path: Path) -> None:
    """Unless the sample shows one; a text has no verdict."""
    conclusive = write_stream(tmp_path / "conclusive.jsonl", scale_stream())
    inconclusive = write_stream(tmp_path / "inconclusive.jsonl", truncated(load_stream(20), 5))
    sample = Sample("x", (), Path("x.jsonl"))
    check_conclusive(sample, conclusive)
    with pytest.raises(SampleError, match="x was INCONCLUSIVE: "):
        check_conclusive(sample, inconclusive)
    with pytest.raises(SampleError, match="cannot be read"):
        check_conclusive(sample, tmp_path / "none.jsonl")
    check_conclusive(Sample("x", (), Path("x.jsonl"), must_be_conclusive=False), inconclusive)
    check_conclusive(sample, tmp_path / "none.txt")


def test_a_failed_program_ends_everything(tmp_path: Path) -> None:
    """Nothing is stored."""
    sample = Sample("x", ("vecgate", "ramp", "no-such-scenario"), Path("x.jsonl"))
    with pytest.raises(SampleError, match="x ended with exit code 2"):
        make_sample(sample, tmp_path, is_tiny=False)
    assert list(tmp_path.iterdir()) == []


def test_a_sample_is_stored_in_its_place(tmp_path: Path) -> None:
    """Also if it is already there."""
    made = tmp_path / "made.txt"
    made.write_text("new")
    store(made, tmp_path / "deep" / "stored.txt")
    store(made, made)
    assert ((tmp_path / "deep" / "stored.txt").read_text(), made.read_text()) == ("new", "new")


@pytest.mark.serial
def test_a_tiny_sample_is_made_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run, its page, and the index; the last line is the verdict."""
    assert main(["--tiny", "--only", "scale", "--root", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 of 1  scale: vecgate scale --target local"
    assert lines[1].startswith("    SCALE  use ")
    assert lines[-1].startswith("PASS  1 samples in ")
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [
        "index.html",
        "scale.html",
        "scale.jsonl",
    ]


def test_wrong_usage_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A shortened run must not replace a published sample."""
    assert main(["--only", "all", "--root", str(tmp_path)]) == 4
    assert capsys.readouterr().out.startswith("NOT MADE  there is no sample all; ")
    with pytest.raises(SystemExit):
        main(["--tiny", "--root", str(ROOT)])
    assert "--tiny needs another --root" in capsys.readouterr().err


def test_the_films_have_the_records_that_the_page_shows(tmp_path: Path) -> None:
    """Four of them are invalid."""
    transcripts.write_films(tmp_path / "films.parquet")
    table = pq.read_table(tmp_path / "films.parquet")
    assert (table.num_rows, table.column_names) == (60_000, ["id", "embedding", "title", "year"])
    assert table["id"][100].as_py() == "tt0000100"
    assert len(table["title"][300].as_py()) > 2_048
    assert set(table["embedding"][200].as_py()) == {0.0}
