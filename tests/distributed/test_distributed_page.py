"""The programs on the page about clusters run, against a local endpoint."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markdown_pages import read_pages
from ray_clusters import import_ray, ray_cluster
from serving import Server

from vecgate.bulk.index_admin import create_index
from vecgate.targets.target import TargetChoice

TITLES = ["Alien", "Aliens", "The Matrix", "Metropolis", "Solaris", "Stalker", "The Thing", "Arrival"]
PAGE = "docs/distributed.md"


def program_with(text: str) -> str:
    """Return the only program of the page that contains *text*."""
    (page,) = [each for each in read_pages() if each.name == PAGE]
    (found,) = [each.text for each in page.blocks if each.language == "python" and text in each.text]
    return found


def run(program: str, **names: Any) -> tuple[dict[str, Any], str]:
    """Run *program* as a script of its own, and return its names and what it prints."""
    namespace = {"__name__": "__main__", **names}
    with redirect_stdout(io.StringIO()) as output:
        exec(compile(program, PAGE, "exec"), namespace)  # noqa: S102 - the page is ours
    return namespace, output.getvalue()


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(300)
def test_the_pipeline_on_ray_runs(tmp_path: Path) -> None:
    """From parquet files to a search."""
    import_ray()
    table = pa.table({
        "id": [f"film-{number}" for number in range(len(TITLES))],
        "title": TITLES,
        "year": list(range(1980, 1980 + len(TITLES))),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "films.parquet")
    with Server() as server, ray_cluster():
        names, output = run(program_with("def embed"), TARGET=server.url, FOLDER=str(tmp_path))
    assert names["outcome"].totals.acknowledged == len(TITLES)
    assert "'film-1'" in output or "'film-0'" in output


def test_the_recipe_for_other_engines_runs() -> None:
    """With one task of four."""
    program = program_with("settings, control, task=TASK_NAME").replace(
        'TargetChoice("aws", region="eu-central-1")', "TARGET_CHOICE"
    )
    batch = pa.RecordBatch.from_pydict({"key": ["a", "b"], "vector": [[1.0, 2.0], [3.0, 4.0]]})
    with Server() as server, server.client() as client:
        create_index(client, bucket="media", index="films", dimension=2)
        names, _ = run(
            program, TARGET_CHOICE=TargetChoice(server.url), TASKS=4, TASK_NAME="1", record_batches=[batch]
        )
    assert names["result"].outcome.totals.acknowledged == 2


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_the_recipe_for_daft_runs(tmp_path: Path) -> None:
    """On its runner of this machine."""
    pytest.importorskip("daft", reason="Daft is not installed")
    vectors = pa.array([[float(number), 1.0] for number in range(50)], pa.list_(pa.float32()))
    table = pa.table({"key": [f"k{number}" for number in range(50)], "vector": vectors})
    pq.write_table(table, tmp_path / "films.parquet")
    with Server() as server, server.client() as client:
        create_index(client, bucket="media", index="films", dimension=2)
        _, output = run(program_with("write_sink"), TARGET=server.url, FOLDER=str(tmp_path), TASKS=4)
    assert output.strip() == "{'acknowledged': [50]}"
