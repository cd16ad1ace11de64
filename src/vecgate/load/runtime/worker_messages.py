"""The messages between master and workers, sent as JSON inside Locust's messages.

Each one carries a code that only a process with the secret of the run can compute. A master so knows its
workers, and a worker its master: it sends signed requests to the target that the master names.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from vecgate.errors import UsageError
from vecgate.load.master_secret import SECRET_HINT
from vecgate.load.scenario.scenario_file import Scenario
from vecgate.load.traffic.acknowledged_writes import AcknowledgedWrites
from vecgate.results.load.failure_samples import FailureCause
from vecgate.results.load.load_records import Recall, Second, WorkerTotals

#: From worker to master.
HELLO: Final = "vecgate-hello"
READY: Final = "vecgate-ready"
SECOND: Final = "vecgate-second"
DONE: Final = "vecgate-done"
#: From master to worker.
ASSIGNMENT: Final = "vecgate-assignment"
START: Final = "vecgate-start"
REPARTITION: Final = "vecgate-repartition"
STOP: Final = "vecgate-stop"
WORKER_REJECTED: Final = "vecgate-worker-rejected"

T = TypeVar("T")


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A worker introduces itself.

    pid            its process id
    pid_namespace  where that process id is valid; see `process_liveness`
    version        its version of vecgate
    """

    pid: int
    pid_namespace: str = ""
    version: str = ""


class WorkerRejected(msgspec.Struct, frozen=True, kw_only=True):
    """The master rejects a worker, which then ends."""

    reason: str


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's task: run *scenario* against an index of a target.

    target            name of the target, or its URL
    credentials       access key and secret key of an endpoint that the master has started; empty for others
    needs_credentials the master found credentials of its own, so the worker needs some too
    wants_rows   the worker reports a CSV row of each request
    """

    run: str
    scenario: Scenario
    bucket: str
    index: str
    target: str
    region: str = ""
    profile: str = ""
    ca_bundle: str = ""
    verify: bool = True
    credentials: tuple[str, ...] = ()
    needs_credentials: bool = False
    wants_rows: bool = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A worker is ready for *run*; *problem* says why it is not."""

    run: str
    problem: str = ""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule begins in *in_s* seconds, and the worker sends part *part* of *parts*.

    A negative *in_s* means that it began before.
    """

    run: str
    in_s: float
    from_arrival: int
    part: int
    parts: int


class Repartition(msgspec.Struct, frozen=True, kw_only=True):
    """From *from_arrival* on, the worker sends part *part* of *parts*."""

    run: str
    from_arrival: int
    part: int
    parts: int


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """The worker starts no further request.

    is_lost  the master had lost the worker and gave its part to others: it may introduce itself again
    """

    is_lost: bool = False


class IntervalReport(msgspec.Struct, frozen=True, kw_only=True):
    """One second of a worker.

    failures  samples of its failed requests
    rows      a CSV row of each request, if the assignment wants them
    """

    run: str
    second: Second
    failures: tuple[FailureCause, ...] = ()
    rows: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A worker has finished all of its arrivals."""

    run: str
    totals: WorkerTotals
    recall: Recall | None = None
    writes: AcknowledgedWrites = AcknowledgedWrites()


class ForeignMessage(UsageError):
    """Raised for a message of a process that does not have the secret."""

    def __init__(self) -> None:
        super().__init__("the master and this worker do not have the same secret", hint=SECRET_HINT)


def encode_message(message: object, secret: str) -> dict[str, Any]:
    """Encode *message* as the data of a Locust message, with the code of *secret*."""
    text = msgspec.json.encode(message).decode()
    return {"json": text, "code": _code_of(text, type(message), secret)}


def decode_message(data: Mapping[str, Any], kind: type[T], secret: str) -> T:
    """Decode the data of a Locust message. Raises ForeignMessage, or msgspec.DecodeError."""
    text, code = _text_of(data), str(data.get("code", ""))
    if not hmac.compare_digest(code.encode(), _code_of(text, kind, secret).encode()):
        raise ForeignMessage
    return msgspec.json.decode(text, type=kind)


def decode_unverified(data: Mapping[str, Any], kind: type[T]) -> T:
    """Decode the data of a Locust message that anyone may have sent. Raises msgspec.DecodeError."""
    return msgspec.json.decode(_text_of(data), type=kind)


def _text_of(data: Mapping[str, Any]) -> str:
    return str(data.get("json", ""))


def _code_of(text: str, kind: type, secret: str) -> str:
    # The kind is included, so that no message can be sent back as one of another kind.
    return hmac.digest(secret.encode(), f"{kind.__name__} {text}".encode(), "sha256").hex()
