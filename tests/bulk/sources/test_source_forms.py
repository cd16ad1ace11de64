"""Every input of the pages, and its variants, gives the records that are in it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from source_forms import FORMS, VARIANTS, SourceForm, cheat_sheet, formats_table, write_form

from vecgate.bulk.sources import Source
from vecgate.cli.source_options import SourceChoice, source_options

ROOT = Path(__file__).parents[3]


def open_form(form: SourceForm, folder: Path) -> Source:
    """Write the example, and open it with the options of its command."""
    path = write_form(form, folder)
    chosen: list[SourceChoice] = []

    @click.command()
    @source_options
    def read(source_choice: SourceChoice) -> None:
        chosen.append(source_choice)

    read.main(
        [word.replace("ids.txt", str(folder / "ids.txt")) for word in shlex.split(form.options)],
        standalone_mode=False,
    )
    return chosen[0].open([str(path)])


@pytest.mark.parametrize("form", [*FORMS, *VARIANTS], ids=lambda form: form.file)
def test_an_input_gives_its_records(form: SourceForm, tmp_path: Path, gather: Callable[..., Any]) -> None:
    """Keys, vectors and metadata, in order, bit for bit."""
    got = gather(open_form(form, tmp_path))
    assert got.problems == []
    assert got.keys == list(form.keys)
    assert got.vectors == form.expected.tolist()
    assert got.metadata[0] == form.metadata


@pytest.mark.parametrize(
    ("page", "text"), [("put.md", formats_table()), ("sources.md", cheat_sheet())], ids=["put", "sources"]
)
def test_the_pages_have_this_list(page: str, text: str) -> None:
    """What a page promises is in the list, and so is tested."""
    assert text in (ROOT / "docs" / page).read_text()
