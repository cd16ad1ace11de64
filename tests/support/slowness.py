"""How much slower than it is this process is made."""

from __future__ import annotations

import os
import sys


def slowness() -> float:
    """1 without coverage and its like, and a bound on what they cost with them."""
    return 1.0 if sys.gettrace() is None and "COVERAGE_PROCESS_START" not in os.environ else 4.0
