"""A Java server, started from jars in the user's cache directory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vecgate.process import ServerProcess
from vecgate.servers.jar_cache import MavenArtifact, install_jars
from vecgate.servers.java_programs import check_java, find_program
from vecgate.servers.running_server import RunningServer

READY = "vecgate server ready on "
#: A cold start takes 8 s on an idle machine and half a minute on a busy one.
START_TIMEOUT_S = 120.0
#: Environment variable with the file that receives what the server prints.
LOG_VARIABLE = "VECGATE_SERVER_LOG"


@dataclass(frozen=True, slots=True)
class JavaServer:
    """How to start a Java server.

    artifact    the jar
    main_class  its main class
    arguments   of the main class; `{port}` is the port of S3 Vectors, each `{free}` another free port
    options     of the virtual machine
    """

    artifact: MavenArtifact
    main_class: str
    arguments: Sequence[str]
    options: Sequence[str] = ("-Xmx1g",)

    @contextmanager
    def open(self, name: str, version: str, start_limit_s: float | None = None) -> Iterator[RunningServer]:
        """Run *version* of the server as long as the context.

        start_limit_s  how long it may take until it is ready; None for START_TIMEOUT_S

        Raises UsageError if Java or Maven is missing, TargetUnreachable if the jars cannot be downloaded or
        the server is not ready in time.
        """
        java = find_program("java", os.environ, needed_by=name)
        check_java(java, needed_by=name)
        folder = install_jars(name, self.artifact, version, os.environ)
        class_path = os.pathsep.join([str(folder / "classes"), f"{folder / 'lib'}/*"])
        # A server that is killed cannot remove its temporary files, so they are in a folder that is removed
        # here. If this process is killed, the launcher removes it.
        with tempfile.TemporaryDirectory(prefix=f"vecgate-{name}-", ignore_cleanup_errors=True) as scratch:
            log = [f"-Dvecgate.log={path}"] if (path := os.environ.get(LOG_VARIABLE)) else []
            folders = [f"-Djava.io.tmpdir={scratch}", f"-Dvecgate.scratch={scratch}"]
            command = [java, *self.options, *log, *folders, "-cp", class_path]
            command += ["ServerLauncher", self.main_class, *self.arguments]
            process = ServerProcess(
                command,
                name=f"{name} {version}",
                ready_prefix=READY,
                start_timeout_s=start_limit_s or START_TIMEOUT_S,
            )
            try:
                yield RunningServer(name, version, process.start(), process.pid)
            finally:
                process.stop()
