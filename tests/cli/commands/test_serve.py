"""`vecgate serve` from the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import click
import pytest
from botocore.exceptions import ClientError
from child_processes import WITHIN_S, child_process
from click.testing import CliRunner

from vecgate.cli.commands.serve import announce, serve
from vecgate.endpoint.auth.principals import create_principal
from vecgate.endpoint.auth.sigv4 import KeyPair
from vecgate.endpoint.faults import injection, latency, quotas
from vecgate.endpoint.faults.injection import FaultPlan
from vecgate.endpoint.gateway import Gateway, GatewaySettings, count_resources
from vecgate.endpoint.http import server
from vecgate.endpoint.http.admin import AdminApi
from vecgate.endpoint.local import LocalEndpoint
from vecgate.endpoint.storage.sqlite_store import open_state
from vecgate.endpoint.storage.state import State
from vecgate.errors import UsageError

SERVE = [sys.executable, "-m", "vecgate", "serve"]
HEAVY = "import sys, vecgate.cli.commands.serve; print(sorted({'numpy', 'uvicorn', 'boto3', 'orjson'} & set(sys.modules)))"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_its_url_and_how_to_use_it(stop: signal.Signals) -> None:
    """One line on stdout, the hints on stderr; a signal ends it gracefully."""
    with start_serve() as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        process.send_signal(stop)
        rest, hints = process.stdout.read(), process.stderr.read()
        process.wait(WITHIN_S)
    assert line.startswith("vecgate endpoint ready on http://127.0.0.1:")
    url = line.split()[-1]
    assert rest == ""
    assert all(word in hints for word in ("boto3", "AWS_ENDPOINT_URL_S3VECTORS=" + url, f"--target {url}"))
    assert "must be signed for region us-east-1." in hints
    assert process.returncode == 0


def test_a_port_in_use_is_one_line_and_a_hint() -> None:
    """With exit code 2 and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = str(occupied.getsockname()[1])
        result = subprocess.run(
            [*SERVE, "--port", port], capture_output=True, text=True, check=False, timeout=60
        )
    assert result.returncode == 2
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first.startswith(f"error: cannot listen on 127.0.0.1:{port}")
    assert second.startswith("hint: ")


@pytest.mark.parametrize("port", ["70000", "-1", "http"])
def test_an_invalid_port_is_refused(port: str) -> None:
    """It is an error of usage."""
    result = CliRunner().invoke(serve, ["--port", port])
    assert result.exit_code == 2


def test_the_help_names_the_default_port() -> None:
    """7333."""
    assert "7333" in CliRunner().invoke(serve, ["--help"]).output


def test_help_imports_no_heavy_library() -> None:
    """The server is imported when it runs."""
    result = subprocess.run(
        [sys.executable, "-c", HEAVY], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "[]"


def test_the_ready_line_is_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that waits for it reads one line."""
    announce("http://127.0.0.1:1")
    assert capsys.readouterr().out == "vecgate endpoint ready on http://127.0.0.1:1\n"


def test_only_a_generated_key_pair_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The user has no other way to learn it."""
    principal = create_principal()
    announce("http://127.0.0.1:1", region="eu-west-1", needs_signature=True, generated=principal)
    hints = capsys.readouterr().err
    assert f"AWS_ACCESS_KEY_ID={principal.key_pair.access_key} " in hints
    assert f"AWS_SECRET_ACCESS_KEY={principal.key_pair.secret_key}\n" in hints
    assert "export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1\n" in hints
    announce("http://127.0.0.1:1", needs_signature=True)
    assert "AWS_SECRET_ACCESS_KEY" not in capsys.readouterr().err


def test_an_endpoint_without_authentication_beyond_this_machine_is_a_loud_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On stderr, before the hints."""
    for host in ("0.0.0.0", "::", "192.168.1.5", "some-name", ""):  # noqa: S104 - nothing listens
        announce("http://x:1", host=host)
        first = capsys.readouterr().err.splitlines()[0]
        assert first.startswith("WARNING: http://x:1 accepts unsigned requests from other machines: ")
        assert "--no-auth" in first
        announce("http://x:1", host=host, needs_signature=True)
        assert "WARNING" not in capsys.readouterr().err
    for host in ("127.0.0.1", "localhost", "::1"):
        announce("http://x:1", host=host)
        assert "WARNING" not in capsys.readouterr().err


def test_only_a_generated_admin_token_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """As a line for the shell, with the others."""
    announce("http://127.0.0.1:1", generated_token="of-this-run")
    assert "export VECGATE_ADMIN_TOKEN=of-this-run\n" in capsys.readouterr().err
    announce("http://127.0.0.1:1")
    assert "VECGATE_ADMIN_TOKEN" not in capsys.readouterr().err


# --- settings ---


def arguments_for(*words: str) -> dict[str, Any]:
    """Return the arguments with which `serve` calls `run_server`."""
    calls: list[dict[str, Any]] = []

    def record(host: str, port: int, **rest: Any) -> None:
        calls.append({"host": host, "port": port, **rest})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "run_server", record)
        result = CliRunner().invoke(serve, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return calls[0]


def settings_for(*words: str) -> GatewaySettings:
    settings: GatewaySettings = arguments_for(*words)["settings"]
    return settings


def problem_with(*words: str) -> UsageError:
    with pytest.raises(UsageError) as refused:
        CliRunner().invoke(serve, list(words), catch_exceptions=False, standalone_mode=False)
    return refused.value


def test_the_default_is_a_generated_key_pair_without_quotas_latency_and_faults() -> None:
    """The key pair differs each time."""
    one, other = settings_for(), settings_for()
    assert len(one.principals) == 1
    assert one.principals[0].key_pair != other.principals[0].key_pair
    assert (one.quotas, one.latency, one.plan) == (None, None, FaultPlan())


def test_keys_can_be_given_as_options_in_the_environment_or_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--no-auth` requests need no keys."""
    assert settings_for("--access-key", "A", "--secret-key", "b").principals[0].key_pair == KeyPair("A", "b")
    assert settings_for("--no-auth").principals == ()
    keys = tmp_path / "keys.toml"
    keys.touch(0o600)
    keys.write_text('[[principal]]\nname = "n"\naccess_key = "A"\nsecret_key = "b"\n')
    assert [each.name for each in settings_for("--keys", str(keys)).principals] == ["n"]
    monkeypatch.setenv("VECGATE_ACCESS_KEY", "E")
    monkeypatch.setenv("VECGATE_SECRET_KEY", "f")
    assert settings_for().principals[0].key_pair == KeyPair("E", "f")


def test_the_admin_token_is_random_or_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an option or in the environment. The metrics can be open."""
    monkeypatch.delenv("VECGATE_ADMIN_TOKEN", raising=False)
    one, other = arguments_for("--no-auth")["admin"], arguments_for("--no-auth", "--open-metrics")["admin"]
    assert one.token != other.token
    assert (one.open_metrics, other.open_metrics) == (False, True)
    assert arguments_for("--admin-token", "given")["admin"].token == "given"
    monkeypatch.setenv("VECGATE_ADMIN_TOKEN", "of-the-environment")
    assert arguments_for()["admin"].token == "of-the-environment"


def test_presets_and_files_are_read(tmp_path: Path) -> None:
    """For quotas, latency and faults. A seed applies to latency and faults."""
    presets = settings_for("--quotas", "documented", "--latency", "warm", "--inject", "flaky", "--seed", "9")
    assert presets.quotas == quotas.PRESETS["documented"]
    assert presets.latency
    assert (presets.latency.seed, presets.plan.seed) == (9, 9)
    assert presets.plan.faults == injection.PRESETS["flaky"].faults
    assert settings_for("--seed", "9").plan.seed == 9
    file = tmp_path / "faults.toml"
    file.write_text('[[fault]]\nkind = "lost"\nrate = 0.5\n')
    assert settings_for("--inject", str(file)).plan.faults[0].rate == 0.5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--access-key", "A"], "--access-key and --secret-key belong together"),
        (["--secret-key", "hush"], "--access-key and --secret-key belong together"),
        (["--no-auth", "--access-key", "A", "--secret-key", "hush"], "contradict each other"),
        (["--no-auth", "--keys", "x"], "--no-auth and --keys contradict each other"),
        (["--keys", "none.toml"], "none.toml cannot be read"),
        (["--certfile", "x"], "--certfile and --keyfile belong together"),
        (["--certfile", "x", "--keyfile", "y"], "x and y are not a certificate and its key"),
        (["--access-log", "no/such/folder"], "cannot write no/such/folder"),
        (["--quotas", "q", "--latency", "l", "--inject", "i"], "'q' is neither a preset nor a file; 'l' is"),
    ],
)
def test_invalid_settings_are_refused(words: list[str], message: str) -> None:
    """The error lists all problems and contains no secret."""
    problem = problem_with("--port", "0", *words)
    assert message in str(problem)
    assert problem.hint or "cannot" in message
    assert "hush" not in str(problem)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--region", "EU West", "a region such as eu-west-1"),
        ("--account", "12", "an account of twelve digits"),
    ],
)
def test_a_region_and_an_account_are_checked(option: str, value: str, words: str) -> None:
    """They become parts of ARNs."""
    result = CliRunner().invoke(serve, [option, value])
    assert result.exit_code == 2
    assert words in result.output


def test_the_printed_variables_work() -> None:
    """A client with the exported variables is served, another one is not."""
    with serving_with("--region", "eu-west-1", "--account", "123456789012") as running:
        exported = dict(re.findall(r"(AWS_[A-Z0-9_]+)=(\S+)", running.hints))
        assert exported["AWS_ENDPOINT_URL_S3VECTORS"] == running.url
        token = re.findall(r"export VECGATE_ADMIN_TOKEN=(\S+)", running.hints)[0]
        assert admin_status(running.url, token) == 200
        assert admin_status(running.url, "guess") == 401
        region, key = exported["AWS_REGION"], exported["AWS_ACCESS_KEY_ID"]
        secret = exported["AWS_SECRET_ACCESS_KEY"]
        bucket = running.call(region, key, secret, "create_vector_bucket", vectorBucketName="bucket")
        assert bucket["vectorBucketArn"] == "arn:aws:s3vectors:eu-west-1:123456789012:bucket/bucket"
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            running.call(region, key, "guess", "list_vector_buckets")


def admin_status(url: str, token: str) -> int:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    with closing(connection):
        connection.request("GET", "/_vecgate/state", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status


def test_keys_that_others_may_read_are_one_line_and_a_hint(tmp_path: Path) -> None:
    """With exit code 2."""
    keys = tmp_path / "keys.toml"
    keys.touch(0o644)
    problem = problem_with("--port", "0", "--keys", str(keys))
    assert "has mode 0644" in str(problem)
    assert problem.hint == f"chmod 600 {keys}"


def test_a_damaged_database_is_one_line_and_a_hint(tmp_path: Path) -> None:
    """With exit code 2: vecgate itself has not failed."""
    (tmp_path / "endpoint.sqlite").touch()
    command = [*SERVE, "--port", "0", "--data-dir", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"error: the database {tmp_path / 'endpoint.sqlite'} is damaged: it is empty",
        "hint: Give another --data-dir, or restore this one from a backup.",
    ]


def test_a_given_key_pair_is_not_shown() -> None:
    """Neither the hints nor the access log contain it."""
    with serving_with("--access-key", "GIVEN", "--secret-key", "hush-hush", "--access-log") as running:
        running.call("us-east-1", "GIVEN", "hush-hush", "list_vector_buckets")
    assert "with the given keys" in running.hints
    assert running.rest.count('"operation":"ListVectorBuckets"') == 1
    assert "hush" not in running.hints + running.rest


def test_the_access_log_is_appended_to_a_named_file(tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    log.write_text("{}\n")
    with serving_with("--no-auth", "--access-log", str(log)) as running:
        running.call("us-east-1", "any", "thing", "list_vector_buckets")
        assert "Any credentials and any region are accepted." in running.hints
    assert [json.loads(line).get("status") for line in log.read_text().splitlines()] == [None, 200]


def test_the_access_log_is_off_by_default(tmp_path: Path) -> None:
    """Without a value the option means stderr, with one a file."""
    log = tmp_path / "access.jsonl"
    assert arguments_for("--no-auth")["log"] is None
    assert arguments_for("--no-auth", "--access-log")["log"] is not None
    assert arguments_for("--no-auth", "--access-log", str(log))["log"] is not None
    assert log.exists()


@dataclass
class Running:
    """A running `vecgate serve`: its URL, its stderr until it was ready, and the rest of its stderr."""

    url: str
    hints: str
    rest: str = ""

    def call(self, region: str, access_key: str, secret_key: str, operation: str, **members: str) -> Any:
        """Call one operation with these keys."""
        client = boto3.client(
            "s3vectors",
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
        )
        with closing(client):
            return getattr(client, operation)(**members)


def start_serve(*options: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return child_process(
        [*SERVE, "--port", "0", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def serving_with(*options: str) -> Iterator[Running]:
    with start_serve(*options) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        running = Running(process.stdout.readline().split()[-1], "")
        while "Ctrl-C" not in running.hints:
            line = process.stderr.readline()
            assert line, "it has exited"
            running.hints += line
        try:
            yield running
        finally:
            process.terminate()
            running.rest = process.stderr.read()
            process.wait(WITHIN_S)


# --- the documentation ---

DOCS = (Path(__file__).parents[3] / "docs" / "endpoint.md").read_text()


def test_every_option_is_documented() -> None:
    """The table of options lists them and no others."""
    options = {
        name
        for parameter in serve.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in parameter.opts
    }
    documented = set(re.findall(r"`(--[a-z-]+)`", DOCS.split("## Options")[1].split("\n\nSIGTERM")[0]))
    assert documented == options


def backup(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SERVE, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_a_backup_of_a_stopped_and_of_a_running_endpoint(tmp_path: Path) -> None:
    """The directory of a running one is in use: with its token, it makes the backup itself."""
    data_dir, first, second = tmp_path / "data", tmp_path / "first", tmp_path / "second"
    with LocalEndpoint(data_dir=data_dir) as endpoint:
        boto3.client(
            "s3vectors",
            endpoint_url=endpoint.url,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        ).create_vector_bucket(vectorBucketName="bucket")
        port = urlsplit(endpoint.url).port
        in_use = backup("--backup", first, "--data-dir", data_dir)
        hot = backup(
            "--backup",
            first,
            "--data-dir",
            data_dir,
            "--port",
            port,
            VECGATE_ADMIN_TOKEN=endpoint.admin_token,
        )
    cold = backup("--backup", second, "--data-dir", data_dir)
    again = backup("--backup", second, "--data-dir", data_dir)
    assert (in_use.returncode, hot.returncode, cold.returncode, again.returncode) == (2, 0, 0, 2)
    assert in_use.stderr.startswith(f"error: another endpoint is using {data_dir}\nhint: ")
    assert "--admin-token" in in_use.stderr
    assert hot.stdout.startswith(f"wrote and verified {first} (")
    assert again.stderr.startswith(f"error: {second} exists already\n")
    for number, file in enumerate((first, second)):
        restored = tmp_path / str(number)
        restored.mkdir()
        file.rename(restored / "endpoint.sqlite")
        with open_state(restored) as state:
            assert list(state.buckets) == ["bucket"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "--backup needs the --data-dir of a stopped endpoint, or the --admin-token of a running one"),
        (["--data-dir", "missing"], "there is no endpoint.sqlite in missing"),
    ],
)
def test_a_backup_of_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VECGATE_ADMIN_TOKEN", raising=False)
    result = CliRunner().invoke(serve, ["--backup", "file", *arguments])
    assert str(result.exception) == problem
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_directory_is_named_and_can_be_recovered(tmp_path: Path) -> None:
    """Exit code 2; --recover names the loss and starts."""
    with LocalEndpoint(data_dir=tmp_path) as endpoint:
        assert endpoint.pid
    counter = tmp_path / "endpoint.changes"
    counter.write_bytes(b"damaged")
    refused = backup("--data-dir", tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: the database {tmp_path / 'endpoint.sqlite'} is damaged: ")
    assert "--recover" in refused.stderr
    recovered = backup("--data-dir", tmp_path, "--recover", "--backup", tmp_path / "backup")
    assert recovered.returncode == 0
    assert recovered.stderr.startswith("WARNING: recovered ")


@pytest.mark.parametrize("presets", [quotas.PRESETS, latency.PRESETS, injection.PRESETS])
def test_every_preset_is_documented_and_in_the_help(presets: Mapping[str, object]) -> None:
    help_ = " ".join(CliRunner().invoke(serve, ["--help"], terminal_width=1000).output.split())
    for name in presets:
        assert f"| `{name}` |" in DOCS
        assert re.search(rf"\b{name}\b", help_)


def test_the_rate_of_every_preset_fault_is_documented() -> None:
    for name, plan in injection.PRESETS.items():
        line = next(line for line in DOCS.splitlines()[::-1] if line.startswith(f"| `{name}` |"))
        for fault in plan.faults:
            assert f"{fault.rate * 100:g} %" in line
            assert fault.kind in line or fault.kind in {"latency", "stall"}


def test_every_kind_of_fault_admin_call_and_metric_is_documented() -> None:
    for kind in injection.FaultKind:
        assert f"| `{kind}` |" in DOCS
    gateway = Gateway(State())
    for name, methods in AdminApi(gateway)._calls.items():
        for method in methods:
            assert f"`{method} /_vecgate/{name}`" in DOCS
    for name in re.findall("# TYPE (\\S+)", gateway.metrics.format_text(count_resources(State()))):
        assert f"`{name}`" in DOCS
