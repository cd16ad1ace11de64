"""Damaged and mistyped files of every format end in one line, and never in fewer records without a word."""

from __future__ import annotations

import random
import shlex
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
from source_forms import FORMS, ROWS, VARIANTS, SourceForm, write_form

from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.errors import VecgateError

FILES = tuple(form for form in (*FORMS, *VARIANTS) if form.file not in {"films", "films.lance"})
#: Their end can be known: lists that close, compressed streams, sizes and footers.
HAS_END = (".parquet", ".arrow", ".npy", ".npz", ".hdf5", ".u8bin", ".i8bin", ".fbin", ".ibin", ".json")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
VECS = (".fvecs", ".ivecs", ".bvecs")


@dataclass(frozen=True)
class Reading:
    """How many records a file gave, and how many it rejected; both None if it was refused in one line."""

    rows: int | None
    rejects: int | None


def read(path: Path, form: SourceForm) -> Reading:
    """Read a file to its end. Any exception but a refusal in one line is a failure of vecgate."""
    options = dict(zip(words := shlex.split(form.options), words[1:], strict=False))
    columns = ColumnChoice(
        options.get("--key-column"), options.get("--vector-column"), key_prefix=options.get("--key-prefix")
    )
    ids = path.parent / options["--ids"] if "--ids" in options else None
    try:
        source = open_source(path, columns=columns, ids=ids)
        blocks = [(len(block), len(block.rejects)) for block in source.blocks(dimension=source.dimension)]
    except VecgateError as error:
        problem = str(error)
    else:
        return Reading(sum(rows for rows, _ in blocks), sum(rejects for _, rejects in blocks))
    assert "\n" not in problem
    return Reading(None, None)


def damage(data: bytes, rng: random.Random) -> bytes:
    """Return *data* with one to three kinds of damage."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(data) + 1)
        size = rng.choice((1, 2, 4, 8, 64, 500))
        junk = bytes(rng.randrange(256) for _ in range(size))
        data = rng.choice(
            (
                data[:at],
                data[at:],
                data[:at] + junk + data[at + size :],
                data[:at] + junk + data[at:],
                data[:at] + data[at + size :],
                data[:at] + data[at : at + size] * 2 + data[at + size :],
                data[:at] + bytes(size) + data[at + size :],
                data[:at]
                + rng.choice((b'"', b"[", b"]", b"{", b"}", b",", b"\n", b"\x00", b"\xff"))
                + data[at:],
            )
        )
    return data


def check_case(number: int, folder: Path, originals: dict[str, bytes]) -> None:
    rng = random.Random(number)  # noqa: S311 - nothing is secret
    form = FILES[number % len(FILES)]
    data, name = originals[form.file], form.file
    kind = rng.randrange(4)
    if kind == 0:
        data = data[: rng.randrange(len(data))]
    elif kind == 1:
        name = rng.choice(FILES).file
    else:
        data = damage(data, rng)
    path = folder / name
    path.write_bytes(data)
    with warnings.catch_warnings(action="ignore"):
        found = read(path, form)
    if kind == 0:
        check_truncated(form, data, found)


def check_truncated(form: SourceForm, data: bytes, found: Reading) -> None:
    """A truncated file must be refused, or account for everything that is left of it."""
    if form.file.endswith((*HAS_END, *COMPRESSED)):
        # What is cut off the end of a document may be white space.
        is_whole = form.file.endswith(".json") and found.rows == ROWS
        assert found.rows is None or is_whole, f"{form.file} with {len(data)} bytes gave {found}"
    elif found.rows is not None and found.rejects is not None and form.file.endswith(("jsonl", "out")):
        assert found.rows + found.rejects == len(data.splitlines())
    elif found.rows is not None and found.rejects is not None and form.file.endswith(("csv", "tsv")):
        assert found.rows + found.rejects >= data.count(b"\n") - 1
    elif found.rows is not None and form.file.endswith(VECS):
        assert len(data) % (len(data) // found.rows) == 0


@pytest.fixture
def originals(tmp_path: Path) -> dict[str, bytes]:
    """The content of each example, whose further files are in the temporary folder."""
    return {form.file: write_form(form, tmp_path).read_bytes() for form in FILES}


@pytest.mark.parametrize("start", range(0, 500, 100))
def test_damage_is_refused_in_one_line(start: int, tmp_path: Path, originals: dict[str, bytes]) -> None:
    """Nothing else is raised, and nothing is lost without a word."""
    for number in range(start, start + 100):
        check_case(number, tmp_path, originals)


@pytest.mark.nightly
@pytest.mark.parametrize("start", range(500, 10_000, 500))
def test_more_damage_is_refused_in_one_line(start: int, tmp_path: Path, originals: dict[str, bytes]) -> None:
    """The same for many more cases."""
    for number in range(start, start + 500):
        check_case(number, tmp_path, originals)


@pytest.mark.parametrize("form", FILES, ids=lambda form: form.file)
def test_every_cut_near_the_end_is_noticed(form: SourceForm, tmp_path: Path) -> None:
    """The last bytes are those that are easily missed."""
    path = write_form(form, tmp_path)
    data = path.read_bytes()
    for cut in (1, 2, 5, 9, 33):
        path.write_bytes(data[:-cut])
        check_truncated(form, data[:-cut], read(path, form))


@pytest.mark.parametrize("suffix", ["manifest", "lance"])
def test_a_damaged_lance_dataset_is_refused(suffix: str, tmp_path: Path) -> None:
    """Its files are in a folder."""
    form = next(form for form in FORMS if form.file == "films.lance")
    path = write_form(form, tmp_path)
    (victim,) = [file for file in path.rglob(f"*.{suffix}") if file.is_file()]
    victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    assert read(path, form).rows is None
    shutil.rmtree(path)
