"""The server of moto. Run as a program, this module is its process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from vecgate.errors import UsageError
from vecgate.process import ServerProcess
from vecgate.servers.running_server import RunningServer

READY = "moto ready on "


@contextmanager
def open_moto(name: str, version: str) -> Iterator[RunningServer]:
    """Run moto's server as long as the context. Raises UsageError if *version* is not installed.

    version  empty for the installed one
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
    process = ServerProcess([sys.executable, "-m", __name__], name="moto's server", ready_prefix=READY)
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
