"""vecgate: a release gate and load-test kit for Amazon S3 Vectors.

>>> from vecgate import BulkWriter, BulkReader, BulkConfig, accelerate, create_index
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vecgate.bulk.accelerate import accelerate
    from vecgate.bulk.accelerated_client import AcceleratedClient
    from vecgate.bulk.config import BulkConfig
    from vecgate.bulk.core.run_state import BulkOutcome
    from vecgate.bulk.index_admin import create_index
    from vecgate.bulk.reader import BulkReader
    from vecgate.bulk.writer import BulkWriter
    from vecgate.errors import VecgateError

    __version__: str

__all__ = [
    "AcceleratedClient",
    "BulkConfig",
    "BulkOutcome",
    "BulkReader",
    "BulkWriter",
    "VecgateError",
    "__version__",
    "accelerate",
    "create_index",
]

_MODULES = {
    "AcceleratedClient": "vecgate.bulk.accelerated_client",
    "BulkConfig": "vecgate.bulk.config",
    "BulkOutcome": "vecgate.bulk.core.run_state",
    "BulkReader": "vecgate.bulk.reader",
    "BulkWriter": "vecgate.bulk.writer",
    "VecgateError": "vecgate.errors",
    "accelerate": "vecgate.bulk.accelerate",
    "create_index": "vecgate.bulk.index_admin",
}


# Type checkers know all names, so that they find a wrong one.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        # Imported on first use: `import vecgate` alone must stay cheap, since pytest loads it in every run.
        if name == "__version__":
            return import_module("importlib.metadata").version("vecgate")
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
