from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from certificates import write_certificate
from serving import ADMIN_TOKEN, Server

from vecgate.endpoint.http.backup_request import request_backup
from vecgate.endpoint.http.server import Certificate
from vecgate.endpoint.storage.sqlite_store import DATABASE, open_state
from vecgate.errors import TargetError, TargetUnreachable, UsageError


def test_a_running_endpoint_writes_a_backup(tmp_path: Path) -> None:
    """The file can be opened as a data directory."""
    (tmp_path / "restored").mkdir()
    backup = tmp_path / "restored" / DATABASE
    with Server() as server, open_state(tmp_path / "data", state=server.state), server.client() as client:
        client.create_vector_bucket(vectorBucketName="bucket")
        assert request_backup(*server.address, ADMIN_TOKEN, backup) == backup.stat().st_size
        client.create_vector_bucket(vectorBucketName="later")
    with open_state(tmp_path / "restored") as state:
        assert list(state.buckets) == ["bucket"]


def test_tls_is_verified_against_the_certificate(tmp_path: Path) -> None:
    certfile, keyfile = write_certificate(tmp_path)
    with (
        Server(certificate=Certificate(certfile, keyfile)) as server,
        open_state(tmp_path / "data", state=server.state),
    ):
        assert request_backup(*server.address, ADMIN_TOKEN, tmp_path / "backup", certfile=certfile) > 0
        with pytest.raises(TargetUnreachable):
            request_backup(*server.address, ADMIN_TOKEN, tmp_path / "other")


@pytest.mark.parametrize(
    ("token", "problem"),
    [("wrong", "needs the header Authorization"), (ADMIN_TOKEN, "the endpoint keeps its data in memory")],
)
def test_a_refusal_is_repeated(tmp_path: Path, token: str, problem: str) -> None:
    with Server() as server, pytest.raises(UsageError, match=f"refuses the backup: .*{problem}"):
        request_backup(*server.address, token, tmp_path / "backup")


def test_nothing_that_listens_is_unreachable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TargetUnreachable, match=f"no endpoint answers at 127.0.0.1:{port}") as raised:
        request_backup("127.0.0.1", port, ADMIN_TOKEN, tmp_path / "backup")
    assert "--port" in raised.value.hint


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"other":1}', b'{"bytes":null}'])
def test_another_server_is_no_endpoint(tmp_path: Path, body: bytes) -> None:
    """Whatever it answers."""

    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.handle_request)
        thread.start()
        with pytest.raises(TargetError, match="is not a vecgate endpoint"):
            request_backup("127.0.0.1", other.server_port, ADMIN_TOKEN, tmp_path / "backup")
        thread.join(20)
