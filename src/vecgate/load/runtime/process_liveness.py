"""Notices the end of a process on this machine, so that the master need not wait for its silence."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

BOOT_ID, PID_SPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


def pid_namespace() -> str:
    """Return an id of this machine and PID namespace; empty if the system has none, as on macOS.

    Process ids of two processes are comparable if this id is the same for both.
    """
    try:
        return f"{BOOT_ID.read_text(encoding='ascii').strip()} {PID_SPACE.readlink()}"
    except OSError:
        return ""


def count_live_children() -> int:
    """Return the number of children of this process that have not ended.

    gevent waits for an ended child at once, so that it may be neither alive nor a zombie.
    """
    namespace = pid_namespace()
    children = psutil.Process().children()
    return sum(not WatchedProcess(child.pid, namespace).has_ended() for child in children)


def kill_children() -> None:
    """Kill the children of this process."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            child.kill()


class WatchedProcess:
    """A process known by *pid* in *namespace*. The end of one in another namespace is never noticed."""

    def __init__(self, pid: int, namespace: str) -> None:
        self._process: psutil.Process | None = None
        self._was_gone = False
        if namespace and namespace == pid_namespace():
            try:
                self._process = psutil.Process(pid)
            except psutil.NoSuchProcess:
                self._was_gone = True

    def has_ended(self) -> bool:
        """Return True if the process is gone or a zombie."""
        if self._process is None:
            return self._was_gone
        try:
            return not self._process.is_running() or self._process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
