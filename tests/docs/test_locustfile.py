"""The locustfile that a page shows is one that Locust runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from documents import ROOT, Page

from vecgate.results.stream import read_stream
from vecgate.results.summary import summary_of


def test_the_locustfile_on_the_page_of_ramp_runs(tmp_path: Path, at_the_endpoint: dict[str, str]) -> None:
    """As a file of one's own under plain Locust, to the end of its schedule."""
    page = Page("docs/ramp.md", (ROOT / "docs" / "ramp.md").read_text(encoding="utf-8"))
    (shown,) = [block.text for block in page.blocks if "ScheduleShape" in block.text]
    (tmp_path / "mine.py").write_text(shown, encoding="utf-8")
    words = ["--vecgate-scenario=smoke", "--vecgate-results=run.jsonl"]
    words += ["--vecgate-set=stages.duration=0.1;vectors.dimension=8"]
    target = f"--vecgate-target={at_the_endpoint['AWS_ENDPOINT_URL_S3VECTORS']}"
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "mine.py", "--headless", *words, target],
        cwd=tmp_path,
        env=at_the_endpoint,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert "vecgate report run.jsonl" in done.stdout, done.stdout
    stream = read_stream(tmp_path / "run.jsonl")
    assert stream.footer is not None
    assert stream.footer.is_complete
    assert summary_of(stream).requests > 0
