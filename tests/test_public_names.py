"""`import vecgate`: its names, and how complete its types are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import vecgate

#: Percent of the public symbols, of all modules, whose type is known without inferring it.
COMPLETE_MIN = 99.0
#: First, because an editable installation has a folder `vecgate` with data beside other packages.
SRC = Path(vecgate.__file__).parents[1]


def test_dir_lists_the_public_names_and_nothing_else() -> None:
    """Also those that are imported on first use, as `from vecgate import *` gives them."""
    assert dir(vecgate) == sorted(vecgate.__all__)
    names: dict[str, object] = {}
    exec("from vecgate import *", names)  # noqa: S102 - what is tested
    assert names.keys() - {"__builtins__"} == set(vecgate.__all__)


@pytest.mark.parametrize("name", sorted(set(vecgate.__all__) - {"__version__"}))
def test_a_public_name_is_that_of_its_module(name: str) -> None:
    """And can be pickled and looked up by it."""
    value = getattr(vecgate, name)
    assert value.__name__ == name
    assert getattr(import_module(value.__module__), name) is value
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """With its name."""
    with pytest.raises(AttributeError, match="'vecgate' has no attribute 'acelerate'"):
        _ = vecgate.acelerate  # type: ignore[attr-defined]


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.skipif(find_spec("pyright") is None, reason="needs pyright: pip install --group types")
def test_the_types_are_complete(tmp_path: Path) -> None:
    """As pyright counts: annotated, not inferred, in every module that users can import."""
    # The option `--pythonpath` does not make pyright find the packages that vecgate uses; an active environment does.
    active = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(SRC),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--ignoreexternal", "--verifytypes", "vecgate"],
        cwd=tmp_path, env=active, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert ended.stdout.lstrip().startswith("{"), ended.stdout + ended.stderr
    result = json.loads(ended.stdout)["typeCompleteness"]
    unknown = [
        f"{each['name']}: {detail['message']}"
        for each in result["symbols"]
        if each["isExported"] and not each["isTypeKnown"]
        for detail in each["diagnostics"]
    ]
    assert sum(result["exportedSymbolCounts"].values()) > 5_000, ended.stdout[:2_000]
    assert 100 * result["completenessScore"] >= COMPLETE_MIN, "\n".join(unknown)
