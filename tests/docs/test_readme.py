"""The README: short, with examples that run, and readable on a package index."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from markdown_pages import ROOT, Page

from vecgate.cli.main import main

README = Page("README.md", (ROOT / "README.md").read_text(encoding="utf-8"))
#: What makes the shown commands short enough for every test run.
SHORTER = {
    "conform": ["--level", "quick", "-k", "create-vector-bucket.arn"],
    "ramp": ["--set", "stages.duration=0.02", "--set", "stages.rate=0.1", "--set", "vectors.dimension=8"],
}
GATE = [
    line.text.removeprefix("$ vecgate ")
    for line in README.lines
    if line.text.startswith(("$ vecgate conform", "$ vecgate ramp"))
]


def test_the_first_screen_has_three_short_examples() -> None:
    """Before anything else: accelerate, a test, a gate; and the whole page is short."""
    first = README.blocks[:3]
    assert [block.language for block in first] == ["python", "python", "console"]
    assert all(len(block.text.splitlines()) <= 8 for block in first)
    assert ["accelerate(" in first[0].text, "vector_index" in first[1].text, "conform" in first[2].text] == [
        True
    ] * 3
    assert first[2].line < 40
    assert len(README.lines) < 150


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, id=line.split()[0], marks=[pytest.mark.nightly] * line.startswith("ramp"))
        for line in GATE
    ],
)
def test_the_commands_of_the_gate_run(
    line: str,
    tmp_path: Path,
    endpoint_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the endpoint in place of the server, and for a shorter time. A slow machine may make a load run
    inconclusive.
    """
    words = shlex.split(
        line.replace("http://127.0.0.1:9000", endpoint_environment["AWS_ENDPOINT_URL_S3VECTORS"])
    )
    for name, value in endpoint_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["vecgate", *words, *SHORTER[words[0]]])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code in ({0} if words[0] == "conform" else {0, 1, 4}), printed.err
    assert printed.out.splitlines()[-1].startswith(("PASS", "FAIL", "INCONCLUSIVE"))
    assert (tmp_path / words[words.index("--junit") + 1]).read_text().startswith("<?xml")


def test_links_work_on_a_package_index() -> None:
    """The substitutions of the build make every relative link absolute, of the version that is built."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    text = README.text
    for each in hook["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    links = [link for _, link in Page("README.md", text).links]
    assert len(links) > 20
    assert [link for link in links if not link.startswith("https://")] == []
    assert "](https://raw.githubusercontent.com/OWNER/vecgate/v$HFPR_VERSION/docs/report.png)" in text
    assert "](https://github.com/OWNER/vecgate/blob/v$HFPR_VERSION/docs/put.md)" in text


def test_every_cell_of_the_comparison_is_about_one_product() -> None:
    """The table has a cell in each column of each row."""
    rows = [line.text for line in README.lines if line.text.startswith("|")]
    table = rows[: next(number for number, row in enumerate(rows) if "task" in row)]
    assert {row.count("|") for row in table} == {8}
