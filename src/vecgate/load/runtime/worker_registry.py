"""The workers of a master: admits them, notices their end, and sends them messages."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from vecgate import __version__
from vecgate.load.runtime.process_liveness import WatchedProcess
from vecgate.load.runtime.worker_messages import (
    STOP,
    WORKER_REJECTED,
    ForeignMessage,
    Hello,
    Stop,
    WorkerRejected,
    decode_message,
    decode_unverified,
    encode_message,
)


class WorkerRegistry:
    """The workers that introduced themselves to *runner* of Locust and have not ended.

    secret  shared with all workers
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

    def admit(self, worker: str, data: Mapping[str, Any]) -> bool:
        """Add *worker*, which sent *data* as its Hello, and return True; or send it why it is rejected."""
        if reason := self._reason_to_reject(data):
            text = f"the master rejects this worker: {reason}"
            self.send(WORKER_REJECTED, WorkerRejected(reason=text), worker)
            self._remove_from_locust(worker)
            return False
        hello = decode_message(data, Hello, self._secret)
        self._workers[worker] = WatchedProcess(hello.pid, hello.pid_namespace)
        return True

    def _remove_from_locust(self, worker: str) -> None:
        """Let Locust not wait for *worker*: it would begin a run, and stop, without any other."""
        clients = getattr(self._runner, "clients", {})
        # While users run, Locust itself removes a worker that quits from their distribution.
        if worker in clients and getattr(self._runner, "_users_dispatcher", None) is None:
            del clients[worker]

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
        self._runner.send_message(kind, encode_message(message, self._secret), worker)

    def stop(self, worker: str, *, is_lost: bool = False) -> None:
        """Send *worker* the order to start no further request; one that *is_lost* may come back."""
        self.send(STOP, Stop(is_lost=is_lost), worker)

    def stop_all(self) -> None:
        """Send all workers the order to start no further request."""
        for worker in self._workers:
            self.stop(worker)

    def _reason_to_reject(self, data: Mapping[str, Any]) -> str:
        """Return why the worker that sent *data* is rejected; empty if it is admitted."""
        try:
            version = decode_unverified(data, Hello).version
        except msgspec.DecodeError:
            version = ""
        if version != __version__:
            return f"the master runs vecgate {__version__}, the worker {version or 'another version'}"
        try:
            decode_message(data, Hello, self._secret)
        except ForeignMessage:
            return "it does not have the secret of the master"
        return ""
