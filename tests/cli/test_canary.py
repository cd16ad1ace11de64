"""No command prints or writes a secret, or anything executable, whatever a server answers."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from child_processes import WITHIN_S, child_process, wait_until
from click import Group
from echo_server import EVIL, EchoServer, echo_server
from put_processes import free_port

from vecgate.cli.main import COMMANDS, import_command, main
from vecgate.endpoint.local import ADMIN_TOKEN_VARIABLE, READY

#: The planted secrets: three parts of the credentials, user and password of the URL, two headers.
ACCESS_KEY, SECRET_KEY = "AKIACANARY0000000001", "canarySecretKey/0123456789+abcdefghijklm"
TOKEN = "canaryToken//ABCDEFGH+ijklmnop=="
USER, PASSWORD = "canary-url-user", "canary-url-p@ssword"
HEADER, TENANT = "canary-header-secret", "Bearer canary-second-header"
SECRETS = (ACCESS_KEY, SECRET_KEY, TOKEN, USER, PASSWORD, HEADER, "canary-second-header")
#: Beside the secrets themselves: their other forms, and the parts of a signed request.
FORMS = (*SECRETS, "canary-url-p%40ssword", "canaryToken%2F%2F", "AWS4-HMAC-SHA256", "Signature=")
COMMAND = re.compile(r"^[^\S\n]*::|##\[", re.MULTILINE)
#: The workflow commands that vecgate itself prints.
OWN_COMMAND = re.compile(
    r"^::(?:error|notice) (?:file=[^:]*,)?(?:line=\d+,)?title=[^:\n]*::[^\n]*\n?", re.MULTILINE
)
INDEX = ("--bucket", "bucket", "--index", "index")
CI_FILES = ("--junit", "j.xml", "--markdown", "m.md", "--ctrf", "c.json", "--badge", "b.svg", "--annotations")
SCENARIO = """
unit = "requests"
[vectors]
dimension = 4
per_request = 2
pool = 20
[operations]
PutVectors = 1
QueryVectors = 1
[[stages]]
kind = "constant"
rate = 10
for = "1s"
"""
Line = tuple[str, ...]
#: Command lines of every command; those of a target get it as their last option.
OF_AN_INDEX: tuple[Line, ...] = (
    ("put", "in.jsonl", *INDEX, "-o", "put.jsonl", "--restart"),
    ("put", "in.jsonl", *INDEX, "-o", "put.jsonl", "--restart", "--batch", "1"),
    ("delete", "in.jsonl", *INDEX, "-o", "delete.jsonl", "--yes"),
    ("query", *INDEX, "--key", "k0"),
    ("query", *INDEX, "--key", "k0", "--json"),
    ("scan", *INDEX),
    ("scan", *INDEX, "-o", "scan.jsonl"),
    ("diff", "in.jsonl", *INDEX),
    ("diff", "--from", "bucket/other", *INDEX, "--json"),
    ("copy", "bucket/index", "bucket/other", "--yes", "-o", "copy.jsonl", "--restart"),
    ("copy", "bucket/index", "bucket/index", "--set-metadata", "a=1", "--yes", "--journal", "own.journal"),
    ("index", "list"),
    ("index", "list", "--bucket", "bucket", "--json"),
    ("index", "describe", *INDEX),
    ("index", "describe", *INDEX, "--json"),
    ("index", "count", *INDEX),
    ("index", "create", *INDEX, "--dimension", "4"),
    ("index", "delete", *INDEX, "--yes"),
    ("bucket", "list"),
    ("bucket", "list", "--json"),
    ("bucket", "describe", "--bucket", "bucket"),
    ("bucket", "create", "--bucket", "bucket", "--tag", "a=b"),
    ("bucket", "delete", "--bucket", "bucket", "--with-indexes", "--yes"),
    ("doctor", "--for", "put", *INDEX),
    ("doctor", "--json"),
    ("clean", "--older-than", "0h"),
    ("clean", "--yes", "--json"),
)
OF_FILES: tuple[Line, ...] = (
    ("put", "in.jsonl", "--check"),
    ("report", "put.jsonl", "-o", "put.html"),
    ("completion", "bash"),
)
OF_THE_SUITE: tuple[Line, ...] = (
    (
        *("conform", "--level", "quick", "-k", "GetVectorBucket and not limits or altered", "-o", "c.jsonl"),
        *("--draft-deviations", "d.toml.txt", "--evidence", "evidence.jsonl", *CI_FILES),
    ),
)
OF_A_SUITE_RUN: tuple[Line, ...] = (
    ("report", "c.jsonl", "-o", "c.html", "--json"),
    ("compare", "c.jsonl", "c.jsonl", "--markdown", "compare.md"),
)
OF_EVIDENCE: tuple[Line, ...] = (
    ("evidence", "todo"),
    ("evidence", "check", "evidence.jsonl"),
    ("evidence", "merge", "evidence.jsonl", "--into", "merged"),
)
OF_A_LOAD: tuple[Line, ...] = (
    ("ramp", "small.toml", "-o", "r.jsonl", *CI_FILES),
    ("scale", "--dimension", "4", "--batches", "2", "--in-flight", "1", "--seconds", "0.1"),
    (
        *("capacity", "small.toml", "--from", "10", "--to", "20", "--trial", "1s", "--trials", "1"),
        *("--confirm", "0", "-o", "capacity.jsonl"),
    ),
    ("sweep", "small.toml", "--rates", "10", "--trial", "1s", "-o", "sweep.jsonl"),
)


def command_names() -> Iterator[str]:
    """Yield the name of every command, and those of the subcommands of a group."""
    for name in COMMANDS:
        command = import_command(name)
        yield from (f"{name} {each}" for each in command.commands) if isinstance(command, Group) else [name]


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    """The hostile server."""
    with echo_server() as running:
        yield running


class Canary:
    """Runs commands, and searches all that they printed and wrote."""

    def __init__(
        self, server: EchoServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self._server, self._monkeypatch, self._capfd = server, monkeypatch, capfd
        self.printed = ""

    def run(self, *arguments: str) -> int:
        """Run a command and return its exit code."""
        self._monkeypatch.setattr(sys, "argv", ["vecgate", *arguments])
        with pytest.raises(SystemExit) as exited:
            main()
        out, err = self._capfd.readouterr()
        self.printed += out + err
        assert out + err, f"{arguments} printed nothing"
        return int(exited.value.code or 0)

    def run_all(self, lines: Iterable[Line], *options: str) -> None:
        """Run all command lines with *options* added."""
        for line in lines:
            self.run(*line, *options)

    def target(self, mode: str, *, by_file: bool = False) -> tuple[str, str]:
        """Return the option for the server in *mode*, as a URL or by a file with headers."""
        url = self._server.url.replace("http://", f"http://{USER}:canary-url-p%40ssword@") + f"/{mode}"
        if not by_file:
            return "--target", url
        headers = f'headers = {{ x-api-key = "{HEADER}", x-tenant = "{TENANT}" }}'
        Path(f"{mode}.toml").write_text(f'url = "{url}"\n{headers}\n')
        return "--target", f"{mode}.toml"

    def check(self) -> None:
        """Assert that neither what was printed nor any file has a secret or takes effect."""
        # The input and the files of the targets are the user's own.
        files = {
            str(path): path.read_bytes().decode(errors="replace")
            for path in Path().rglob("*")
            if path.is_file() and path.suffix != ".toml" and path.name != "in.jsonl"
        }
        for name, text in {"printed": self.printed, **files}.items():
            for secret in (*FORMS, *self._server.signatures):
                assert secret not in text, f"{name}: {secret}: {around(text, secret)}"
            if name.endswith((".journal", ".partial")):
                continue  # binary
            for character in "\x1b\x9b\x07\u202e":
                assert character not in text, f"{name}: {around(text, character)}"
            if not name.endswith(".html"):
                found = COMMAND.search(OWN_COMMAND.sub("", text))
                assert found is None, f"{name}: {found}"
            if name.endswith((".html", ".md", ".svg", ".xml")):
                assert "<script>alert" not in text, name


def around(text: str, part: str) -> str:
    """Return *part* of *text* with what is around it."""
    start = text.index(part)
    return repr(text[max(0, start - 120) : start + 60])


@pytest.fixture
def canary(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Canary]:
    """Plants the secrets, and searches everything at the end."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_REGION": "us-east-1",
        "VECGATE_DEBUG": "1",
        "GITHUB_OUTPUT": "github.out",
    }.items():
        monkeypatch.setenv(name, value)
    canary = Canary(server, monkeypatch, capfd)
    yield canary
    canary.check()


def write_input() -> None:
    """Write four records, one of them with a hostile key."""
    records = [{"key": f"k{n}", "vector": [1, 2, 3, n], "metadata": {"a": n}} for n in range(3)]
    records.append({"key": f"k{EVIL}"[:400], "vector": [0, 0, 0, 0], "metadata": {"a": EVIL}})
    Path("in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.mark.parametrize(
    ("mode", "by_file"), [("refused", True), ("invalid", False), ("invalid", True), ("answers", False)]
)
def test_commands_of_an_index(canary: Canary, mode: str, *, by_file: bool) -> None:
    """Ingest, deletion, search, export, comparison, copy, listing, diagnosis and clean-up."""
    write_input()
    canary.run_all(OF_AN_INDEX, *canary.target(mode, by_file=by_file))
    canary.run_all(OF_FILES)


def test_a_conformance_run(canary: Canary) -> None:
    """Failures repeat what the server said: in the stream, in all files for CI, in the report."""
    canary.run_all(OF_THE_SUITE, *canary.target("invalid", by_file=True))
    canary.run_all(OF_A_SUITE_RUN)
    assert Path("c.jsonl").read_text().count('"record":"requirement"') >= 1
    ET.parse("j.xml")  # noqa: S314 - written by the code under test
    json.loads(Path("c.json").read_text())
    tomllib.loads(Path("d.toml.txt").read_text())
    assert Path("evidence.jsonl").read_text().count("\n") > 1


@pytest.mark.nightly
def test_commands_of_evidence(canary: Canary) -> None:
    """Each of them reads the whole suite."""
    canary.run_all(OF_THE_SUITE, *canary.target("invalid", by_file=True))
    canary.run_all(OF_EVIDENCE)


@pytest.mark.parametrize("mode", ["refused", "invalid"])
def test_load_tests(canary: Canary, mode: str) -> None:
    """Their requests run in a child process, which registers the secrets itself."""
    Path("small.toml").write_text(SCENARIO)
    canary.run_all(OF_A_LOAD, *canary.target(mode, by_file=mode == "invalid"))
    if Path("r.jsonl").exists():
        canary.run("report", "r.jsonl", "-o", "r.html")


def test_serve(canary: Canary) -> None:
    """Its keys come from the environment. Requests of strangers repeat them, in every part."""
    variables = {
        "VECGATE_ACCESS_KEY": ACCESS_KEY,
        "VECGATE_SECRET_KEY": SECRET_KEY,
        ADMIN_TOKEN_VARIABLE: TOKEN,
    }
    command = [sys.executable, "-m", "vecgate", "serve", "--port", "0", "--access-log", "access.log"]
    with (
        open("out", "wb") as out,  # noqa: PTH123 - of a child
        child_process(command, stdout=out, stderr=out, env={**os.environ, **variables}) as server,
    ):
        wait_until(lambda: READY in Path("out").read_text(), server)
        url = Path("out").read_text().split(READY)[1].split()[0]
        # Others are refused before anything of them is read.
        evil = re.sub("[^ -~]", " ", EVIL)
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{evil}", "User-Agent": evil}
        for path in (f"/PutVectors?{SECRET_KEY}", f"/{SECRET_KEY}{quote(EVIL)}", f"/tags/{SECRET_KEY}"):
            for method in ("POST", "GET", f"X{ACCESS_KEY}"):
                with closing(HTTPConnection(urlsplit(url).netloc, timeout=WITHIN_S)) as connection:
                    connection.request(
                        method, path, json.dumps({TOKEN: EVIL, "vectors": SECRET_KEY}), headers
                    )
                    connection.getresponse().read()
        server.send_signal(signal.SIGTERM)
        server.wait(WITHIN_S)
    assert Path("access.log").read_text().count("\n") >= 6


@pytest.mark.nightly
def test_the_web_interface_of_ramp(canary: Canary) -> None:
    """The target is the hostile server; a page that knows nothing asks for everything."""
    Path("small.toml").write_text(SCENARIO)
    command = [sys.executable, "-m", "vecgate", "ramp", "small.toml", "--web", "-o", "r.jsonl"]
    environment = {**os.environ, "LOCUST_WEB_PORT": str(free_port())}
    with (
        open("out", "wb") as out,  # noqa: PTH123 - of a child
        child_process(
            [*command, *canary.target("answers", by_file=True)], stdout=out, stderr=out, env=environment
        ) as ramp,
    ):
        wait_until(lambda: "web interface at " in Path("out").read_text(), ramp)
        answers = ""
        netloc = f"127.0.0.1:{environment['LOCUST_WEB_PORT']}"
        for path in ("/", "/stats/requests", "/exceptions", "/logs", "/tasks", f"/{quote(EVIL)}", "/swarm"):
            for method in ("GET", "POST"):
                with closing(HTTPConnection(netloc, timeout=WITHIN_S)) as connection:
                    connection.request(method, path, f"user_count=1&spawn_rate=1&host={quote(EVIL)}")
                    answers += connection.getresponse().read().decode(errors="replace")
        Path("answers.html").write_text(answers)
        ramp.send_signal(signal.SIGTERM)
        ramp.wait(WITHIN_S)


@pytest.mark.nightly
def test_the_demo(canary: Canary) -> None:
    """It has an endpoint of its own, and the credentials of the user in its environment."""
    canary.run("demo", "-o", "demo.html")


def test_every_command_is_searched() -> None:
    """A new command, or a new subcommand of a group, fails here until it has a line above."""
    lines = [*OF_AN_INDEX, *OF_FILES, *OF_THE_SUITE, *OF_A_SUITE_RUN, *OF_EVIDENCE, *OF_A_LOAD]
    names = set(command_names())
    found = {" ".join(line[:2]) if " ".join(line[:2]) in names else line[0] for line in lines}
    assert found | {"serve", "demo"} == names


def test_files_of_a_run_belong_to_their_owner(canary: Canary) -> None:
    """Journal and rejects file hold records; a result stream is shared like any report."""
    write_input()
    before = os.umask(0o022)
    try:
        canary.run("put", "in.jsonl", *INDEX, *canary.target("refused"), "-o", "put.jsonl")
        canary.run("put", "in.jsonl", *INDEX, *canary.target("invalid"), "-o", "put.jsonl", "--batch", "1")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in Path().rglob("*")}
    private = [name for name in modes if name.endswith((".journal", ".rejected.jsonl"))]
    assert private
    assert {modes[name] for name in private} == {0o600}
    assert {modes["vecgate"], modes["journals"]} == {0o700}
    assert modes["put.jsonl"] == 0o644
