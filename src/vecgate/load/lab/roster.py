"""The workers of a master: who may serve, who is still there, and how they are spoken to."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from vecgate import __version__
from vecgate.load.lab.messages import REFUSED, STOP, Hello, Refused, packed
from vecgate.load.lab.processes import Watched


class Roster:
    """The workers that said hello to *runner*, Locust's, and are not known to be gone.

    secret  that each of them knows; empty where any may join
    """

    def __init__(self, runner: Any, secret: str) -> None:  # noqa: ANN401 - Locust's runners
        self._runner, self._secret = runner, secret
        self._workers: dict[str, Watched] = {}
        # Seen once: what they said last may still be on its way.
        self._ending: set[str] = set()

    @property
    def workers(self) -> AbstractSet[str]:
        """Their ids."""
        return self._workers.keys()

    def admit(self, worker: str, hello: Hello) -> bool:
        """Take *worker*, or tell it why it is of no use."""
        if why := self._refusal(hello):
            self.send(REFUSED, Refused(why=why), worker)
            return False
        self._workers[worker] = Watched(hello.pid, hello.where)
        return True

    def ended(self) -> set[str]:
        """Those whose process was gone now and the time before."""
        before = self._ending
        self._ending = {worker for worker, process in self._workers.items() if process.has_ended()}
        return self._ending & before

    def forget(self, worker: str) -> None:
        """It serves no more."""
        self._workers.pop(worker, None)

    def name(self, worker: str) -> str:
        """What people call it."""
        index = getattr(self._runner, "get_worker_index", lambda _: 0)(worker)
        return f"worker-{index + 1}"

    def send(self, kind: str, message: object, worker: str) -> None:
        """Send *message* to *worker*."""
        self._runner.send_message(kind, packed(message), worker)

    def stop(self, worker: str) -> None:
        """Tell *worker* to begin nothing more."""
        self._runner.send_message(STOP, {}, worker)

    def stop_all(self) -> None:
        """Tell all of them."""
        for worker in self._workers:
            self.stop(worker)

    def _refusal(self, hello: Hello) -> str:
        """Why that worker is of no use; empty where it is."""
        if hello.version != __version__:
            return f"the master runs vecgate {__version__}, and this worker {hello.version or 'another one'}"
        if self._secret and hello.secret != self._secret:
            return "the master has workers of its own, and takes no others"
        return ""
