"""The programs `java`, `javac` and `mvn`: their paths, and runs of them with a time limit."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from vecgate.errors import TargetUnreachable, UsageError, VecgateError
from vecgate.process import run_child
from vecgate.redaction import redact

JAVA_VERSION_MIN = 17
#: How long each program may run.
VERSION_TIMEOUT_S, COMPILE_TIMEOUT_S, DOWNLOAD_TIMEOUT_S = 30.0, 120.0, 600.0
PACKAGES_HINT = (
    "Install a JDK 17 or newer and Maven, such as Debian's default-jdk-headless and maven, "
    "or start the server yourself and use its URL as the target."
)
#: `openjdk version "17.0.15" 2025-04-15`, or `java version "1.8.0_402"` before Java 9.
VERSION = re.compile(r'version "(?:1\.)?(\d+)')
LINE_CHARACTERS_MAX = 300


def find_program(name: str, environment: Mapping[str, str], *, needed_by: str) -> str:
    """Return the path of the program *name*: in `JAVA_HOME`, else in `PATH`.

    Raises UsageError if it is not installed. *needed_by* is the server that needs it.
    """
    home = environment.get("JAVA_HOME", "")
    folders = [str(Path(home) / "bin")] if home else []
    path = os.pathsep.join([*folders, environment.get("PATH", os.defpath)])
    found = shutil.which(name, path=path)
    if found is None:
        raise UsageError(f"{needed_by} needs {name}, which is not installed", hint=PACKAGES_HINT)
    return found


def check_java(java: str, *, needed_by: str) -> None:
    """Raise UsageError if the program *java* is older than the servers allow."""
    output = run_program([java, "-version"], f"{java} -version", VERSION_TIMEOUT_S)
    match = VERSION.search(output)
    version = int(match[1]) if match else 0
    if version < JAVA_VERSION_MIN:
        found = f"is version {version}" if match else "does not print its version"
        raise UsageError(
            f"{needed_by} needs Java {JAVA_VERSION_MIN} or newer, and {java} {found}", hint=PACKAGES_HINT
        )


def run_program(command: Sequence[str], label: str, timeout_s: float, *, hint: str = "") -> str:
    """Return the output of *command*.

    Raises TargetUnreachable, with the line that says why, if it fails or does not end within *timeout_s*.
    """
    try:
        ended = run_child(command, timeout_s=timeout_s)
    except VecgateError as error:
        raise TargetUnreachable(f"{label}: {error}", hint=hint) from error
    if ended.code != 0:
        raise TargetUnreachable(f"{label} failed: {first_error(ended.output)}", hint=hint)
    return ended.output


def first_error(output: str) -> str:
    """Return the line of *output* that says why a program failed, redacted and truncated."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("[ERROR]").strip() for line in lines if "error" in line.lower()]
    line = next(iter(errors or lines[-1:]), "it printed no message")
    return redact(line)[:LINE_CHARACTERS_MAX]
