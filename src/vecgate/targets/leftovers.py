"""What runs are about to make, written down before it is made: `remains` finds by it what they left."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from pathlib import Path

import msgspec
import platformdirs

from vecgate.errors import JournalError
from vecgate.targets.holding import hold
from vecgate.targets.identity import account_of
from vecgate.targets.target import Target

#: The tag of a bucket that a run has made; its value is the id of the run.
RUN_TAG = "vecgate-run"


class Made(msgspec.Struct, frozen=True):
    """A bucket that a run was about to make.

    bucket   its name
    place    where, as `place_of` says it
    run      which run
    account  on Amazon, empty where nobody said
    """

    bucket: str
    place: str
    run: str
    account: str = ""


def place_of(target: Target) -> str:
    """Where *target* is, so that a record of one is never held against another."""
    return target.endpoint_url or f"aws:{target.region}"


def records_folder() -> Path:
    """The folder of the records, in the user's state directory."""
    return platformdirs.user_state_path("vecgate") / "made"


class MadeRecord:
    """The record of one process of a run, held while that is there; the file is gone once all it names is."""

    def __init__(self, target: Target, run: str, worker: str) -> None:
        self._place, self._run, self._account = place_of(target), run, account_of(target)
        self.path = records_folder() / f"{run}-{worker}.jsonl"
        self._descriptor: int | None = None

    def announce(self, bucket: str) -> None:
        """Write down that *bucket* is about to be made; it is on disk when this returns."""
        line = msgspec.json.encode(Made(bucket, self._place, self._run, self._account)) + b"\n"
        try:
            descriptor = self._held()
            os.write(descriptor, line)
            os.fsync(descriptor)
        except OSError as error:
            raise JournalError(
                f"what is about to be made cannot be written down: {error}", hint="Set XDG_STATE_HOME."
            ) from error

    def forget(self) -> None:
        """All that it names is removed."""
        self.path.unlink(missing_ok=True)

    def _held(self) -> int:
        if self._descriptor is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = hold(self.path)
            weakref.finalize(self, os.close, self._descriptor)
        return self._descriptor


def recorded(place: str, *, run: str = "") -> Iterator[tuple[Made, Path]]:
    """What the records say was made at *place*, by *run* or by any, and the file that says so."""
    for path in sorted(records_folder().glob(f"{run or '*'}-*.jsonl")):
        for line in _lines(path):
            try:
                made = msgspec.json.decode(line, type=Made)
            except msgspec.DecodeError:
                continue  # half a line: nothing was made yet
            if made.place == place and run in {"", made.run}:
                yield made, path


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []  # its run has just removed all that it names
