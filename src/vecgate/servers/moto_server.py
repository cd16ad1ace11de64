"""The server of moto. Run as a program, this module is its process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from vecgate.errors import UsageError
from vecgate.process import START_TIMEOUT_S, ServerProcess
from vecgate.servers.running_server import RunningServer

READY = "moto ready on "


@contextmanager
def open_moto(name: str, version: str, start_limit_s: float | None = None) -> Iterator[RunningServer]:
    """Run moto's server as long as the context. Raises UsageError if *version* is not installed.

    version        empty for the installed one
    start_limit_s  how long it may take until it is ready; None for START_TIMEOUT_S
    """
    try:
        installed = metadata.version("moto")
    except metadata.PackageNotFoundError as error:
        raise UsageError("moto is not installed", hint="pip install 'vecgate[moto]'") from error
    if version not in {"", installed}:
        raise UsageError(
            f"moto {version} is not installed, but {installed} is",
            hint=f"pip install 'moto[server]=={version}'",
        )
    process = ServerProcess(
        [sys.executable, "-m", __name__],
        name="moto's server",
        ready_prefix=READY,
        start_timeout_s=start_limit_s or START_TIMEOUT_S,
    )
    try:
        yield RunningServer(name, installed, process.start(), process.pid)
    finally:
        process.stop()


def main() -> None:
    """Serve until stdin closes."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - an extra, and slow to import

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"{READY}http://{host}:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
