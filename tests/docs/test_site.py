"""The site: every page has its place, newcomers reach their task in two clicks, and links work on it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from markdown_pages import ROOT, Page, resolve_link

DOCS = ROOT / "docs"
MKDOCS = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
#: Words on the page of each task of a newcomer. They are how to do it, so the page alone is enough.
TASKS = {
    "a test with 384 dimensions": ("first-steps.md", ["384", "vector_index"]),
    "an application's own clients": ("first-steps.md", ["AWS_ENDPOINT_URL_S3VECTORS", "s3vectors_endpoint"]),
    "Lambda": ("lambda.md", ["vecgate.aws_lambda.handler"]),
    "a first put": ("first-steps.md", ["vecgate serve", "vecgate put", "--create"]),
    "a baseline": ("maintainers.md", ["--baseline", "vecgate-baseline.jsonl"]),
    "list indexes": ("first-steps.md", ["vecgate index list"]),
    "an own scenario": ("scenarios.md", ["[[stages]]", "vecgate ramp"]),
    "capacity": ("capacity.md", ["vecgate capacity"]),
    "compare": ("compare.md", ["vecgate compare"]),
    "mock_aws": ("first-steps.md", ["mock_aws", "vecgate.endpoint.moto"]),
}


def load_builder() -> ModuleType:
    """Import the program that builds the site."""
    spec = importlib.util.spec_from_file_location("build_docs", ROOT / ".ci" / "build_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILDER = load_builder()


def test_every_page_is_in_the_navigation_once() -> None:
    """And every entry is a page."""
    entries = re.findall(r"^ +- (?:[\w -]+: )?([\w-]+\.md)$", MKDOCS, re.MULTILINE)
    assert sorted(entries) == sorted(path.name for path in DOCS.glob("*.md"))


def test_the_navigation_is_by_task() -> None:
    """In the words that users have for what they want to do."""
    sections = re.findall(r"^  - ([\w -]+):$", MKDOCS.partition("\nplugins:")[0], re.MULTILINE)
    assert sections == [
        "Start", "Ingest", "Develop and test", "Gate a server", "Load-test", "Run on AWS safely", "Reference",
    ]  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_a_newcomer_reaches_a_task_in_two_clicks(task: str) -> None:
    """From the first page of the site, to a page that says how to do it."""
    name, words = TASKS[task]
    start = Page.read(DOCS / "index.md")
    first = {resolve_link(start, link)[0] for _, link in start.links if "://" not in link}
    second = {
        resolve_link(Page.read(path), link)[0]
        for path in first
        if path.suffix == ".md"
        for _, link in Page.read(path).links
        if "://" not in link
    }
    assert DOCS / name in first | second
    text = (DOCS / name).read_text(encoding="utf-8")
    assert [word for word in words if word not in text] == []


def test_every_public_name_is_in_the_generated_reference() -> None:
    """By its full name."""
    import vecgate  # noqa: PLC0415 - only here

    text = (DOCS / "api.md").read_text(encoding="utf-8")
    shown = re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)
    missing = [name for name in vecgate.__all__ if f"vecgate.{name}" not in shown]
    assert [name for name in missing if not name.endswith("Error")] == []
    assert "vecgate.errors" in shown


def test_links_out_of_the_pages_lead_to_the_repository(tmp_path: Path) -> None:
    """Those within them stay."""
    source = tmp_path / "docs"
    source.mkdir()
    (source / "a.md").write_text("[x](../README.md#install) [y](b.md) [z](https://a.example/../b)")
    (source / "picture.png").touch()
    (source / "runs").mkdir()
    BUILDER.prepare(source, tmp_path / "out", "https://host/main/")
    assert (tmp_path / "out" / "a.md").read_text() == (
        "[x](https://host/main/README.md#install) [y](b.md) [z](https://a.example/../b)"
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.md", "picture.png"]


def test_a_broken_link_of_the_site_is_found(tmp_path: Path) -> None:
    """A file or a heading that does not exist."""
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="b.html#here"></a><a href="#top"></a><img src="https://x.example/y.png">'
    )
    (tmp_path / "b.html").write_text('<a href="a.html#none"></a><a href="c.html"></a><p id="here"></p>')
    assert list(BUILDER.broken_links(tmp_path)) == [
        "b.html: a.html has no heading #none",
        "b.html: c.html does not exist",
    ]


@pytest.mark.nightly
def test_the_site_is_built() -> None:
    """As `make docs` does it, with the packages of its group."""
    if not Path(sys.executable).with_name("zensical").exists():
        pytest.skip("the group `docs` is not installed: make docs")
    ended = subprocess.run(
        [sys.executable, ROOT / ".ci" / "build_docs.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
