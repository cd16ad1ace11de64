"""No command prints or writes a secret, or anything executable, whatever a server answers."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from echo_server import EVIL, EchoServer, echo_server

from vecgate.cli.main import main

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
            if ".journal" in name:
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
    """Ingest, deletion, search, export, diagnosis and clean-up."""
    write_input()
    target = canary.target(mode, by_file=by_file)
    for batch in ((), ("--batch", "1")):
        canary.run("put", "in.jsonl", *INDEX, *target, "-o", "put.jsonl", "--restart", *batch)
    canary.run("put", "in.jsonl", "--check")
    canary.run("delete", "in.jsonl", *INDEX, *target, "-o", "delete.jsonl", "--yes")
    canary.run("query", *INDEX, *target, "--key", "k0")
    canary.run("query", *INDEX, *target, "--key", "k0", "--json")
    canary.run("scan", *INDEX, *target)
    canary.run("scan", *INDEX, *target, "-o", "scan.jsonl")
    canary.run("doctor", *target, "--for", "put", *INDEX)
    canary.run("doctor", *target, "--json")
    canary.run("clean", *target, "--older-than", "0h")
    canary.run("clean", *target, "--yes", "--json")
    canary.run("report", "put.jsonl", "-o", "put.html")


def test_a_conformance_run(canary: Canary) -> None:
    """Failures repeat what the server said: in the stream, in all files for CI, in the report."""
    target = canary.target("invalid", by_file=True)
    selection = "GetVectorBucket and not limits or altered"
    stream = ("-o", "c.jsonl", "--draft-deviations", "d.toml.txt")
    canary.run("conform", "--level", "quick", "-k", selection, *target, *stream, *CI_FILES)
    canary.run("report", "c.jsonl", "-o", "c.html", "--json")
    canary.run("compare", "c.jsonl", "c.jsonl", "--markdown", "compare.md")
    assert Path("c.jsonl").read_text().count('"record":"requirement"') >= 1
    ET.parse("j.xml")  # noqa: S314 - written by the code under test
    json.loads(Path("c.json").read_text())
    tomllib.loads(Path("d.toml.txt").read_text())


@pytest.mark.parametrize("mode", ["refused", "invalid"])
def test_load_tests(canary: Canary, mode: str) -> None:
    """Their requests run in a child process, which registers the secrets itself."""
    Path("small.toml").write_text(SCENARIO)
    target = canary.target(mode, by_file=mode == "invalid")
    canary.run("ramp", "small.toml", *target, "-o", "r.jsonl", *CI_FILES)
    if Path("r.jsonl").exists():
        canary.run("report", "r.jsonl", "-o", "r.html")
    canary.run("scale", *target, "--dimension", "4", "--batches", "2", "--in-flight", "1", "--seconds", "0.1")
    one = ("--from", "10", "--to", "20", "--trial", "1s", "--trials", "1", "--confirm", "0")
    canary.run("capacity", "small.toml", *target, *one, "-o", "capacity.jsonl")


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
