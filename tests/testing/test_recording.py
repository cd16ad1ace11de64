from __future__ import annotations

import sys
from pathlib import Path

from vecgate.testing import recording


def test_results_tell_no_folder_of_this_machine() -> None:
    """They are published: a traceback says where in the code, and nothing of where the code is."""
    source = Path(recording.__file__)
    text = f"{source}:12: AssertionError\n[gw0] linux -- {sys.prefix}/bin/python\nsee {Path.cwd()}/notes.txt"
    told = recording.anybodys(text)
    assert str(Path.cwd()) not in told
    assert sys.prefix not in told
    assert "testing/recording.py:12: AssertionError" in told
    assert "-- bin/python" in told


def test_other_text_stays() -> None:
    """Also what looks like a path."""
    assert recording.anybodys("PUT /PutVectors, not /GetVectors") == "PUT /PutVectors, not /GetVectors"
