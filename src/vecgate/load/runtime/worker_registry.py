"""The workers of a master: admits them, notices their end, and sends them messages."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from vecgate import __version__
from vecgate.load.runtime.process_liveness import WatchedProcess
from vecgate.load.runtime.worker_messages import STOP, WORKER_REJECTED, Hello, WorkerRejected, encode_message


class WorkerRegistry:
    """The workers that introduced themselves to *runner* of Locust and have not ended.

    secret  shared with all workers; empty if any worker may join
    """

    def __init__(self, runner: Any, secret: str) -> None:  # noqa: ANN401 - Locust's runners
        self._runner, self._secret = runner, secret
        self._workers: dict[str, WatchedProcess] = {}
        # Workers whose end was noticed once. Their last messages may still be in transit.
        self._ending: set[str] = set()

    @property
    def workers(self) -> AbstractSet[str]:
        """The ids of the workers."""
        return self._workers.keys()

    def admit(self, worker: str, hello: Hello) -> bool:
        """Add *worker* and return True, or send it the reason why it is rejected."""
        if reason := self._reason_to_reject(hello):
            self.send(WORKER_REJECTED, WorkerRejected(reason=reason), worker)
            return False
        self._workers[worker] = WatchedProcess(hello.pid, hello.pid_namespace)
        return True

    def ended(self) -> set[str]:
        """Return the workers whose process had ended at this call and at the previous one."""
        before = self._ending
        self._ending = {worker for worker, process in self._workers.items() if process.has_ended()}
        return self._ending & before

    def forget(self, worker: str) -> None:
        """Remove *worker*, if it is registered."""
        self._workers.pop(worker, None)

    def name(self, worker: str) -> str:
        """Return the name of *worker* for messages to users."""
        index = getattr(self._runner, "get_worker_index", lambda _: 0)(worker)
        return f"worker-{index + 1}"

    def send(self, kind: str, message: object, worker: str) -> None:
        """Send *message* to *worker*."""
        self._runner.send_message(kind, encode_message(message), worker)

    def stop(self, worker: str) -> None:
        """Send *worker* the order to start no further request."""
        self._runner.send_message(STOP, {}, worker)

    def stop_all(self) -> None:
        """Send all workers the order to start no further request."""
        for worker in self._workers:
            self.stop(worker)

    def _reason_to_reject(self, hello: Hello) -> str:
        """Return why that worker is rejected; empty if it is admitted."""
        if hello.version != __version__:
            version = hello.version or "another version"
            return f"the master runs vecgate {__version__}, this worker {version}"
        if self._secret and hello.secret != self._secret:
            return "the master accepts only the workers that it has started itself"
        return ""
