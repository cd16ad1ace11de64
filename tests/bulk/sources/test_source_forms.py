"""Every input of the pages, and its variants, gives the records that are in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from source_forms import FORMS, VARIANTS, SourceForm, cheat_sheet, formats_table, open_form

ROOT = Path(__file__).parents[3]


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
