"""Report the installed versions and the installed extras."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, metadata, version

from vecgate.diagnostics.diagnostic import Diagnostic
from vecgate.results.provenance import installed_versions
from vecgate.s3vectors.model import MODEL_VERSION, missing_in_botocore

PACKAGES = ("vecgate", "boto3", "botocore", "numpy", "orjson", "uvicorn")
#: A requirement of an extra in the metadata of a package.
EXTRA_REQUIREMENT = re.compile(r"([\w.-]+).*extra\s*==\s*['\"]([\w-]+)['\"]")


def check_versions() -> Diagnostic:
    """Report the versions of Python and of the main packages, and what the installed botocore lacks."""
    versions = ", ".join(f"{name} {number}" for name, number in installed_versions(PACKAGES).items())
    missing = missing_in_botocore()
    if not missing:
        return Diagnostic("versions", "ok", versions)
    return Diagnostic(
        "versions",
        "warning",
        f"{versions}; botocore {version('botocore')} does not know {', '.join(missing)}. "
        "vecgate's own clients do; those of your program do not",
        f"pip install 'botocore>={MODEL_VERSION}'",
    )


def check_extras() -> Diagnostic:
    """Report the extras that are installed, and how to install the others."""
    packages = _packages_by_extra()
    missing = sorted(extra for extra, names in packages.items() if not all(map(_is_installed, names)))
    installed = sorted(packages.keys() - set(missing))
    message = f"installed: {', '.join(installed) or 'none'}"
    if not missing:
        return Diagnostic("extras", "ok", message)
    hint = f"pip install 'vecgate[{','.join(missing)}]'"
    return Diagnostic("extras", "ok", f"{message}; not installed: {', '.join(missing)}", hint)


def _packages_by_extra() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for requirement in metadata("vecgate").get_all("Requires-Dist") or []:
        if match := EXTRA_REQUIREMENT.match(requirement):
            found[match[2]].append(match[1])
    return found


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
