"""The server of moto, in a separate process. The conformance suite runs against it as a peer.

Run as a program, this module is that process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

from vecgate.errors import UsageError
from vecgate.process import ServerProcess
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import target_from_url

READY = "moto ready on "


@contextmanager
def open_moto(choice: TargetChoice, environment: Mapping[str, str]) -> Iterator[Target]:
    """Run a moto server as long as the context. Raises UsageError if moto is not installed."""
    if find_spec("moto") is None:
        raise UsageError("moto is not installed", hint="pip install 'vecgate[moto]'")
    with moto_server() as url:
        yield target_from_url(url, choice, environment, name="moto")


@contextmanager
def moto_server() -> Iterator[str]:
    """Run a moto server in a child process as long as the context, and return its URL."""
    command = [sys.executable, "-m", "vecgate.targets.moto_target"]
    server = ServerProcess(command, name="moto's server", ready_prefix=READY)
    try:
        yield server.start()
    finally:
        server.stop()


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
