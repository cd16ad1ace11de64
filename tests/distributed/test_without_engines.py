"""The package needs neither engine, and the connectors say which extra they need."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import requires

import pytest


@pytest.mark.parametrize(
    ("module", "engine", "extra"), [("ray", "ray", "ray"), ("spark", "pyspark", "spark")]
)
def test_a_connector_without_its_engine_names_the_extra(
    module: str, engine: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, also for a program that catches ImportError."""
    monkeypatch.delitem(sys.modules, f"vecgate.distributed.{module}", raising=False)
    for name in [each for each in sys.modules if each.partition(".")[0] == engine]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, engine, None)
    with pytest.raises(
        ImportError, match=rf"^vecgate.distributed.{module} needs .*pip install 'vecgate\[{extra}\]'$"
    ):
        importlib.import_module(f"vecgate.distributed.{module}")


def test_vecgate_installs_no_engine() -> None:
    """Only the extras name them."""
    engines = [each for each in requires("vecgate") or [] if each.startswith(("ray", "pyspark"))]
    assert all("extra ==" in each for each in engines)
