"""A real Spark writes a data frame to indexes, and reads an index as one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import Server
from spark_sessions import import_spark, spark_session

from vecgate.bulk.reader import BulkReader
from vecgate.errors import UsageError

import_spark()
# Spark's own code warns of what it has deprecated.
# Serial, so that all tests share one cluster.
pytestmark = [pytest.mark.serial, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]

from vecgate.distributed.spark import (  # noqa: E402 - after the check for Spark
    READ_OPTIONS,
    WRITE_OPTIONS,
    S3VectorsDataSource,
    concurrent_tasks,
    register,
)

BUCKET, DIMENSION = "bucket-a", 8
SCHEMA = "id string, embedding array<float>, genre string"


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with spark_session(tmp_path_factory.mktemp("spark")) as session:
        register(session)
        yield session


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def frame_of(spark: Any, matrix: Any, keys: list[Any]) -> Any:
    rows = [(key, [float(value) for value in row], "drama") for key, row in zip(keys, matrix, strict=True)]
    return spark.createDataFrame(rows, SCHEMA).repartition(2)


def write(frame: Any, server: Server, **others: str) -> None:
    options = {
        "bucket": BUCKET,
        "index": "films",
        "target": server.url,
        "key_column": "id",
        "create": json.dumps({"dimension": DIMENSION}),
        **others,
    }
    frame.write.format("s3vectors").options(**options).mode("append").save()


def matrix_of(rows: int) -> Any:
    return np.random.default_rng(7).standard_normal((rows, DIMENSION), dtype=np.float32)


def stored(server: Server) -> dict[str, bytes]:
    with server.client() as client:
        return {
            key: vector.tobytes()
            for page in BulkReader(client, bucket=BUCKET, index="films").scan(1)
            for key, vector in zip(page.keys, [] if page.vectors is None else page.vectors, strict=True)
        }


def test_a_data_frame_is_written_and_read(spark: Any, server: Server, tmp_path: Path) -> None:
    """Every vector bit by bit. The outcome has the counts of all tasks."""
    matrix, keys = matrix_of(600), [f"k{number}" for number in range(600)]
    write(frame_of(spark, matrix, keys), server, outcome=str(tmp_path / "outcome.json"))
    assert stored(server) == {key: row.tobytes() for key, row in zip(keys, matrix, strict=True)}
    outcome = json.loads((tmp_path / "outcome.json").read_text())
    assert outcome["indexes"]["films"]["acknowledged"] == 600
    assert (outcome["is_complete"], outcome["tasks_without_a_message"]) == (True, 0)

    options = {
        "bucket": BUCKET,
        "index": "films",
        "target": server.url,
        "segments": "2",
        "reads_per_s": "1000",
    }
    read = spark.read.format("s3vectors").options(**options).load()
    assert read.dtypes == [("key", "string"), ("vector", "array<float>"), ("metadata", "string")]
    rows = read.collect()
    assert {row.key: np.array(row.vector, np.float32).tobytes() for row in rows} == stored(server)
    assert {row.metadata for row in rows} == {'{"genre":"drama"}'}


def test_rows_that_cannot_be_written_fail_the_job_or_are_collected(
    spark: Any, server: Server, tmp_path: Path
) -> None:
    """The error names them, and the outcome has what was written."""
    matrix = matrix_of(40)
    matrix[3] = np.nan
    keys = [f"k{number}" for number in range(40)]
    path = tmp_path / "outcome.json"
    with pytest.raises(Exception, match="1 row cannot be written: films: record 'k3'"):
        write(frame_of(spark, matrix, keys), server, outcome=str(path))
    failed = json.loads(path.read_text())
    assert failed["is_complete"] is False
    assert failed["indexes"]["films"]["acknowledged"] == len(stored(server))
    write(
        frame_of(spark, matrix, keys),
        server,
        on_reject="collect",
        rejects=str(tmp_path / "rejects"),
        outcome=str(path),
    )
    collected = json.loads(path.read_text())
    assert [each["key"] for each in collected["rejects"]] == ["k3"]
    assert set(stored(server)) == {*keys} - {"k3"}
    assert len(list((tmp_path / "rejects").iterdir())) == 1


def test_a_stream_is_written(spark: Any, server: Server, tmp_path: Path) -> None:
    """Each micro-batch of it; one that is repeated replaces the same keys."""
    matrix, keys = matrix_of(30), [f"k{number}" for number in range(30)]
    frame_of(spark, matrix, keys).write.parquet(str(tmp_path / "in"))
    query = (
        spark.readStream.schema(SCHEMA)
        .parquet(str(tmp_path / "in"))
        .writeStream.format("s3vectors")
        .options(
            bucket=BUCKET,
            index="films",
            target=server.url,
            key_column="id",
            create=json.dumps({"dimension": DIMENSION}),
            checkpointLocation=str(tmp_path / "checkpoint"),
        )
        .trigger(availableNow=True)
        .start()
    )
    assert query.awaitTermination(120)
    assert set(stored(server)) == set(keys)


def test_an_index_that_does_not_exist_is_found_before_any_task(spark: Any, server: Server) -> None:
    frame = frame_of(spark, matrix_of(2), ["a", "b"])
    with pytest.raises(Exception, match="there is no index bucket-a/books"):
        frame.write.format("s3vectors").options(bucket=BUCKET, index="books", target=server.url).mode(
            "append"
        ).save()


def test_the_tasks_that_run_at_once_are_known(spark: Any) -> None:
    assert concurrent_tasks(spark) == 2
    assert concurrent_tasks(object()) is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"tasks": "4", "on_rejects": "fail"}, "has no option on_rejects"),
        ({}, "the number of tasks that write at once is not known"),
        ({"tasks": "0"}, "the number of tasks that write at once is not known"),
        ({"tasks": "many"}, "tasks is 'many', allowed is a whole number"),
        ({"tasks": "4", "vectors_per_s": "fast"}, "vectors_per_s is 'fast'"),
        ({"tasks": "4", "create": "8"}, "create is no JSON object"),
        ({"tasks": "4", "create": "{"}, "create is no JSON object"),
        ({"tasks": "4", "repeated_keys": "first"}, "repeated_keys is 'first'"),
        ({"tasks": "4", "index_column": "b"}, "name the index, or the column"),
        ({"tasks": "4", "batch_vectors": "501"}, "batch_vectors is 501"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, str], problem: str) -> None:
    source = S3VectorsDataSource(
        {"bucket": BUCKET, "index": "films", "target": "http://127.0.0.1:1"} | options
    )
    with pytest.raises(UsageError, match=problem):
        source.writer(None, overwrite=False)


def test_an_index_is_not_overwritten() -> None:
    with pytest.raises(UsageError, match="an index cannot be overwritten"):
        S3VectorsDataSource({"tasks": "1"}).writer(None, overwrite=True)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"metadata": "maybe"}, "metadata is 'maybe', allowed is true or false"),
        ({"segments": "17"}, "segments is 17"),
        ({"reads_per_s": "0"}, "reads_per_s is 0"),
        ({"tasks": "1"}, "has no option tasks"),
    ],
)
def test_options_of_a_reading_are_checked(options: dict[str, str], problem: str) -> None:
    source = S3VectorsDataSource({"bucket": BUCKET, "index": "films"} | options)
    with pytest.raises(UsageError, match=problem):
        source.reader(None)


def test_every_option_is_described() -> None:
    page = Path("docs/distributed.md").read_text()
    assert [name for name in (*READ_OPTIONS, *WRITE_OPTIONS) if f"`{name}`" not in page] == []
