"""Texts as they were looked at and found good. VECGATE_GOLDEN=write takes what is printed now for good."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "reporting" / "golden"


def is_golden(name: str, text: str) -> bool:
    """Whether *text* is what the file *name* holds."""
    path = FOLDER / name
    if os.environ.get("VECGATE_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8") == text
