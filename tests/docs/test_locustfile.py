"""The locustfiles on the pages run under Locust."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from constant_server import constant_server
from markdown_pages import ROOT, Page

from vecgate.endpoint.local import LocalEndpoint
from vecgate.results.load.load_summary import summarize
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


def test_the_users_on_the_locust_page_run(
    tmp_path: Path, endpoint: LocalEndpoint, endpoint_environment: dict[str, str]
) -> None:
    """In one test, without a failure; the server has what they put."""
    page = Page("docs/locust.md", (ROOT / "docs" / "locust.md").read_text(encoding="utf-8"))
    own, mixed = (block.text for block in page.blocks if "S3VectorsUser)" in block.text)
    names = {"PutVectors", "QueryVectors", "get the best hit", "/"}
    options = ["--headless", "--users=5", "--spawn-rate=5", "--json"]
    with constant_server(b"a page") as shop:
        (tmp_path / "own.py").write_text(own, encoding="utf-8")
        mixed = mixed.replace("http://127.0.0.1:8000", shop).replace("http://127.0.0.1:7333", endpoint.url)
        (tmp_path / "mixed.py").write_text(mixed, encoding="utf-8")
        # On a busy machine, users may have done nothing after three seconds.
        for seconds in (3, 30):
            finished = subprocess.run(
                [sys.executable, "-m", "locust", "-f", "own.py,mixed.py", *options, f"--run-time={seconds}s"],
                cwd=tmp_path,
                env=endpoint_environment,
                capture_output=True,
                text=True,
                timeout=90,
                check=False,
            )
            assert finished.returncode == 0, finished.stderr
            rows = {row["name"]: row for row in json.loads(finished.stdout)}
            if rows.keys() == names:
                break
    assert rows.keys() == names
    assert {row["num_failures"] for row in rows.values()} == {0}
    assert rows["QueryVectors"]["total_content_length"] > 0
