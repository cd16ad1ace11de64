"""What `put` and `delete` share: the files of a run, its signals, its summary."""

from __future__ import annotations

import hashlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import orjson
import platformdirs

from vecgate.bulk.aside import aside_path
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.journal import remove_journal, settled_in
from vecgate.bulk.progress import Subscriber
from vecgate.bulk.run import BulkOutcome
from vecgate.bulk.sources import Source
from vecgate.bulk.wire import Sender
from vecgate.bulk.writer import BulkWriter
from vecgate.cli.bar import LiveBar
from vecgate.cli.bulk_stream import BulkStream
from vecgate.cli.exit_codes import ExitCode, exit_code_of
from vecgate.cli.main import fail
from vecgate.cli.options import KeepChoice, say
from vecgate.cli.wording import milliseconds, size
from vecgate.errors import UsageError
from vecgate.reporting.wording import duration, many
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target


@dataclass(frozen=True, slots=True)
class Files:
    """What a run keeps on disk: what is acknowledged, and what could not be written.

    journal is None for an input that cannot be read again, such as standard input.
    """

    journal: Path | None
    set_aside: Path

    @classmethod
    def of(
        cls,
        source: Source,
        address: IndexAddress,
        place: Target,
        operation: str,
        keep: KeepChoice,
    ) -> Files:
        """The files of this run.

        Raises UsageError where an earlier run was not finished and neither `--resume` nor `--restart` was
        said, or a journal was asked for an input that cannot be read twice.
        """
        aside = keep.set_aside or aside_path(source.name)
        if not source.is_identified:
            if keep.resume or keep.journal:
                raise UsageError(f"{source.name} cannot be resumed", hint="Put it into a file first.")
            return cls(None, aside)
        path = keep.journal or _journal_path(source, address, place, operation)
        # Asked even where it is to be removed: what is no journal, or is in use, stays.
        settled = settled_in(path) if path.exists() else 0
        if keep.restart:
            remove_journal(path)
        elif path.exists() and not keep.resume:
            raise UsageError(
                f"an earlier run of {source.name} did not finish: {settled:,} records are settled",
                hint="Add --resume to send the rest, or --restart to begin again.",
            )
        return cls(path, aside)


def run_bulk(
    sender: Sender,
    address: IndexAddress,
    config: BulkConfig,
    work: Callable[[BulkWriter], BulkOutcome],
    *,
    stream: BulkStream | None = None,
    quiet: bool,
) -> BulkOutcome:
    """Do *work* under the live bar, recorded in *stream*; the first Ctrl-C or SIGTERM ends it cleanly, the
    second at once.
    """

    def done(subscribers: Sequence[Subscriber] = ()) -> BulkOutcome:
        with LiveBar(quiet=quiet) as bar:
            writer = BulkWriter(
                sender,
                bucket=address.bucket,
                index=address.arn or address.index,
                config=config,
                subscribers=[bar, *subscribers],
            )
            with _ended_by_signals(writer):
                return work(writer)

    return stream.recorded(done) if stream else done()


def conclude(outcome: BulkOutcome, kept: Files, *, verb: str, as_json: bool) -> ExitCode:
    """Print what happened, and give the exit code."""
    code = _code(outcome)
    if as_json:
        click.echo(orjson.dumps({**to_dict(outcome, kept), "exit_code": int(code)}).decode())
    else:
        click.echo("\n".join(summary(outcome, kept, verb=verb)))
    if outcome.stopped_by is not None:
        fail(str(outcome.stopped_by), hint=outcome.stopped_by.hint, code=code)
    return code


def leave(code: ExitCode) -> NoReturn:
    """Leave the command with *code*."""
    raise click.exceptions.Exit(int(code))


def summary(outcome: BulkOutcome, kept: Files, *, verb: str) -> list[str]:
    """What happened, for people; the last line is the verdict."""
    of_total = "" if outcome.total is None else f" of {outcome.total:,}"
    rate = f", {outcome.vectors_per_s:,.0f}/s held" if outcome.vectors_per_s else ""
    lines = [f"{verb:<11}{outcome.acknowledged:,}{of_total} in {duration(outcome.elapsed_s)}{rate}"]
    if outcome.resumed:
        lines.append(f"{'resumed':<11}{outcome.resumed:,} of these were settled by earlier runs")
    if outcome.superseded:
        lines.append(f"{'superseded':<11}{many(outcome.superseded, 'record')} by a later one of the same key")
    p50, p99 = (milliseconds(outcome.latency_ms(p)) for p in (50, 99))
    lines.append(f"{'requests':<11}{outcome.requests:,}, {size(outcome.payload_bytes)}; p50 {p50}, p99 {p99}")
    if outcome.retries or outcome.failed_attempts:
        causes = ", ".join(f"{n:,} × {cause}" for cause, n in outcome.failed_attempts.items())
        lines.append(f"{'retries':<11}{outcome.retries:,} ({causes})")
    if outcome.set_aside:
        lines.append(f"{'set aside':<11}{outcome.set_aside:,} in {kept.set_aside}")
    for problem, cause in outcome.causes.items():
        keys = ", ".join(repr(key) for key in cause.keys)
        lines.append(
            f"{'':<11}{cause.count:,} × {problem}: {keys}{', …' if cause.count > len(cause.keys) else ''}"
        )
    return [*lines, _verdict(outcome, kept, verb)]


def to_dict(outcome: BulkOutcome, kept: Files) -> dict[str, object]:
    """The outcome as JSON has it; numbers in vectors, bytes, seconds, milliseconds."""
    numbers = {
        name: getattr(outcome, name)
        for name in (
            *("total", "read", "acknowledged", "set_aside", "pending", "superseded", "resumed"),
            *("requests", "payload_bytes", "retries", "throttles", "elapsed_s", "vectors_per_s"),
            *("failed_attempts", "interrupted", "is_complete"),
        )
    }
    return numbers | {
        "latency_ms": {f"p{p}": outcome.latency_ms(p) for p in (50, 90, 99)},
        "causes": {problem: {"count": c.count, "keys": c.keys} for problem, c in outcome.causes.items()},
        "stopped_by": None if outcome.stopped_by is None else str(outcome.stopped_by),
        "journal": None if outcome.is_complete or kept.journal is None else str(kept.journal),
        "set_aside_file": str(kept.set_aside) if outcome.set_aside else None,
    }


def _verdict(outcome: BulkOutcome, kept: Files, verb: str) -> str:
    left = (
        outcome.pending if outcome.total is None else outcome.total - outcome.acknowledged - outcome.set_aside
    )
    if not outcome.is_complete:
        ended = "INTERRUPTED" if outcome.interrupted else "STOPPED"
        way_on = "run it again" if kept.journal is None else "run it again with --resume to go on"
        return f"{ended}  {left:,} left; {way_on}"
    if outcome.set_aside:
        return f"FAIL  {many(outcome.set_aside, 'record')} not {verb}; mend the set-aside file and put it"
    return f"PASS  {many(outcome.acknowledged, 'record')} {verb}"


def _code(outcome: BulkOutcome) -> ExitCode:
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    if outcome.stopped_by is not None:
        return exit_code_of(outcome.stopped_by)
    return ExitCode.GATE_FAILED if outcome.set_aside else ExitCode.PASS


def _journal_path(source: Source, address: IndexAddress, place: Target, operation: str) -> Path:
    identity = f"{source.fingerprint}\0{address}\0{place.name}\0{place.region}\0{operation}"
    name = f"{Path(source.name).name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.journal"
    return platformdirs.user_state_path("vecgate") / "journals" / name


@contextmanager
def _ended_by_signals(writer: BulkWriter) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        del frame
        writer.stop()
        say("stopping: waiting for what is in flight; once more to stop at once")
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    sys.stderr.flush()
