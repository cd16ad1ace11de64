"""`vecgate copy`: between indexes and servers, in place, interrupted, and what must not pass."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from child_processes import child_process, wait_until
from commands import Vecgate, write_parquet
from paged_index import PagedIndex

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.index_setup import read_index
from vecgate.bulk.transfer.destination import IndexSide
from vecgate.bulk.transfer.metadata_change import MetadataChange
from vecgate.bulk.transport.paced_sender import PacedSender
from vecgate.cli.runs import copy_run
from vecgate.cli.runs.bulk_comparison import VerifyChoice
from vecgate.cli.runs.bulk_write import BulkFiles
from vecgate.cli.runs.copy_run import CopyRun
from vecgate.endpoint.local import LocalEndpoint
from vecgate.s3vectors.arn import IndexAddress

ROWS = 60


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    """A boto3 client of the endpoint."""
    with closing(client_of(endpoint)) as found:
        yield found


def client_of(url: str) -> Any:
    """Return a boto3 client of the endpoint at *url*."""
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    return boto3.client("s3vectors", endpoint_url=url, region_name="us-east-1", **keys)


@pytest.fixture
def films(vecgate: Vecgate, endpoint: str, request: pytest.FixtureRequest) -> str:
    """Return the bucket and the name of an index with settings, tags and vectors."""
    name = "c-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    where = ("--bucket", "bucket", "--index", name, "--target", endpoint)
    options = ("--dimension", "4", "--metric", "euclidean", "--non-filterable", "text,url")
    more = ("--text-search", "title:en,text", "--tag", "team=search", "--tag", "empty=")
    assert vecgate("index", "create", *where, *options, *more).code == 0
    assert vecgate("put", write_parquet(Path("films.parquet"), ROWS), *where).code == 0
    return f"bucket/{name}"


def contents(client: Any, index: str) -> dict[str, Any]:
    """Return the vectors of an index by key."""
    bucket, name = index.split("/")
    pages = client.get_paginator("list_vectors").paginate(
        vectorBucketName=bucket, indexName=name, returnData=True, returnMetadata=True
    )
    return {vector["key"]: vector for page in pages for vector in page["vectors"]}


def settings_of(client: Any, index: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings and the tags of an index."""
    bucket, name = index.split("/")
    found = client.get_index(vectorBucketName=bucket, indexName=name)["index"]
    tags = client.list_tags_for_resource(resourceArn=found["indexArn"])["tags"]
    return {key: found[key] for key in ("dimension", "distanceMetric", "metadataConfiguration")}, tags


def test_a_copy_has_the_vectors_the_settings_and_the_tags(
    vecgate: Vecgate, endpoint: str, client: Any, films: str
) -> None:
    """All vectors are read back, and `diff` finds nothing."""
    result = vecgate("copy", films, "bucket-2/copy", "--target", endpoint)
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == "PASS  60 records copied; 60 records read back, all equal"
    assert "created index bucket-2/copy" in result.err
    assert contents(client, "bucket-2/copy") == contents(client, films)
    assert settings_of(client, "bucket-2/copy") == settings_of(client, films)
    assert settings_of(client, films)[1] == {"team": "search", "empty": ""}
    assert not list(Path("state").rglob("*.journal"))
    again = vecgate("copy", films, "bucket-2/copy", "--target", endpoint, "--json")
    assert (again.code, json.loads(again.out)["acknowledged"]) == (0, ROWS)


def test_an_index_is_copied_to_another_server_by_url_and_arn(
    vecgate: Vecgate, endpoint: str, client: Any, films: str
) -> None:
    """Each side has its own target."""
    bucket, name = films.split("/")
    arn = client.get_index(vectorBucketName=bucket, indexName=name)["index"]["indexArn"]
    with LocalEndpoint() as other, closing(client_of(other.url)) as there:
        assert vecgate("copy", arn, f"{other.url}/mine/films", "--from-target", endpoint).code == 0
        assert contents(there, "mine/films") == contents(client, films)
        back = vecgate("copy", f"{other.url}/mine/films", "bucket/back", "--target", endpoint, "--metric", "cosine", "--non-filterable", "", "--no-tags")  # fmt: skip
        assert back.code == 0, back.err
        settings, tags = settings_of(client, "bucket/back")
        assert (settings["distanceMetric"], tags) == ("cosine", {})
        assert "nonFilterableMetadataKeys" not in settings["metadataConfiguration"]
        # Only the index of this server exists, whose name is the same.
        same = vecgate("copy", films, f"{other.url}/{films}", "--target", endpoint, "--yes")
        assert (same.code, contents(there, films)) == (0, contents(client, films))


def test_metadata_is_changed_in_place_once(
    vecgate: Vecgate, endpoint: str, client: Any, films: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors stay, and a change that was made is not made again."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("rewrite_for_copy.py").write_text(
        "def add_decade(key, metadata): return {**metadata, 'decade': metadata['year'] // 10 * 10}\n"
    )
    before = contents(client, films)
    words: tuple[str, ...] = ("copy", films, films, "--target", endpoint)
    words += ("--transform", "rewrite_for_copy:add_decade")
    words += ("--set-metadata", "tenant=a", "--set-metadata", "rank=1")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    asked = vecgate(*words)
    assert (asked.code, contents(client, films)) == (2, before)
    assert "a change in place must be confirmed" in asked.err
    result = vecgate(*words, "--yes")
    assert result.out.splitlines()[-1] == "PASS  60 records changed; 60 records read back, all equal"
    after = contents(client, films)
    assert {key: vector["data"] for key, vector in after.items()} == {
        key: vector["data"] for key, vector in before.items()
    }
    for key, vector in after.items():
        year = before[key]["metadata"]["year"]
        assert vector["metadata"] == {"year": year, "decade": year // 10 * 10, "tenant": "a", "rank": 1}
    again = vecgate(*words, "--yes", "--json")
    assert json.loads(again.out)["acknowledged"] == 0
    assert "60 vectors had this metadata already" in again.err
    dropped = vecgate("copy", films, "bucket/dropped", "--target", endpoint, "--drop-metadata", "decade", "--drop-metadata", "none")  # fmt: skip
    assert dropped.code == 0
    assert "warning: no vector had the metadata 'none', which was to be dropped" in dropped.err
    assert all("decade" not in vector["metadata"] for vector in contents(client, "bucket/dropped").values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("SAME", "SAME"), "the source and the destination are the same index"),
        (("SAME", "bucket/none/x"), "'bucket/none/x' does not name an index"),
        (("bucket", "bucket/x"), "'bucket' does not name an index"),
        (("bucket/nowhere", "bucket/x"), "there is no index bucket/nowhere"),
        (("SAME", "bucket/Wrong"), "Invalid index name"),
        (("SAME", "bucket/films-2", "--set-metadata", "x"), "is not of the form key=value"),
        (("SAME", "bucket/films-2", "--verify", "5"), "a sample of 5 records proves little"),
        (("SAME", "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket/index/none"), "there is no index arn"),
        (("arn:aws:s3vectors:eu-west-1:000000000000:bucket/bucket/index/none", "SAME", "--from-region", "us-east-1"), "the ARN is in eu-west-1"),
        (("http://127.0.0.1:9/bucket/films", "SAME", "--from-target", "aws"), "a target is named twice"),
    ],
)  # fmt: skip
def test_a_copy_that_makes_no_sense_is_one_error_line(
    vecgate: Vecgate, endpoint: str, films: str, words: tuple[str, ...], said: str
) -> None:
    """Nothing is created or written."""
    result = vecgate("copy", *(films if word == "SAME" else word for word in words), "--target", endpoint)
    assert result.code == 2
    assert said in result.err


def test_a_destination_with_other_settings_is_refused(vecgate: Vecgate, endpoint: str, films: str) -> None:
    """With everything that differs."""
    where = ("--bucket", "bucket", "--index", "other", "--target", endpoint)
    assert vecgate("index", "create", *where, "--dimension", "4").code == 0
    result = vecgate("copy", films, "bucket/other", "--target", endpoint)
    assert result.code == 2
    for text in (
        "metric cosine, not euclidean",
        "non-filterable keys none, not text, url",
        "text search none",
    ):
        assert text in result.err


def test_a_killed_copy_is_resumed(vecgate: Vecgate, endpoint: str, client: Any, films: str) -> None:
    """After SIGKILL halfway, --resume copies the rest, and nothing starts by accident."""
    words = ("copy", films, "bucket/resumed", "--target", endpoint, "--journal", "journal")
    paced = ("--batch", "5", "--rate", "20", "--segments", "8", "--verify", "none")
    process_words = [sys.executable, "-m", "vecgate", *words, *paced]
    with child_process(process_words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(contents_or_none(client, "bucket/resumed")) >= 20, process)
        process.kill()
        process.wait(30)
    assert process.returncode == -signal.SIGKILL
    refused = vecgate(*words)
    assert (refused.code, "an earlier copy did not finish" in refused.err) == (2, True)
    assert vecgate(*words, "--resume", "--drop-metadata", "year").code == 2
    result = vecgate(*words, "--resume")
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == "PASS  60 records copied; 60 records read back, all equal"
    assert contents(client, "bucket/resumed") == contents(client, films)
    assert not Path("journal").exists()


def contents_or_none(client: Any, index: str) -> dict[str, Any]:
    """Return the vectors of an index that may not exist yet."""
    try:
        return contents(client, index)
    except client.exceptions.NotFoundException:
        return {}


def test_a_journal_of_another_destination_is_refused(vecgate: Vecgate, endpoint: str, films: str) -> None:
    """Also of one that was deleted: nothing is created again."""
    words = ("copy", films, "bucket/deleted", "--target", endpoint, "--journal", "journal")
    with closing(sqlite3.connect("journal")) as db:
        db.execute("CREATE TABLE segment (records INTEGER)")
    result = vecgate(*words, "--resume")
    assert (result.code, "does not exist any more" in result.err) == (2, True)
    assert (
        vecgate("index", "describe", "--bucket", "bucket", "--index", "deleted", "--target", endpoint).code
        == 2
    )
    assert vecgate(*words, "--restart", "-q").code == 0


class LosesVectors(PagedIndex):
    """An index that acknowledges a write and stores half of it."""

    def send(self, operation: str, body: Body) -> bytes:
        if operation == "PutVectors":
            members = json.loads(body.data)
            members["vectors"] = members["vectors"][::2]
            body = Body.of(json.dumps(members).encode())
        return super().send(operation, body)


def side(index: PagedIndex, name: str) -> IndexSide:
    """Return an index as a side of a copy."""
    address = IndexAddress(bucket="media", index=name)
    return IndexSide(address, read_index(index, address), index)


def test_a_destination_that_loses_vectors_does_not_pass(tmp_path: Path) -> None:
    """Acknowledgements are no proof; without reading back they are all there is."""
    source = PagedIndex([f"k{number}" for number in range(20)])
    config = BulkConfig(batch_vectors=4, vectors_per_s=1e9, requests_per_s=1e9)
    for verify in (VerifyChoice(), None):
        destination = LosesVectors(name="copy")
        files = BulkFiles(tmp_path / "journal", tmp_path / "rejects")
        sides = side(source, "films"), side(destination, "copy")
        run = CopyRun(*sides, None, config, verify, 2, 1e6, files)
        result, _ = run.run(quiet=True)
        assert result.outcome.is_complete
        if verify is None:
            assert result.comparison is None
        else:
            assert result.comparison is not None
            assert result.comparison.missing == 20 - len(destination.stored) > 0
        assert not files.journal or not files.journal.exists()


@pytest.mark.parametrize(("is_in_place", "limits"), [(True, 1), (False, 2)])
def test_each_index_has_one_limit_of_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_in_place: bool, limits: int
) -> None:
    """For the copy and for reading back; an index that is changed in place has one for both sides."""
    made: list[PacedSender] = []
    read: list[str] = []

    class Recorded(PacedSender):
        def __init__(self, sender: PagedIndex, requests_per_s: float) -> None:
            super().__init__(sender, requests_per_s)
            made.append(self)

        def send(self, operation: str, body: Body) -> bytes:
            read.append(operation)
            return super().send(operation, body)

    monkeypatch.setattr(copy_run, "PacedSender", Recorded)
    films = PagedIndex([f"k{number}" for number in range(9)])
    copied = films if is_in_place else PagedIndex(name="copy")
    sides = side(films, "films"), side(copied, "films" if is_in_place else "copy")
    config = BulkConfig(vectors_per_s=1e9, requests_per_s=1e9)
    files = BulkFiles(tmp_path / "journal", tmp_path / "rejects")
    change = MetadataChange({"tenant": "a"}, must_be_repeatable=True)
    result, unchanged = CopyRun(*sides, change, config, VerifyChoice(), 2, 1e6, files).run(quiet=True)
    assert result.comparison is not None
    assert (result.comparison.is_equal, unchanged) == (True, 0)
    assert len(made) == limits
    sent = [name for name, _ in films.requests + (copied.requests if limits == 2 else [])]
    reads = {"ListVectors", "GetVectors"}
    assert sum(name in reads for name in sent) == sum(name in reads for name in read) > 0
