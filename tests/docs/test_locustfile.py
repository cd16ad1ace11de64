"""The locustfile on the page about load tests runs under Locust."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from markdown_pages import ROOT, Page

from vecgate.results.load_summary import summarize
from vecgate.results.result_stream import read_stream


def test_the_locustfile_on_the_ramp_page_runs(tmp_path: Path, endpoint_environment: dict[str, str]) -> None:
    """Under plain Locust, to the end of its schedule."""
    page = Page("docs/ramp.md", (ROOT / "docs" / "ramp.md").read_text(encoding="utf-8"))
    (shown,) = [block.text for block in page.blocks if "ScheduleShape" in block.text]
    (tmp_path / "locustfile.py").write_text(shown, encoding="utf-8")
    options = ["--vecgate-scenario=smoke", "--vecgate-results=run.jsonl"]
    options += ["--vecgate-set=stages.duration=0.1;vectors.dimension=8"]
    target = f"--vecgate-target={endpoint_environment['AWS_ENDPOINT_URL_S3VECTORS']}"
    finished = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "locustfile.py", "--headless", *options, target],
        cwd=tmp_path,
        env=endpoint_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert "vecgate report run.jsonl" in finished.stdout, finished.stdout
    stream = read_stream(tmp_path / "run.jsonl")
    assert stream.footer is not None
    assert stream.footer.is_complete
    assert summarize(stream).requests > 0
