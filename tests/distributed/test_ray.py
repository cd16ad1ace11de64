"""A real Ray writes a dataset to indexes, and reads and searches them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from ray_clusters import dataset_of, import_ray, ray_cluster, vectors_table
from serving import Server

from vecgate.bulk.reader import BulkReader
from vecgate.distributed.write_outcome import WriteIncomplete
from vecgate.errors import IndexUnusable, UsageError

ray = import_ray()
# Ray's own code warns of what it has deprecated.
# Serial, so that all tests share one cluster.
pytestmark = [pytest.mark.serial, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(240)]

from vecgate.distributed.ray import (  # noqa: E402 - after the check for Ray
    S3VectorsDatasink,
    VectorSearcher,
    read_s3_vectors,
    write_s3_vectors,
)

BUCKET, DIMENSION = "bucket-a", 8


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    with ray_cluster():
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def options_of(server: Server, **others: Any) -> dict[str, Any]:
    return {
        "bucket": BUCKET,
        "target": server.url,
        "key_column": "id",
        "vector_column": "embedding",
        "create": {"dimension": DIMENSION},
        "concurrency": 2,
        **others,
    }


def matrix_of(rows: int) -> Any:
    return np.random.default_rng(7).standard_normal((rows, DIMENSION), dtype=np.float32)


def stored(server: Server, index: str = "films") -> dict[str, bytes]:
    with server.client() as client:
        return {
            key: vector.tobytes()
            for page in BulkReader(client, bucket=BUCKET, index=index).scan(1)
            for key, vector in zip(page.keys, [] if page.vectors is None else page.vectors, strict=True)
        }


def test_a_dataset_is_written_read_and_searched(server: Server) -> None:
    """Every vector bit by bit, and each vector finds itself."""
    matrix, keys = matrix_of(1_200), [f"k{number}" for number in range(1_200)]
    table = vectors_table(matrix, keys, genre=["drama"] * 1_200)
    outcome = write_s3_vectors(dataset_of(table, blocks=4), **options_of(server, index="films"))
    assert outcome.is_complete
    totals = outcome.indexes["films"]
    assert (totals.rows, totals.acknowledged, totals.throttles) == (1_200, 1_200, 0)
    assert stored(server) == {key: row.tobytes() for key, row in zip(keys, matrix, strict=True)}

    read = read_s3_vectors(bucket=BUCKET, index="films", target=server.url, segments=2, reads_per_s=1_000)
    rows = read.take_all()
    assert {row["key"]: np.asarray(row["vector"], np.float32).tobytes() for row in rows} == stored(server)
    assert {row["metadata"] for row in rows} == {'{"genre":"drama"}'}

    found = dataset_of(table.slice(0, 40), blocks=1).map_batches(
        VectorSearcher,
        fn_constructor_kwargs={
            "bucket": BUCKET,
            "index": "films",
            "target": server.url,
            "column": "embedding",
            "top_k": 3,
            "metadata": True,
            "reads_per_s": 1_000,
        },
        compute=ray.data.ActorPoolStrategy(size=1),
        batch_format="pyarrow",
    )
    for row in found.take_all():
        assert row["neighbor_keys"][0] == row["id"]
        assert len(row["neighbor_distances"]) == 3
        assert row["neighbor_metadata"][0] == '{"genre":"drama"}'


def test_a_column_routes_rows_and_bad_rows_are_collected(server: Server, tmp_path: Path) -> None:
    """Exactly the bad rows are listed, all of them also in the rejects files."""
    rows = 600
    matrix = matrix_of(rows)
    matrix[::50] = np.nan
    keys: list[str | None] = [f"k{number}" for number in range(rows)]
    keys[25] = None
    table = vectors_table(matrix, keys, language=[f"language-{number % 5}" for number in range(rows)])
    outcome = write_s3_vectors(
        dataset_of(table, blocks=4),
        **options_of(
            server, index_column="language", on_reject="collect", rejects=str(tmp_path), vectors_per_s=500
        ),
    )
    assert len(outcome.indexes) == 5
    assert outcome.is_complete
    assert (outcome.totals.acknowledged, outcome.totals.rejected) == (rows - 13, 13)
    bad = {f"k{number}" for number in range(0, rows, 50)} | {""}
    assert {reject.key for reject in outcome.rejects} == bad
    lines = [orjson.loads(line) for path in tmp_path.iterdir() for line in path.read_bytes().splitlines()]
    assert len(lines) == 13
    assert {line["key"] for line in lines} == bad
    assert sum(len(stored(server, name)) for name in outcome.indexes) == rows - 13


def test_a_job_that_fails_says_what_is_written(server: Server) -> None:
    """The error names the first bad rows, and its outcome has the rows that the index has."""
    matrix = matrix_of(400)
    matrix[7] = np.inf
    table = vectors_table(matrix, [f"k{number}" for number in range(400)])
    with pytest.raises(WriteIncomplete, match="1 row cannot be written: films: record 'k7'") as error:
        write_s3_vectors(dataset_of(table, blocks=4), **options_of(server, index="films"))
    totals = error.value.outcome.totals
    assert (totals.rows, totals.rejected) == (400, 1)
    assert totals.acknowledged == len(stored(server))


def test_an_index_that_does_not_exist_is_found_before_any_task(server: Server) -> None:
    table = vectors_table(matrix_of(5), list("abcde"))
    with pytest.raises(Exception, match="there is no index") as error:
        write_s3_vectors(dataset_of(table, blocks=1), **options_of(server, index="films", create=None))
    causes = [error.value, error.value.__cause__]
    assert any(isinstance(each, IndexUnusable) for each in causes)


def test_arguments_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="on_reject is 'ignore'"):
        S3VectorsDatasink(bucket=BUCKET, index="films", on_reject="ignore")
    with pytest.raises(UsageError, match="name the index"):
        S3VectorsDatasink(bucket=BUCKET)
