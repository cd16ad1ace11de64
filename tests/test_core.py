"""The core works without the packages of any extra, and nothing imports more than it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import core_program
import pytest

from vecgate.bulk.config import PRESETS
from vecgate.bulk.sources.plain_values import Nulls, Timestamps
from vecgate.bulk.transport.paced_sender import READ_REQUESTS_PER_S
from vecgate.cli import options, source_options
from vecgate.cli.main import COMMANDS
from vecgate.endpoint.local import LocalEndpoint
from vecgate.errors import UsageError
from vecgate.extras import EXTRA_OF, import_extra
from vecgate.s3vectors.limits import SEGMENTS_MAX, TOP_K_MAX

#: What `--help` may not import: it takes most of the time that a command needs to start.
SLOW = {
    *core_program.OF_EXTRAS - {"click"},
    *("asyncio", "boto3", "botocore", "msgspec", "numpy", "platformdirs", "sqlite3", "ssl", "urllib3"),
}
#: Prints the slow modules that are loaded after `import vecgate`, `vecgate --help` and the help of each command.
HELPS = f"""
import contextlib, io, json, sys
import vecgate
found = {{"vecgate": sorted(set(sys.modules) & {SLOW | {"click"}!r})}}
from vecgate.cli.main import cli
def helped(*words):
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            cli.main([*words, "--help"], prog_name="vecgate", standalone_mode=False)
        except SystemExit:
            pass
    return sorted(set(sys.modules) & {SLOW!r})
found["--help"] = helped() + [name for name in sys.modules if name.startswith("vecgate.cli.commands.")]
for command in {list(COMMANDS)!r}:
    found[command] = helped(command)
print(json.dumps(found))
"""


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "VECGATE_"))
    }
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True, text=True, check=False, timeout=60, cwd=cwd, env=environment,
    )  # fmt: skip


def test_the_core_needs_no_extra(tmp_path: Path) -> None:
    """`accelerate`, `BulkWriter`, `BulkReader` and all actions of the Lambda function run without the packages
    of extras. What needs one names it.
    """
    with LocalEndpoint() as endpoint:
        ended = run(core_program.__file__, endpoint.url, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "written": [300, 300],
        "read": [True, True],
        "counted": 601,
        "problems": [
            "a.parquet needs pyarrow, which is not installed: pip install 'vecgate[files]'",
            "progress=True needs rich, which is not installed: pip install 'vecgate[cli]'",
        ],
        "lambda": [200, 200, 200, 200, 200],
        "extras": [],
    }


def test_help_imports_nothing_slow() -> None:
    """Neither `import vecgate` nor the help of any command loads boto3, numpy or a package of another extra."""
    ended = run("-c", HELPS)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {name: [] for name in ("vecgate", "--help", *COMMANDS)}


def test_what_help_states_is_what_the_modules_state() -> None:
    """Option texts have copies of these, because importing the modules takes time."""
    assert tuple(PRESETS) == options.PRESET_NAMES
    assert PRESETS["full"].in_flight == options.IN_FLIGHT_DEFAULT
    assert (READ_REQUESTS_PER_S, SEGMENTS_MAX, TOP_K_MAX) == (
        options.READS_PER_S_DEFAULT,
        options.SEGMENTS_MAX,
        options.TOP_K_MAX,
    )
    assert tuple(Timestamps) == source_options.TIMESTAMPS
    assert tuple(Nulls) == source_options.NULLS


def test_without_click_the_command_names_its_extra() -> None:
    """In one line, as wrong usage."""
    ended = run("-c", "import sys; sys.modules['click'] = None; from vecgate.__main__ import main; main()")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert (
        ended.stderr
        == "error: the command line needs click, which is not installed: pip install 'vecgate[cli]'\n"
    )


@pytest.mark.parametrize("package", sorted(EXTRA_OF))
def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """In a message and a hint of one line each."""

    def import_module(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=f"{package}.part")

    monkeypatch.setattr("vecgate.extras.import_module", import_module)
    with pytest.raises(UsageError, match=f"^the file needs {package}, which is not installed$") as caught:
        import_extra("vecgate.any", "the file")
    assert caught.value.hint == f"pip install 'vecgate[{EXTRA_OF[package]}]'"


def test_a_missing_package_of_no_extra_is_no_usage_error() -> None:
    """It is a bug, and must not look like a missing extra."""
    with pytest.raises(ModuleNotFoundError):
        import_extra("vecgate.no_such_module", "the file")
