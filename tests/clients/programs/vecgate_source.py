"""Makes this checkout importable in an environment whose botocore is older than the one that vecgate needs."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

_version = importlib.metadata.version


def _version_here(distribution_name: str) -> str:
    return "0" if distribution_name == "vecgate" else _version(distribution_name)


sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "src"))
# It is not installed there, so it has no metadata.
importlib.metadata.version = _version_here
