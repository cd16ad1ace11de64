"""Ray for tests: a cluster of this machine, without a dashboard and with little memory."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest

STORE_BYTES = 200_000_000
#: Nothing is sent to Ray's makers.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
REASON = "needs Ray, which `make engines` installs"


def import_ray() -> Any:
    """Return Ray. Skips the tests of a module without it."""
    with warnings.catch_warnings():
        # Its imports warn of what its dependencies have deprecated.
        warnings.simplefilter("ignore")
        ray = pytest.importorskip("ray", reason=REASON)
        pytest.importorskip("ray.data", reason=REASON)
    return ray


@contextmanager
def ray_cluster(*, cpus: int = 4) -> Iterator[None]:
    """Run Ray on this machine with *cpus* slots, which may be more than processors."""
    ray = import_ray()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            log_to_driver=False,
            logging_level="error",
            _temp_dir=None,
        )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    try:
        yield
    finally:
        ray.shutdown()
        # What Ray has not closed must not be found in a later test.
        gc.collect()


def dataset_of(table: Any, *, blocks: int) -> Any:
    """Return *table* as a dataset of *blocks* blocks."""
    ray = import_ray()
    rows = max(1, -(-len(table) // blocks))
    return ray.data.from_arrow([table.slice(at, rows).combine_chunks() for at in range(0, len(table), rows)])


def vectors_table(matrix: Any, keys: list[Any], **columns: list[Any]) -> Any:
    """Return a table with columns `id`, `embedding` and *columns*."""
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel(), pa.float32()), matrix.shape[1])
    return pa.table({"id": pa.array(keys), "embedding": vectors.cast(pa.list_(pa.float32())), **columns})
