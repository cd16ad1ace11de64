"""`vecgate serve`, as its user meets it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from vecgate.cli.serve import announce, serve

SERVE = [sys.executable, "-m", "vecgate", "serve"]
HEAVY = (
    "import sys, vecgate.cli.serve; print(sorted({'numpy', 'uvicorn', 'boto3', 'orjson'} & set(sys.modules)))"
)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_where_it_is_and_how_to_use_it(stop: signal.Signals) -> None:
    """One line on stdout, the hints on stderr; a signal ends it gracefully."""
    with subprocess.Popen(
        [*SERVE, "--port", "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        process.send_signal(stop)
        rest, hints = process.stdout.read(), process.stderr.read()
    assert line.startswith("vecgate endpoint ready on http://127.0.0.1:")
    url = line.split()[-1]
    assert rest == ""
    assert all(word in hints for word in ("boto3", "AWS_ENDPOINT_URL_S3VECTORS=" + url, f"--target {url}"))
    assert process.returncode == 0


def test_a_port_in_use_is_one_line_and_a_hint() -> None:
    """Exit code 2, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([*SERVE, "--port", port], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith(f"error: cannot listen on 127.0.0.1:{port}")
    assert second.startswith("hint: ")


@pytest.mark.parametrize("port", ["70000", "-1", "http"])
def test_a_port_is_a_number_that_ports_have(port: str) -> None:
    """A bad value is answered with the allowed ones."""
    result = CliRunner().invoke(serve, ["--port", port])
    assert result.exit_code == 2


def test_the_help_names_the_default_port() -> None:
    """7333."""
    assert "7333" in CliRunner().invoke(serve, ["--help"]).output


def test_help_needs_nothing_heavy() -> None:
    """The server is imported when it runs."""
    done = subprocess.run([sys.executable, "-c", HEAVY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_ready_line_is_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that waits for it reads one line."""
    announce("http://127.0.0.1:1")
    assert capsys.readouterr().out == "vecgate endpoint ready on http://127.0.0.1:1\n"
