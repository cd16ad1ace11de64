"""The servers that vecgate can start by name, such as `s3mock` or `s3mock@5.2.0`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.servers.jar_cache import MavenArtifact
from vecgate.servers.java_server import JavaServer
from vecgate.servers.moto_server import open_moto
from vecgate.servers.running_server import RunningServer

#: It becomes part of a file name and of a Maven project.
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that vecgate can start.

    version  the one that is started by default; empty for the one that is installed
    home     where its source and its issues are
    open     runs a version of it as long as a context, within the given time to start, or its own limit
    """

    version: str
    home: str
    open: Callable[[str, str, float | None], AbstractContextManager[RunningServer]]


_S3MOCK = JavaServer(
    MavenArtifact("com.adobe.testing", "s3mock", classifier="exec"),
    main_class="org.springframework.boot.loader.launch.JarLauncher",
    arguments=(
        "--spring.profiles.active=vectors",
        "--server.address=127.0.0.1",
        "--server.port={free}",
        "--http.port={free}",
        "--vectors.http.port={port}",
        "--vectors.https.port={free}",
    ),
)
_LOCAL_S3 = JavaServer(
    MavenArtifact("io.github.robothy", "local-s3-rest", sources=("ServerLauncher.java", "LocalS3Main.java")),
    main_class="LocalS3Main",
    arguments=("{port}",),
)
SERVERS: Mapping[str, Server] = {
    "moto": Server("", "https://github.com/getmoto/moto", open_moto),
    "s3mock": Server("5.2.0", "https://github.com/adobe/S3Mock", _S3MOCK.open),
    "local-s3": Server("2.4", "https://github.com/Robothy/local-s3", _LOCAL_S3.open),
}


def is_server_name(text: str) -> bool:
    """Return whether *text* names a server of this registry, with a version or without."""
    return text.partition("@")[0] in SERVERS


def start_server(text: str, *, start_limit_s: float | None = None) -> AbstractContextManager[RunningServer]:
    """Return a context in which the server that *text* names runs: `s3mock` or `s3mock@5.2.0`.

    start_limit_s  how long it may take until it is ready; None for the usual time

    Raises UsageError if the version is not valid or something is not installed, TargetUnreachable if the
    server cannot be downloaded or does not start in time.
    """
    name, separator, version = text.partition("@")
    server = SERVERS[name]
    if separator and not VERSION.fullmatch(version):
        example = f"{name}@{server.version or '5.2.5'}"
        raise UsageError(f"{text!r}: {version!r} is not a version", hint=f"Use {name}, or such as {example}.")
    return server.open(name, version or server.version, start_limit_s)
