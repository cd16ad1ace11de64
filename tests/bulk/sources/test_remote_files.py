"""Files of a store are read like others, and identified by what the store says."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from source_forms import FORMS, VARIANTS, SourceForm, write_form

from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.sources.remote_files import RemoteFile, find_remote, is_remote, remote_errors
from vecgate.bulk.sources.source import file_bytes
from vecgate.errors import SourceError

LINE = b'{"id": "%s", "vector": [0.5, 1.5]}\n'


@pytest.fixture
def memory() -> Iterator[Any]:
    """The file system of fsspec in memory, empty before and after."""
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    yield filesystem
    filesystem.store.clear()


FILES = [
    form for form in (*FORMS, *VARIANTS) if form.file not in {"films", "films.lance"} and not form.options
]


@pytest.mark.parametrize("form", FILES, ids=lambda form: form.file)
def test_every_format_is_read_from_a_store(
    form: SourceForm, tmp_path: Path, memory: Any, gather: Callable[..., Any]
) -> None:
    """As a stream."""
    memory.pipe(f"/{form.file}", write_form(form, tmp_path).read_bytes())
    source = open_source(f"memory://{form.file}")
    assert gather(source).vectors == form.expected.tolist()
    assert source.location == f"memory://{form.file}"


def test_a_folder_of_a_store_is_read_like_another(memory: Any, gather: Callable[..., Any]) -> None:
    """Hidden names are skipped, and partitions are metadata."""
    for name in ("year=1/a.jsonl", "year=2/b.jsonl", "_tmp/c.jsonl", "year=2/.d.jsonl", "_SUCCESS"):
        memory.pipe(f"/data/{name}", LINE % name[-7:-6].encode())
    source = open_source("memory://data")
    got = gather(source)
    assert (got.keys, got.metadata) == (["a", "b"], [{"year": 1}, {"year": 2}])
    assert source.notes == ("skipped by name: _SUCCESS, _tmp/, year=2/.d.jsonl",)
    assert source.location == "memory://data"
    with pytest.raises(SourceError, match="has remote files and others"):
        open_source(["memory://data", __file__])


@pytest.mark.parametrize("read", [0, 1])
def test_a_file_that_changes_stops_the_run(read: int, memory: Any) -> None:
    """Before it is read, and in between; and it is another input for a journal."""
    memory.pipe("/a.jsonl", LINE % b"a" + LINE % b"b")
    source = open_source("memory://a.jsonl")
    assert source.is_identified
    assert source.is_repeatable
    blocks = source.blocks(rows=1)
    assert [len(block) for block in islice(blocks, read)] == [1] * read
    memory.pipe("/a.jsonl", LINE % b"b")
    with pytest.raises(SourceError, match=r"memory://a.jsonl has changed while it was read"):
        list(blocks)
    assert open_source("memory://a.jsonl").fingerprint != source.fingerprint


def test_a_file_of_which_the_store_says_nothing_has_no_journal() -> None:
    """Nothing would show that it is another one."""

    class Mute:
        def info(self, path: str) -> dict[str, Any]:
            return {"name": path, "size": None, "type": "file"}

        def open(self, path: str, mode: str) -> Any:
            del path, mode
            return pa.BufferReader(LINE % b"a")

        def invalidate_cache(self) -> None:
            pass

    path = RemoteFile("https://h/a.jsonl", "a.jsonl", None, "", Mute())
    from vecgate.bulk.sources import formats  # noqa: PLC0415 - the parts under test

    source = formats._open(path, formats.detect_format(path), ColumnChoice(), keys_only=False)
    assert not source.is_identified
    assert "content unknown" in source.fingerprint
    vectors = RemoteFile("https://h/a.npy", "a.npy", None, "", Mute())
    with pytest.raises(SourceError, match=r"the size of https://h/a.npy is unknown"):
        file_bytes(vectors)


class QuietHandler(SimpleHTTPRequestHandler):
    """A server of files that says no ETag, and is silent."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the standard library
        pass


@contextmanager
def http_server(folder: Path) -> Iterator[str]:
    handler = type("Handler", (QuietHandler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: handler(*a, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_a_file_of_a_web_server_is_read(tmp_path: Path, gather: Callable[..., Any]) -> None:
    """The parameters of a signed URL are in no message and in no fingerprint."""
    (tmp_path / "a.jsonl").write_bytes(LINE % b"a")
    with http_server(tmp_path) as url:
        source = open_source(f"{url}/a.jsonl?X-Amz-Signature=secret")
        assert gather(source).keys == ["a"]
        assert source.is_identified
        assert "secret" not in source.name + source.fingerprint + source.location
        with pytest.raises(SourceError) as caught:
            open_source(f"{url.replace('//', '//user:password@')}/gone.jsonl?X-Amz-Signature=secret")
    assert "404" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "password" not in str(caught.value)
    with pytest.raises(SourceError, match="cannot be read"):
        open_source(f"{url}/a.jsonl")


@pytest.mark.nightly
def test_objects_of_s3_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gather: Callable[..., Any]
) -> None:
    """With the endpoint and the credentials of the environment."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        pq.write_table(pa.table({"id": ["a"], "vector": [[0.5]]}), tmp_path / "a.parquet")
        for key in ("data/x=1/a.parquet", "data/x=2/a.parquet"):
            client.upload_file(str(tmp_path / "a.parquet"), "bucket", key)
        got = gather(open_source("s3://bucket/data/"))
        assert (got.keys, got.metadata) == (["a", "a"], [{"x": 1}, {"x": 2}])
        assert gather(open_source("s3://bucket/data/x=1/a.parquet")).keys == ["a"]
        with pytest.raises(SourceError, match=r"s3://bucket/gone.parquet: there is no such file"):
            open_source("s3://bucket/gone.parquet")
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("missing", "needs"), [("fsspec.core", "needs fsspec"), ("pyarrow.fs", "needs a package")]
)
def test_a_missing_package_is_named(missing: str, needs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    import_module = importlib.import_module

    def refuse(name: str, package: str | None = None) -> Any:
        if name == missing:
            raise ImportError(f"No module named {name!r}")
        return import_module(name, package)

    monkeypatch.setattr("vecgate.bulk.sources.remote_files.import_module", refuse)
    with pytest.raises(SourceError, match=f"s3://a/b.parquet {needs}") as caught:
        open_source("s3://a/b.parquet")
    assert caught.value.hint == "pip install 'vecgate[remote]'"


def test_an_unknown_protocol_is_refused() -> None:
    """With those that are known."""
    with pytest.raises(SourceError, match="xyz://a: xyz:// is not supported") as caught:
        open_source("xyz://a")
    assert "s3://" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (PermissionError("x"), "s3://a: no permission to read it"),
        (FileNotFoundError("x"), "s3://a: there is no such file"),
        (
            RuntimeError("GET http://h/a?X-Amz-Signature=abc failed\nmore"),
            "s3://a cannot be read: GET http://h/a?… failed",
        ),
        (OSError(), "s3://a cannot be read: OSError"),
    ],
)
def test_an_error_of_a_store_is_one_line(error: Exception, problem: str) -> None:
    """Without the parameters of a URL."""
    with pytest.raises(SourceError) as caught, remote_errors("s3://a"):
        raise error
    assert str(caught.value) == problem


def test_stores_of_google_use_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their region is looked up; without an answer the error names the URL."""
    used: list[str] = []

    class FileSystem:
        @staticmethod
        def from_uri(uri: str) -> None:
            used.append(uri)
            raise OSError("no network")

    monkeypatch.setattr("pyarrow.fs.FileSystem", FileSystem)
    with pytest.raises(SourceError, match=r"gs://bucket-of-tests/a.parquet cannot be read: no network"):
        find_remote("gs://bucket-of-tests/a.parquet")
    assert used == ["gs://bucket-of-tests"]


def test_another_s3_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for boto3; that of S3 alone comes first."""
    used: list[str] = []

    def refuse(*, endpoint_override: str) -> None:
        used.append(endpoint_override)
        raise OSError("no network")

    monkeypatch.setattr("pyarrow.fs.S3FileSystem", refuse)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    with pytest.raises(SourceError, match=r"s3://another-bucket/a.parquet cannot be read: no network"):
        find_remote("s3://another-bucket/a.parquet")
    assert used == ["http://127.0.0.1:2"]
    assert is_remote("s3://a")
    assert not is_remote("a/b")
