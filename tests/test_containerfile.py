"""The recipe of the container image, as far as it can be checked without an engine that builds it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from child_processes import child_process
from command_lines import find_problems

from vecgate.endpoint.local import READY

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")


def instructions() -> Iterator[tuple[str, str]]:
    """Yield name and arguments of each instruction; a backslash continues a line."""
    plain = "\n".join(line for line in TEXT.splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n\s*", "", plain).splitlines():
        if line.strip():
            name, _, arguments = line.partition(" ")
            yield name, arguments.strip()


ALL = list(instructions())
LAST_STAGE = ALL[max(number for number, (name, _) in enumerate(ALL) if name == "FROM") :]


def words_of(name: str) -> list[str]:
    """Return the words of an instruction in the exec form, which needs no shell."""
    (found,) = [arguments for each, arguments in LAST_STAGE if each == name]
    words: list[str] = json.loads(found)
    return words


def test_every_instruction_exists() -> None:
    """And every line belongs to one."""
    known = {
        "ARG",
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "VOLUME",
        "EXPOSE",
        "ENTRYPOINT",
        "CMD",
        "HEALTHCHECK",
    }
    assert {name for name, _ in ALL} <= known
    assert [name for name, _ in ALL[:2]] == ["ARG", "FROM"]


def test_all_stages_have_the_base_that_a_release_pins() -> None:
    """By its digest: RELEASING.md."""
    assert ALL[0][1].startswith("BASE=docker.io/library/python:3.13-slim")
    assert {arguments.split()[0] for name, arguments in ALL if name == "FROM"} == {"${BASE}"}


def test_what_is_copied_exists() -> None:
    """Also from another stage, of which only the result is kept."""
    copied = [arguments.split() for name, arguments in ALL if name == "COPY"]
    sources = [word for words in copied for word in words[:-1] if not word.startswith("--")]
    assert [each for each in sources if not each.startswith("/") and not (ROOT / each).exists()] == []


def test_nothing_runs_as_root() -> None:
    """The user is a number, so that an orchestrator can check it; it owns the data and nothing else."""
    names = [name for name, _ in LAST_STAGE]
    user = dict(LAST_STAGE)["USER"]
    assert int(user) > 1_000
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "RUN" not in names[names.index("USER") :]
    owned = [arguments for name, arguments in LAST_STAGE if name == "COPY" and f"--chown={user}" in arguments]
    assert [each.split()[-1] for each in owned] == ["/data"]


def test_packages_are_installed_by_hash() -> None:
    """And the installer does not stay."""
    run = next(arguments for name, arguments in ALL if name == "RUN")
    assert "--require-hashes -r .ci/requirements/serve.txt" in run
    assert "--no-deps --no-build-isolation ." in run
    assert "pip uninstall --yes" in run


def test_the_command_is_valid_and_shows_no_admin_api() -> None:
    """It serves other machines, with signatures; metrics need the token."""
    words = [*words_of("ENTRYPOINT"), *words_of("CMD")]
    assert words[:4] == ["/vecgate/bin/python", "-m", "vecgate", "serve"]
    assert list(find_problems(" ".join(words[2:]))) == []
    assert not {"--no-auth", "--open-metrics"} & set(words)


@pytest.mark.nightly
def test_the_endpoint_starts_and_is_healthy(tmp_path: Path) -> None:
    """With this Python, a free port and a folder of the test; the health check of the image agrees."""
    words = [*words_of("ENTRYPOINT"), *words_of("CMD"), "--port", "0"]
    words = [
        {"/vecgate/bin/python": sys.executable, "/data": str(tmp_path)}.get(word, word) for word in words
    ]
    with child_process(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().removeprefix(READY).strip().rpartition(":")[2]
        check = next(arguments for name, arguments in LAST_STAGE if name == "HEALTHCHECK")
        command = json.loads(check[check.index("[") :])[1:]
        healthy = [sys.executable, *(word.replace("7333", port) for word in command)]
        assert subprocess.run(healthy, check=False, timeout=30).returncode == 0
    assert subprocess.run(healthy, check=False, timeout=30, stderr=subprocess.DEVNULL).returncode != 0
