from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vecgate.conformance_kit import result_recorder
from vecgate.conformance_kit.target_session import TargetSession
from vecgate.targets.capabilities import Capabilities
from vecgate.targets.target import Target


def test_results_contain_no_local_folder() -> None:
    """Results are published: a traceback has the path in the package, and not the folder of the package."""
    source = Path(result_recorder.__file__)
    text = f"{source}:12: AssertionError\n[gw0] linux -- {sys.prefix}/bin/python\nsee {Path.cwd()}/notes.txt"
    summary = result_recorder.strip_local_paths(text)
    assert str(Path.cwd()) not in summary
    assert sys.prefix not in summary
    assert "conformance_kit/result_recorder.py:12: AssertionError" in summary
    assert "-- bin/python" in summary


def test_other_text_is_unchanged() -> None:
    """Text that only looks like a path is unchanged."""
    assert (
        result_recorder.strip_local_paths("PUT /PutVectors, not /GetVectors")
        == "PUT /PutVectors, not /GetVectors"
    )


@pytest.mark.parametrize("known", ["5.2.5", ""])
def test_the_header_has_the_version_of_the_target(pytestconfig: pytest.Config, known: str) -> None:
    """The behaviour of a server changes from version to version; most do not say which one they are."""
    target = Target("moto", "http://127.0.0.1:1", "us-east-1", "a test", None, version=known)
    header = result_recorder.build_header(
        TargetSession("r1", target, Capabilities({})), pytestconfig, missing_core=()
    )
    assert header.versions.get("moto", "") == known
