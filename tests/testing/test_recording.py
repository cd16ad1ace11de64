from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from vecgate.targets.capabilities import Capabilities
from vecgate.targets.target import Target
from vecgate.testing import recording
from vecgate.testing.opening import Opened


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


@pytest.mark.parametrize(("name", "is_told"), [("moto", True), ("local", False)])
def test_the_header_tells_what_a_known_target_was(
    pytestconfig: pytest.Config, name: str, *, is_told: bool
) -> None:
    """Of moto its version: what it keeps changes from one to the next."""
    pytest.importorskip("moto")
    target = Target(name, "http://127.0.0.1:1", "us-east-1", "a test", None)
    header = recording.header_of(Opened("r1", target, Capabilities({})), pytestconfig, unlisted=())
    assert header.versions.get("moto") == (version("moto") if is_told else None)
