"""`vecgate serve`, as its user meets it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from vecgate.cli.serve import announce, serve
from vecgate.endpoint import injection, latency, quotas, server
from vecgate.endpoint.access import new_principal
from vecgate.endpoint.admin import Admin
from vecgate.endpoint.injection import Plan
from vecgate.endpoint.keeper import DoorSettings, Keeper, held
from vecgate.endpoint.sigv4 import KeyPair
from vecgate.endpoint.state import State
from vecgate.errors import UsageError

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
    assert "must be signed for us-east-1." in hints
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


def test_only_a_key_pair_that_was_made_up_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody could know it otherwise."""
    principal = new_principal()
    announce("http://127.0.0.1:1", region="eu-west-1", is_signed=True, made_up=principal)
    said = capsys.readouterr().err
    assert f"AWS_ACCESS_KEY_ID={principal.pair.access_key} " in said
    assert f"AWS_SECRET_ACCESS_KEY={principal.pair.secret_key}\n" in said
    assert "export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1\n" in said
    announce("http://127.0.0.1:1", is_signed=True)
    assert "AWS_SECRET_ACCESS_KEY" not in capsys.readouterr().err


# --- settings ---


def run_of(*words: str) -> dict[str, Any]:
    """What `serve` would run with."""
    runs: list[dict[str, Any]] = []

    def note(host: str, port: int, **rest: Any) -> None:
        runs.append({"host": host, "port": port, **rest})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "run_server", note)
        result = CliRunner().invoke(serve, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return runs[0]


def settings_of(*words: str) -> DoorSettings:
    settings: DoorSettings = run_of(*words)["settings"]
    return settings


def problem_with(*words: str) -> UsageError:
    with pytest.raises(UsageError) as refused:
        CliRunner().invoke(serve, list(words), catch_exceptions=False, standalone_mode=False)
    return refused.value


def test_by_default_one_key_pair_is_made_up_and_nothing_else_is_on() -> None:
    """Another one each time."""
    one, other = settings_of(), settings_of()
    assert len(one.principals) == 1
    assert one.principals[0].pair != other.principals[0].pair
    assert (one.quotas, one.latency, one.plan) == (None, None, Plan())


def test_keys_can_be_given_in_three_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As options, by the environment, in a file; or none are asked for."""
    assert settings_of("--access-key", "A", "--secret-key", "b").principals[0].pair == KeyPair("A", "b")
    assert settings_of("--no-auth").principals == ()
    keys = tmp_path / "keys.toml"
    keys.write_text('[[principal]]\nname = "n"\naccess_key = "A"\nsecret_key = "b"\n')
    assert [each.name for each in settings_of("--keys", str(keys)).principals] == ["n"]
    monkeypatch.setenv("VECGATE_ACCESS_KEY", "E")
    monkeypatch.setenv("VECGATE_SECRET_KEY", "f")
    assert settings_of().principals[0].pair == KeyPair("E", "f")


def test_presets_and_files_are_taken(tmp_path: Path) -> None:
    """For quotas, latency and faults; a seed goes to both that have chance."""
    presets = settings_of("--quotas", "documented", "--latency", "warm", "--inject", "flaky", "--seed", "9")
    assert presets.quotas == quotas.PRESETS["documented"]
    assert presets.latency
    assert (presets.latency.seed, presets.plan.seed) == (9, 9)
    assert presets.plan.faults == injection.PRESETS["flaky"].faults
    assert settings_of("--seed", "9").plan.seed == 9
    file = tmp_path / "faults.toml"
    file.write_text('[[fault]]\nkind = "lost"\nrate = 0.5\n')
    assert settings_of("--inject", str(file)).plan.faults[0].rate == 0.5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--access-key", "A"], "go together"),
        (["--secret-key", "hush"], "go together"),
        (["--no-auth", "--access-key", "A", "--secret-key", "hush"], "contradict one another"),
        (["--no-auth", "--keys", "x"], "--no-auth and --keys contradict one another"),
        (["--keys", "none.toml"], "none.toml cannot be read"),
        (["--certfile", "x"], "--certfile and --keyfile go together"),
        (["--certfile", "x", "--keyfile", "y"], "x and y are no certificate and its key"),
        (["--access-log", "no/such/folder"], "no/such/folder cannot be written"),
        (["--quotas", "q", "--latency", "l", "--inject", "i"], "'q' is neither a preset nor a file; 'l' is"),
    ],
)
def test_settings_that_make_no_sense_are_refused(words: list[str], message: str) -> None:
    """With all that is wrong, the way out, and no secret."""
    problem = problem_with("--port", "0", *words)
    assert message in str(problem)
    assert problem.hint or "cannot be" in message
    assert "hush" not in str(problem)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--region", "EU West", "a region such as eu-west-1"),
        ("--account", "12", "an account of twelve digits"),
    ],
)
def test_a_region_and_an_account_have_their_forms(option: str, value: str, words: str) -> None:
    """They become parts of ARNs."""
    result = CliRunner().invoke(serve, [option, value])
    assert result.exit_code == 2
    assert words in result.output


def test_a_key_pair_that_was_made_up_works_as_it_is_shown() -> None:
    """A client with the exported variables is served, another is not."""
    with serving_with("--region", "eu-west-1", "--account", "123456789012") as running:
        exported = dict(re.findall(r"(AWS_[A-Z0-9_]+)=(\S+)", running.hints))
        assert exported["AWS_ENDPOINT_URL_S3VECTORS"] == running.url
        region, key = exported["AWS_REGION"], exported["AWS_ACCESS_KEY_ID"]
        secret = exported["AWS_SECRET_ACCESS_KEY"]
        made = running.call(region, key, secret, "create_vector_bucket", vectorBucketName="bucket")
        assert made["vectorBucketArn"] == "arn:aws:s3vectors:eu-west-1:123456789012:bucket/bucket"
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            running.call(region, key, "guess", "list_vector_buckets")


def test_a_key_pair_that_was_given_is_not_shown() -> None:
    """Nor does the log hold it; the log tells of the request."""
    with serving_with("--access-key", "MINE", "--secret-key", "hush-hush", "--access-log") as running:
        running.call("us-east-1", "MINE", "hush-hush", "list_vector_buckets")
    assert "with the keys given" in running.hints
    assert running.rest.count('"operation":"ListVectorBuckets"') == 1
    assert "hush" not in running.hints + running.rest


def test_the_access_log_goes_to_a_file_where_one_is_named(tmp_path: Path) -> None:
    """Behind what is there already."""
    log = tmp_path / "access.jsonl"
    log.write_text("{}\n")
    with serving_with("--no-auth", "--access-log", str(log)) as running:
        running.call("us-east-1", "any", "thing", "list_vector_buckets")
        assert "Any credentials and any region will do." in running.hints
    assert [json.loads(line).get("status") for line in log.read_text().splitlines()] == [None, 200]


def test_the_access_log_is_off_unless_asked_for(tmp_path: Path) -> None:
    """Alone it means stderr; with a word, a file of that name."""
    log = tmp_path / "access.jsonl"
    assert run_of("--no-auth")["log"] is None
    assert run_of("--no-auth", "--access-log")["log"] is not None
    assert run_of("--no-auth", "--access-log", str(log))["log"] is not None
    assert log.exists()


@dataclass
class Running:
    """`vecgate serve`: its URL, what it says on stderr until it is ready, and what after that."""

    url: str
    hints: str
    rest: str = ""

    def call(self, region: str, access_key: str, secret_key: str, operation: str, **members: str) -> Any:
        """What one operation answers to a client with these keys."""
        client = boto3.client(
            "s3vectors",
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
        )
        with closing(client):
            return getattr(client, operation)(**members)


@contextmanager
def serving_with(*options: str) -> Iterator[Running]:
    with subprocess.Popen(
        [*SERVE, "--port", "0", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        running = Running(process.stdout.readline().split()[-1], "")
        while "Ctrl-C" not in running.hints:
            line = process.stderr.readline()
            assert line, "it has ended"
            running.hints += line
        try:
            yield running
        finally:
            process.terminate()
            running.rest = process.stderr.read()


# --- the documentation ---

DOCS = (Path(__file__).parents[2] / "docs" / "endpoint.md").read_text()


def test_every_option_is_documented() -> None:
    """In the table of options, and no other."""
    options = {
        name
        for parameter in serve.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in parameter.opts
    }
    documented = set(re.findall(r"`(--[a-z-]+)`", DOCS.split("## Options")[1].split("\n\nSIGTERM")[0]))
    assert documented == options


@pytest.mark.parametrize("presets", [quotas.PRESETS, latency.PRESETS, injection.PRESETS])
def test_every_preset_is_documented_and_in_the_help(presets: Mapping[str, object]) -> None:
    """With what it holds."""
    help_ = " ".join(CliRunner().invoke(serve, ["--help"], terminal_width=1000).output.split())
    for name in presets:
        assert f"| `{name}` |" in DOCS
        assert re.search(rf"\b{name}\b", help_)


def test_every_fault_has_its_rate_in_the_documentation() -> None:
    """As the preset has it."""
    for name, plan in injection.PRESETS.items():
        line = next(line for line in DOCS.splitlines()[::-1] if line.startswith(f"| `{name}` |"))
        for fault in plan.faults:
            assert f"{fault.rate * 100:g} %" in line
            assert fault.kind in line or fault.kind in {"latency", "stall"}


def test_every_kind_of_fault_admin_call_and_metric_is_documented() -> None:
    """Read from what there is."""
    for kind in injection.Kind:
        assert f"| `{kind}` |" in DOCS
    keeper = Keeper(State())
    for name, methods in Admin(keeper)._calls.items():
        for method in methods:
            assert f"`{method} /_vecgate/{name}`" in DOCS
    for name in re.findall("# TYPE (\\S+)", keeper.metrics.text(held(State()))):
        assert f"`{name}`" in DOCS
