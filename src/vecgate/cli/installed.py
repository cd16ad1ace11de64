"""What is installed: versions that a question is answered by, and the extras that are there."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, metadata, version

from vecgate.results.provenance import versions_of
from vecgate.targets.findings import Finding

PACKAGES = ("vecgate", "boto3", "botocore", "numpy", "orjson", "uvicorn")
#: A requirement of an extra, as the metadata of a package has it.
OF_EXTRA = re.compile(r"([\w.-]+).*extra\s*==\s*['\"]([\w-]+)['\"]")


def versions_finding() -> Finding:
    """The versions of Python and of what vecgate stands on."""
    told = ", ".join(f"{name} {number}" for name, number in versions_of(PACKAGES).items())
    return Finding("versions", "ok", told)


def extras_finding() -> Finding:
    """Which extras are installed, and how to get the others."""
    missing = sorted(name for name, packages in _extras().items() if not all(map(_is_here, packages)))
    there = sorted(_extras().keys() - set(missing))
    told = f"{', '.join(there) or 'none'} installed" + (f"; not {', '.join(missing)}" if missing else "")
    return Finding("extras", "ok", told, f"pip install 'vecgate[{','.join(missing)}]'" if missing else "")


def _extras() -> dict[str, list[str]]:
    """Extra to the packages that it takes."""
    found: dict[str, list[str]] = defaultdict(list)
    for requirement in metadata("vecgate").get_all("Requires-Dist") or []:
        if match := OF_EXTRA.match(requirement):
            found[match[2]].append(match[1])
    return found


def _is_here(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
