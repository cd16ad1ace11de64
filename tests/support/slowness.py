"""The factor by which coverage slows this process down."""

from __future__ import annotations

import os
import sys


def slowness() -> float:
    """Return 1 without coverage or another tracer, else an upper bound for the factor."""
    return 1.0 if sys.gettrace() is None and "COVERAGE_PROCESS_START" not in os.environ else 4.0
