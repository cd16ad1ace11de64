"""moto, as the peer that the suite is held against: its own server, in a process of its own.

Run as a program, this module is that process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

from vecgate.errors import TargetUnreachable, UsageError
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url import url_target

READY = "moto ready on "
STOP_WITHIN_S = 8.0


@contextmanager
def open_moto(choice: TargetChoice, environment: Mapping[str, str]) -> Iterator[Target]:
    """A moto server for as long as the context. Raises UsageError where moto is not installed."""
    if find_spec("moto") is None:
        raise UsageError("moto is not installed", hint="pip install 'vecgate[moto]'")
    with moto_server() as url:
        yield url_target(url, choice, environment, name="moto")


@contextmanager
def moto_server() -> Iterator[str]:
    """The URL of a moto server in a process that ends with the context, or with this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vecgate.targets.moto"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    with process:
        try:
            line = process.stdout.readline()
            if not line.startswith(READY):
                raise TargetUnreachable(
                    "moto's server did not start", hint="Try `python -m vecgate.targets.moto`."
                )
            yield line.removeprefix(READY).strip()
        finally:
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


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
