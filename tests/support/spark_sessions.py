"""Spark for tests: a session of this machine that is quiet and needs no network."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REASON = "needs PySpark 4, which `make engines` installs"


def import_spark() -> Any:
    """Return `pyspark.sql`. Skips the tests of a module without it, or without Java."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spark = pytest.importorskip("pyspark.sql", reason=REASON)
    home = os.environ.get("JAVA_HOME")
    if not (shutil.which("java") or (home and (Path(home) / "bin" / "java").exists())):
        pytest.skip("Spark needs Java 17 or newer", allow_module_level=True)
    return spark


@contextmanager
def spark_session(folder: Path, *, master: str = "local[2]") -> Iterator[Any]:
    """Run Spark with its files in *folder*."""
    sql = import_spark()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "512m",
            "spark.executor.memory": "512m",
            "spark.sql.shuffle.partitions": "2",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.local.dir": str(folder / "local"),
            # In a file of its own: Spark would make it in the current folder.
            "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
        }
        builder = sql.SparkSession.builder.master(master).appName("vecgate tests")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        try:
            yield session
        finally:
            session.stop()
            # What Spark has not closed must not be found in a later test.
            gc.collect()
