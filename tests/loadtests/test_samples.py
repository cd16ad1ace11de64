"""`make samples`: each word of it is known, and what could not be judged is not kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_lines import problems_of
from load_streams import cut_off, load_stream, scale_stream, written
from loadtests.samples import transcripts
from loadtests.samples.published import REPORTS, Sample, samples
from loadtests.samples.samples import ROOT, Failed, check, chosen, keep, main, make

SAMPLES = list(samples())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_sample_can_be_asked_for(sample: Sample) -> None:
    """Its options exist, also when it is made small; of a transcript, there is one of that name."""
    module, *words = sample.program
    if module == "vecgate":
        for is_tiny in (False, True):
            command = " ".join(sample.command(Path("a.jsonl"), is_tiny=is_tiny)[2:])
            assert list(problems_of(command)) == []
    elif module == "loadtests.samples.transcripts":
        assert words[0] in transcripts.MADE


def test_all_that_is_to_be_published_is() -> None:
    """By its name, and everything in a file of its own."""
    published = {path.name for sample in SAMPLES if (path := sample.copy or sample.file).parent == REPORTS}
    names = ("conformance-local", "conformance-moto", "ramp-1000", "stream-1000", "quota-2500", "scale")
    assert published == {f"{name}.jsonl" for name in (*names, "capacity", "micro", "peers")}
    assert len({sample.file for sample in SAMPLES}) == len(SAMPLES)


def test_every_sample_is_explained() -> None:
    """Beside it."""
    page = (ROOT / REPORTS / "README.md").read_text(encoding="utf-8")
    published = [
        sample for sample in SAMPLES if REPORTS in {sample.file.parent, (sample.copy or Path()).parent}
    ]
    assert [sample.name for sample in published if f"`{sample.name}`" not in page] == []


def test_samples_are_chosen_by_name() -> None:
    """In their own order; small ones are those that can be."""
    assert [each.name for each in chosen("scale, ramp-1000", is_tiny=False)] == ["ramp-1000", "scale"]
    assert chosen("pages", is_tiny=False) == []
    assert chosen("", is_tiny=False) == SAMPLES
    assert "peers" not in [each.name for each in chosen("", is_tiny=True)]
    with pytest.raises(Failed, match="there is no sample ramp-2000; there are conformance-local, "):
        chosen("ramp-2000", is_tiny=False)


def test_what_was_not_judged_is_no_sample(tmp_path: Path) -> None:
    """Unless that is what it shows; a text is what it is."""
    good = written(tmp_path / "good.jsonl", scale_stream())
    cut = written(tmp_path / "cut.jsonl", cut_off(load_stream(20), 5))
    sample = Sample("x", (), Path("x.jsonl"))
    check(sample, good)
    with pytest.raises(Failed, match="x was NOT JUDGED: the run did not come to its end"):
        check(sample, cut)
    with pytest.raises(Failed, match="cannot be read"):
        check(sample, tmp_path / "none.jsonl")
    check(Sample("x", (), Path("x.jsonl"), is_judged=False), cut)
    check(sample, tmp_path / "none.txt")


def test_a_program_that_does_not_do_its_work_ends_it_all(tmp_path: Path) -> None:
    """And nothing is kept."""
    sample = Sample("x", ("vecgate", "ramp", "no-such-scenario"), Path("x.jsonl"))
    with pytest.raises(Failed, match="x left with 2"):
        make(sample, tmp_path, is_tiny=False)
    assert list(tmp_path.iterdir()) == []


def test_a_sample_is_kept_where_it_belongs(tmp_path: Path) -> None:
    """Also where it is there already."""
    made = tmp_path / "made.txt"
    made.write_text("new")
    keep(made, tmp_path / "deep" / "kept.txt")
    keep(made, made)
    assert ((tmp_path / "deep" / "kept.txt").read_text(), made.read_text()) == ("new", "new")


def test_small_samples_are_made_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run, its page, and the list; what is told ends with the verdict."""
    assert main(["--tiny", "--only", "scale", "--root", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "1 of 1  scale: vecgate scale --target local"
    assert told[1].startswith("    SCALE  send ")
    assert told[-1].startswith("PASS  1 samples in ")
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [
        "index.html",
        "scale.html",
        "scale.jsonl",
    ]


def test_what_is_asked_wrongly_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A small run is no sample of the project."""
    assert main(["--only", "all", "--root", str(tmp_path)]) == 4
    assert capsys.readouterr().out.startswith("NOT MADE  there is no sample all; ")
    with pytest.raises(SystemExit):
        main(["--tiny", "--root", str(ROOT)])
    assert "--tiny needs another --root" in capsys.readouterr().err


def test_the_films_have_what_the_page_tells_of(tmp_path: Path) -> None:
    """Four records that are refused."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - for this alone

    transcripts.write_films(tmp_path / "films.parquet")
    table = pq.read_table(tmp_path / "films.parquet")
    assert (table.num_rows, table.column_names) == (60_000, ["id", "embedding", "title", "year"])
    assert table["id"][100].as_py() == "tt0000100"
    assert len(table["title"][300].as_py()) > 2_048
    assert set(table["embedding"][200].as_py()) == {0.0}
