"""`vecgate ramp --web` in Chromium: pages of another origin change nothing, its own page starts runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_pages import REBOUND, attack_script, chromium, foreign_page
from child_processes import WITHIN_S, child_process, wait_until
from whole_runs import unused_port

FIELDS = ("user_count=4&spawn_rate=4&vecgate_target={evil}stolen&vecgate_results={victim}&vecgate_yes=yes"
          "&vecgate_max_cost=1000&vecgate_scenario=smoke&html_file={victim}")  # fmt: skip


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address that the command prints."""
    command = [
        sys.executable,
        "-m",
        "vecgate",
        "ramp",
        "smoke",
        "--target",
        "local",
        "--web",
        "-o",
        "run.jsonl",
    ]
    environment = {**os.environ, "LOCUST_WEB_PORT": str(unused_port()), "XDG_STATE_HOME": str(tmp_path)}
    environment.pop("LOCUST_WEB_HOST", None)
    err = tmp_path / "err"
    with (
        err.open("wb") as file,
        child_process(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=file
        ) as process,
    ):
        wait_until(lambda: b"web interface at " in err.read_bytes(), process)
        found = re.search(r"web interface at (http://127\.0\.0\.1:\d+)\n", err.read_text())
        assert found
        yield found[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 130


def test_a_page_of_another_origin_drives_no_run(web: str, tmp_path: Path) -> None:
    """Neither by a form, nor by a script, nor in a frame, nor by a name that resolves to this machine."""
    victim, results = tmp_path / "precious.txt", tmp_path / "run.jsonl"
    victim.write_text("precious\n")
    with foreign_page("") as (evil, stolen), chromium() as browser:
        fields = FIELDS.format(evil=evil, victim=victim)
        inputs = "".join(
            f"<input name='{name}' value='{value}'>"
            for name, _, value in (each.partition("=") for each in fields.split("&"))
        )
        form = f"<form method=POST action='{web}/swarm' target=f>{inputs}</form><iframe name=f></iframe>"
        with foreign_page(f"{form}<script>document.forms[0].submit()</script>") as (form_url, _):
            page = browser.new_page()
            answers = []
            page.on("response", lambda answer: answers.append((answer.url, answer.status)))
            page.goto(form_url)
            page.wait_for_load_state("networkidle")
            assert (f"{web}/swarm", 403) in answers
        requests = [("POST", f"{web}{path}", fields) for path in ("/swarm", "/stop", "/stats/reset", "/user")]
        with foreign_page(attack_script([*requests, ("GET", f"{web}/stop", "")], f"{web}/")) as (url, _):
            page.goto(url)
            page.wait_for_function("document.title != 'begun'")
            assert page.title() == "refused"
        page.goto(f"http://{REBOUND}:{web.rpartition(':')[2]}/")
        assert "not known by the host name" in page.inner_text("body")
        assert (stolen, victim.read_text(), results.read_bytes()) == ([], "precious\n", b"")
        page.goto(web)
        page.get_by_role("button", name="Start").click()
        wait_until(lambda: b'"target":"local' in results.read_bytes())
    assert victim.read_text() == "precious\n"
