"""The packages that only an extra installs, and the error if one is missing.

The core needs none of them: `accelerate`, `BulkWriter`, `BulkReader` and the Lambda function.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from vecgate.errors import UsageError

#: Top-level package to the extra that installs it.
EXTRA_OF = {
    "click": "cli",
    "gevent": "load",
    "h5py": "hdf5",
    "httptools": "serve",
    "hypothesis": "conformance",
    "jinja2": "report",
    "lance": "lance",
    "locust": "load",
    "markupsafe": "report",
    "moto": "moto",
    "psutil": "load",
    "pyarrow": "files",
    "pytest": "conformance",
    "rich": "cli",
    "tantivy": "serve",
    "uvicorn": "serve",
}


def missing_extra(error: BaseException) -> tuple[str, str] | None:
    """Return the package that *error* misses and the extra that installs it; None for any other error."""
    name = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    package = name.partition(".")[0]
    return (package, EXTRA_OF[package]) if package in EXTRA_OF else None


def import_extra(module: str, use: str, *, error: type[UsageError] = UsageError) -> ModuleType:
    """Import *module* for *use*. Raises *error* that names the extra if a package is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        if (found := missing_extra(missing)) is None:
            raise
        package, extra = found
        raise error(
            f"{use} needs {package}, which is not installed", hint=f"pip install 'vecgate[{extra}]'"
        ) from None
