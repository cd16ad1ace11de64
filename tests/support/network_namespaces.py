"""Hosts of their own on this machine: network namespaces of Linux on one switch, with links that can be cut.

A cut is what a partition is: the interface of the host stays up and packets vanish, without a reset. Needs
root and iproute2, and otherwise skips the test. No host reaches any network beyond the switch.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from child_processes import child_process

#: Time for one command of iproute2.
IP_WITHIN_S = 20.0
#: The hosts are 10.77.0.1, 10.77.0.2, …
NETWORK = "10.77.0"
_numbers = count()


@dataclass(frozen=True, slots=True)
class Host:
    """One host.

    namespace  of the kernel, for `ip netns exec`
    address    at which the other hosts reach it
    """

    namespace: str
    address: str
    _switch: str
    _port: str

    def command(self, *words: str) -> list[str]:
        """Return the command that runs the program *words* on this host, with the files of this machine."""
        return ["ip", "netns", "exec", self.namespace, *words]

    def start(self, *words: str, **options: Any) -> AbstractContextManager[subprocess.Popen[Any]]:
        """Return a context in which the program *words* runs on this host. *options* are those of Popen."""
        return child_process(self.command(*words), **options)

    def cut(self) -> None:
        """Drop every packet from and to this host. Its own loopback interface still works."""
        _ip("-n", self._switch, "link", "set", self._port, "nomaster")

    def restore(self) -> None:
        """Undo `cut`."""
        _ip("-n", self._switch, "link", "set", self._port, "master", "switch")


@contextmanager
def network_hosts(number: int = 2) -> Iterator[list[Host]]:
    """Yield *number* hosts that reach one another. Skip the test where that is not possible.

    At the end, all processes that still run on the hosts are killed.
    """
    _require_namespaces()
    prefix = f"vg-{os.getpid()}-{next(_numbers)}"
    with ExitStack() as stack:
        switch = stack.enter_context(_namespace(f"{prefix}-switch"))
        _ip("-n", switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", switch, "link", "set", "switch", "up")
        yield [
            _connect(stack.enter_context(_namespace(f"{prefix}-{each}")), switch, each)
            for each in range(1, number + 1)
        ]


def _connect(namespace: str, switch: str, number: int) -> Host:
    port, address = f"port{number}", f"{NETWORK}.{number}"
    _ip(
        *("-n", switch, "link", "add", port, "type", "veth"),
        *("peer", "name", "eth0", "netns", namespace),
    )
    _ip("-n", switch, "link", "set", port, "master", "switch", "up")
    _ip("-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
    for interface in ("lo", "eth0"):
        _ip("-n", namespace, "link", "set", interface, "up")
    return Host(namespace, address, switch, port)


@contextmanager
def _namespace(name: str) -> Iterator[str]:
    _ip("netns", "add", name)
    try:
        yield name
    finally:
        for pid in _ip("netns", "pids", name).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _ip("netns", "delete", name)


def _require_namespaces() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("network namespaces need root on Linux")
    if shutil.which("ip") is None:
        pytest.skip("network namespaces need iproute2")
    name = f"vg-{os.getpid()}-check"
    checked = _run("netns", "add", name)
    if checked.returncode:
        pytest.skip(f"this machine allows no network namespaces: {checked.stderr.strip()}")
    # Entering a namespace needs another right than adding one.
    entered = _run("netns", "exec", name, "true")
    _ip("netns", "delete", name)
    if entered.returncode:
        pytest.skip(f"this machine allows no network namespaces: {entered.stderr.strip()}")


def _ip(*words: str) -> str:
    finished = _run(*words)
    assert finished.returncode == 0, f"ip {' '.join(words)}: {finished.stderr}"
    return finished.stdout


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    command: Sequence[str] = ["ip", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=IP_WITHIN_S, check=False)
