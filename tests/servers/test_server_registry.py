"""Servers by name. Programs named `java`, `javac` and `mvn` stand in for the real ones."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from importlib import metadata
from pathlib import Path

import platformdirs
import pytest
from botocore.exceptions import EndpointConnectionError
from child_processes import child_process, wait_until
from java_stand_ins import write_programs

from vecgate.errors import TargetUnreachable, UsageError
from vecgate.servers.server_registry import SERVERS, is_server_name, start_server
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice, is_embedded

JAVA_SERVERS = ("s3mock", "local-s3")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is all of `PATH`, beside an empty cache directory."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return folder


def installed(tmp_path: Path) -> list[str]:
    """Return the names of the installed servers, and of everything that an installation left."""
    folder = tmp_path / "cache" / "vecgate" / "servers"
    return sorted(each.name.rpartition("-")[0] for each in folder.iterdir()) if folder.exists() else []


def test_moto_runs_as_long_as_the_target_is_open() -> None:
    """In its own process, on a free port."""
    with open_target(TargetChoice("moto"), {}) as target:
        assert (target.name, target.version) == ("moto", metadata.version("moto"))
        client = target.client()
        client.create_vector_bucket(vectorBucketName="vg-moto")
        found = client.get_vector_bucket(vectorBucketName="vg-moto")
        assert found["vectorBucket"]["vectorBucketName"] == "vg-moto"
        client.close()
    client = target.client()
    with closing(client), pytest.raises(EndpointConnectionError):
        client.list_vector_buckets()


def test_without_moto_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not a core dependency."""

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(UsageError, match="moto is not installed") as caught, start_server("moto"):
        pass
    assert "vecgate[moto]" in caught.value.hint


def test_another_version_of_moto_than_the_installed_one_is_refused() -> None:
    """A run must not show the version that the user named while another one answered."""
    with pytest.raises(UsageError, match=r"moto 0\.1 is not installed") as caught, start_server("moto@0.1"):
        pass
    assert caught.value.hint == "pip install 'moto[server]==0.1'"


@pytest.mark.parametrize("text", ["s3mock@", "s3mock@../5", "s3mock@5 <x>", "local-s3@-1", "moto@ 5"])
def test_a_version_is_one_word(text: str) -> None:
    """It becomes part of a file name and of a Maven project."""
    with pytest.raises(UsageError, match="is not a version"):
        start_server(text)


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("s3mock", True),
        ("s3mock@5.2.0", True),
        ("moto@", True),
        ("local", False),
        ("s3mocks", False),
        ("http://s3mock@127.0.0.1:9", False),
        ("", False),
    ],
)
def test_a_name_is_recognised_with_and_without_a_version(name: str, *, is_known: bool) -> None:
    """Everything on such a server is lost when the command ends, as on the local endpoint."""
    assert is_server_name(name) is is_known
    assert is_embedded(name) is (is_known or name == "local")


@pytest.mark.parametrize("name", JAVA_SERVERS)
def test_a_java_server_is_downloaded_once(name: str, programs: Path, tmp_path: Path) -> None:
    """A second start needs neither Maven nor a compiler."""
    notes = write_programs(programs)
    with start_server(name) as server:
        assert (server.name, server.version) == (name, SERVERS[name].version)
        assert (server.url, server.pid > 0) == ("http://127.0.0.1:1", True)
    (programs / "mvn").unlink()
    (programs / "javac").unlink()
    with start_server(name):
        pass
    project = notes.read_text()
    assert project.count("<project>") == 1
    assert f"<version>{SERVERS[name].version}</version>" in project
    assert installed(tmp_path) == [f"{name}-{SERVERS[name].version}"]


def test_a_version_can_be_pinned(programs: Path, tmp_path: Path) -> None:
    """Each version has its own folder."""
    write_programs(programs)
    for text in ("s3mock@5.1.0", "s3mock"):
        with start_server(text) as server:
            assert server.name == "s3mock"
    assert installed(tmp_path) == ["s3mock-5.1.0", "s3mock-5.2.0"]


@pytest.mark.parametrize("missing", ["java", "javac", "mvn"])
def test_a_missing_program_is_named(missing: str, programs: Path) -> None:
    """The hint says what to install, and the way without it."""
    write_programs(programs)
    (programs / missing).unlink()
    with pytest.raises(UsageError) as caught, start_server("s3mock"):
        pass
    assert str(caught.value) == f"s3mock needs {missing}, which is not installed"
    assert "JDK 17" in caught.value.hint
    assert "its URL" in caught.value.hint


@pytest.mark.parametrize(("found", "named"), [("11.0.2", "is version 11"), ("1.8.0_402", "is version 8")])
def test_an_old_java_is_refused(programs: Path, found: str, named: str) -> None:
    """Before anything is downloaded."""
    notes = write_programs(programs, version=found)
    with (
        pytest.raises(UsageError, match=f"needs Java 17 or newer, and .*java {named}"),
        start_server("s3mock"),
    ):
        pass
    assert not notes.exists()


def test_java_home_precedes_the_path(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every other Java program."""
    write_programs(programs, version="11")
    home = tmp_path / "jdk"
    (home / "bin").mkdir(parents=True)
    write_programs(home / "bin")
    monkeypatch.setenv("JAVA_HOME", str(home))
    with start_server("local-s3") as server:
        assert server.pid


def test_a_failed_download_leaves_nothing_and_says_why(programs: Path, tmp_path: Path) -> None:
    """The next start tries again."""
    write_programs(programs, mvn_fails=True)
    with pytest.raises(TargetUnreachable) as caught, start_server("s3mock@9.9.9"):
        pass
    assert str(caught.value) == ("the download of s3mock 9.9.9 failed: Could not find artifact a:b:jar:9.9.9")
    assert "version exists" in caught.value.hint
    assert installed(tmp_path) == []


def test_a_server_that_fails_shows_its_message(programs: Path) -> None:
    """A framework prints a page; the launcher prints the cause alone."""
    write_programs(programs, java_fails=True)
    with pytest.raises(UsageError, match=r"s3mock 5\.2\.0 did not start: java\.net\.BindException"):  # noqa: SIM117
        with start_server("s3mock"):
            pass


def test_a_cache_that_cannot_be_written_is_named(programs: Path, tmp_path: Path) -> None:
    """Instead of a traceback."""
    write_programs(programs)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UsageError, match="jars of s3mock cannot be stored in"), start_server("s3mock"):
        pass


def needs_java() -> None:
    """Skip a test where the real programs are missing, or a download is impossible."""
    if missing := [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)} not installed")


@pytest.mark.nightly
@pytest.mark.parametrize("name", JAVA_SERVERS)
def test_a_real_server_ends_with_a_process_that_is_killed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers first, and leaves no temporary folder of its own."""
    needs_java()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = (
        "import os, signal, time\n"
        "from vecgate.servers.server_registry import start_server\n"
        f"with start_server({name!r}) as server:\n"
        "    print(server.pid, server.url, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with child_process([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, url = parent.stdout.readline().split()
        with open_target(TargetChoice(url), os.environ) as target, closing(target.client()) as client:
            assert client.list_vector_buckets()["vectorBuckets"] == []
        os.kill(parent.pid, signal.SIGKILL)
        assert list(tmp_path.iterdir())
        wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert list(tmp_path.iterdir()) == []
