"""The secret that a master and its workers share: where it comes from, and the command line of a worker."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from vecgate.errors import UsageError
from vecgate.load.master_secret import (
    SECRET_VARIABLE,
    given_secret,
    master_lines,
    new_secret,
    worker_command,
)

SECRET = "0123456789abcdef"


def test_a_new_secret_is_long_and_different() -> None:
    """Long enough to be accepted as a given one."""
    first, second = new_secret(), new_secret()
    assert first != second
    assert given_secret({SECRET_VARIABLE: first}) == first


def test_the_secret_is_that_of_the_file_or_of_the_environment(tmp_path: Path) -> None:
    """The file wins. Without either there is none."""
    file = tmp_path / "secret"
    file.touch(0o600)
    file.write_text(f"{SECRET}-file\n")
    assert given_secret({}) == ""
    assert given_secret({SECRET_VARIABLE: SECRET}) == SECRET
    assert given_secret({SECRET_VARIABLE: SECRET}, file) == f"{SECRET}-file"


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (SECRET.encode(), 0o640, "is readable by others"),
        (b" \n", 0o600, "is empty"),
        (b"\xff" * 20, 0o600, "is not text"),
        (b"short", 0o600, "has 5 characters; allowed are 16 or more"),
    ],
)
def test_a_file_that_does_not_keep_a_secret_is_refused(
    tmp_path: Path, content: bytes, mode: int, message: str
) -> None:
    """The message does not repeat it."""
    file = tmp_path / "secret"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(UsageError, match=message) as caught:
        given_secret({}, file)
    assert content.strip() == b"" or content.decode(errors="replace") not in str(caught.value)


def test_the_command_of_a_worker_has_the_secret_in_its_environment() -> None:
    """Not among its arguments, which other users of the machine see. A given secret is not repeated."""
    first, *words = shlex.split(worker_command(5557, SECRET))
    assert first == f"{SECRET_VARIABLE}={SECRET}"
    assert words[:4] == ["vecgate", "ramp", "--worker", "--master-host"]
    assert words[-2:] == ["--master-port", "5557"]
    assert worker_command(5557, "") == shlex.join(words)


def test_a_master_says_where_it_is_and_what_its_workers_need() -> None:
    """And for how many worker processes it waits."""
    lines = master_lines(5557, 3, secret=SECRET)
    assert ":5557, waits for 3 worker processes" in lines[0]
    text = "\n".join(lines)
    for needed in ("port 5557", "the secret", "clock", "credentials", worker_command(5557, SECRET)):
        assert needed in text
    assert "waits for 1 worker process;" in master_lines(5557, 1, secret="")[0]
