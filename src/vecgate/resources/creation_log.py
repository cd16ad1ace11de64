"""The log of the buckets that runs are about to create, by which `orphans` finds what they did not remove."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from pathlib import Path

import msgspec
import platformdirs

from vecgate.errors import JournalError
from vecgate.private_files import make_private_folder
from vecgate.resources.file_lock import open_locked
from vecgate.targets.account import resolve_account
from vecgate.targets.target import Target

#: Tag of every bucket that a run creates on Amazon; its value is the id of the run.
RUN_TAG = "vecgate-run"
#: Tag with the time until which the run may need the bucket, ISO 8601 in UTC. Not every run knows it.
END_TAG = "vecgate-until"


class CreationEntry(msgspec.Struct, frozen=True):
    """A bucket that a run was about to create.

    bucket    its name
    location  of the target, see `target_location`
    run       id of the run
    account   AWS account, empty if unknown or not on Amazon
    """

    bucket: str
    location: str = msgspec.field(name="place")  # the name in files of earlier versions
    run: str
    account: str = ""


def target_location(target: Target) -> str:
    """Return the URL or the AWS region of *target*, so that entries of one target never match another."""
    return target.endpoint_url or f"aws:{target.region}"


def creation_log_folder() -> Path:
    """Return the folder of the creation logs, in the user's state directory."""
    return platformdirs.user_state_path("vecgate") / "made"


class CreationLog:
    """The creation log of one process of a run. Its file is locked while that process lives."""

    def __init__(self, target: Target, run: str, worker: str) -> None:
        self._location, self._run, self._account = target_location(target), run, resolve_account(target)
        self.path: Path = creation_log_folder() / f"{run}-{worker}.jsonl"
        self._descriptor: int | None = None

    def announce(self, bucket: str) -> None:
        """Record that *bucket* is about to be created; the entry is on disk when this returns."""
        line = msgspec.json.encode(CreationEntry(bucket, self._location, self._run, self._account)) + b"\n"
        try:
            descriptor = self._open()
            os.write(descriptor, line)
            os.fsync(descriptor)
        except OSError as error:
            raise JournalError(
                f"the creation log {self.path} cannot be written: {error}",
                hint="Set XDG_STATE_HOME to a folder that can be written.",
            ) from error

    def discard(self) -> None:
        """Delete the log, after every bucket in it is removed."""
        self.path.unlink(missing_ok=True)

    def _open(self) -> int:
        if self._descriptor is None:
            make_private_folder(self.path.parent)
            self._descriptor = open_locked(self.path)
            weakref.finalize(self, os.close, self._descriptor)
        return self._descriptor


def read_creation_logs(location: str, *, run: str = "") -> Iterator[tuple[CreationEntry, Path]]:
    """Yield the entries for the target at *location*, of *run* or of every run, each with its file."""
    for path in sorted(creation_log_folder().glob(f"{run or '*'}-*.jsonl")):
        for line in _read_lines(path):
            try:
                entry = msgspec.json.decode(line, type=CreationEntry)
            except msgspec.DecodeError:
                continue  # A partial line: the process ended before it created the bucket.
            if entry.location == location and run in {"", entry.run}:
                yield entry, path


def _read_lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []  # Its run has just removed every bucket in it.
