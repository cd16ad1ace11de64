"""Whether a process of this machine is still there: one that has ended falls silent for good, at once."""

from __future__ import annotations

from pathlib import Path

import psutil

BOOT_ID, PID_SPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


def whereabouts() -> str:
    """Where ids of processes mean what they mean here; empty where that cannot be told, as on macOS."""
    try:
        return f"{BOOT_ID.read_text(encoding='ascii').strip()} {PID_SPACE.readlink()}"
    except OSError:
        return ""


def has_dead_child() -> bool:
    """Whether a process that this one has started is over, and nobody has taken note of it."""
    here = whereabouts()
    return any(Watched(child.pid, here).has_ended() for child in psutil.Process().children())


class Watched:
    """A process that told its *pid* and its *whereabouts*; one from elsewhere is never seen to end."""

    def __init__(self, pid: int, where: str) -> None:
        self._process: psutil.Process | None = None
        self._is_gone = False
        if where and where == whereabouts():
            try:
                self._process = psutil.Process(pid)
            except psutil.NoSuchProcess:
                self._is_gone = True

    def has_ended(self) -> bool:
        """Whether it is gone, or a zombie."""
        if self._process is None:
            return self._is_gone
        try:
            return not self._process.is_running() or self._process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
