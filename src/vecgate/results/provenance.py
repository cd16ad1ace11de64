"""Facts about where a result was made. They decide which runs can be compared."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def new_run_id() -> str:
    """Return a random id for a run; it becomes part of the names of all resources that the run creates."""
    return secrets.token_hex(4)


def utc_now() -> str:
    """Return the current time in UTC as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def seconds_since(started_at: str) -> float:
    """Return the seconds since *started_at*, an ISO 8601 timestamp."""
    return round((datetime.now(UTC) - datetime.fromisoformat(started_at)).total_seconds(), 3)


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of those *packages* that are installed."""
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def describe_machine() -> dict[str, str]:
    """Return facts about the machine that identify neither it nor its user."""
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
    }


def _processor() -> str:
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
