"""A file that changes after it was opened stops its reading, in every format."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from source_forms import FORMS, SourceForm, open_form

from vecgate.bulk.sources import open_source
from vecgate.errors import SourceError

FILES = tuple(form for form in FORMS if form.file not in {"films", "films.lance"})


def grow(path: Path) -> None:
    """Append to the file."""
    with path.open("ab") as file:
        file.write(b"\n")


def shrink(path: Path) -> None:
    """Cut the file in two."""
    os.truncate(path, path.stat().st_size // 2)


def rewrite(path: Path) -> None:
    """Write as many other bytes into the file, a nanosecond later."""
    changed_ns = path.stat().st_mtime_ns + 1
    path.write_bytes(bytes(path.stat().st_size))
    os.utime(path, ns=(changed_ns, changed_ns))


def exchange(path: Path) -> None:
    """Put another file of its size and age in its place."""
    changed_ns = path.stat().st_mtime_ns
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(changed_ns, changed_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [grow, shrink, rewrite, exchange, Path.unlink])
@pytest.mark.parametrize("form", FILES, ids=lambda form: form.file)
def test_no_records_of_another_file_are_read(
    form: SourceForm, change: Callable[[Path], None], tmp_path: Path
) -> None:
    """A run that went on would end with half of the old records and half of the new ones."""
    source = open_form(form, tmp_path)
    change(tmp_path / form.file)
    with pytest.raises(SourceError, match=rf"{form.file}(: there is no such file| has changed while)"):
        list(source.blocks())


def lines(first: int) -> str:
    return "".join(f'{{"id":"k{n}","vector":[{n},1]}}\n' for n in range(first, first + 50))


@pytest.mark.parametrize("at", ["b.jsonl", "a.jsonl", "keys.txt"])
def test_a_change_is_found_at_the_next_block(at: str, tmp_path: Path) -> None:
    """In the part that is read, or in a later one; also in a file of keys."""
    for first, name in enumerate("ab"):
        (tmp_path / f"{name}.jsonl").write_text(lines(50 * first))
    (tmp_path / "a.u8bin").write_bytes(b"".join(n.to_bytes(4, "little") for n in (50, 4)) + bytes(200))
    (tmp_path / "keys.txt").write_text("".join(f"k{n}\n" for n in range(50)))
    if at == "keys.txt":
        source = open_source(tmp_path / "a.u8bin", ids=tmp_path / at)
    else:
        source = open_source([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])
    blocks = source.blocks(rows=10)
    for _ in range(5 if at == "b.jsonl" else 1):
        assert len(next(blocks)) == 10
    grow(tmp_path / at)
    with pytest.raises(SourceError, match=f"{at} has changed"):
        next(blocks)


def test_fewer_records_than_announced_are_an_error(tmp_path: Path) -> None:
    """Whatever the reason."""
    (tmp_path / "a.jsonl").write_text(lines(0))
    source = replace(open_source(tmp_path / "a.jsonl"), total=51)  # type: ignore[type-var]
    with pytest.raises(SourceError, match="had 51 records when it was opened, but 50 were read"):
        list(source.blocks())
