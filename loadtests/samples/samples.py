"""`make samples`: real runs, one after the other, and their pages; see reports/README.md.

Nothing runs beside anything else. The first run that could not be judged ends it all, and is not kept.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtests.samples.published import REPORTS, Sample, samples

from vecgate.errors import SourceError
from vecgate.reporting.html.headline import headline_of
from vecgate.results.stream import read_stream

ROOT = Path(__file__).parents[2]
#: What a run leaves with that was done. One whose gate failed is a result, and said at the end.
DONE, GATE_FAILED, NOT_MADE, INTERRUPTED = 0, 1, 4, 130
WITHIN_S = 600
#: To be named beside the samples: no sample, only the pages.
PAGES = "pages"


class Failed(Exception):
    """A sample that could not be made; the text says why."""


def run(names: str, root: Path, *, is_tiny: bool) -> int:
    """Make the samples of these names below *root*, then all pages. Raises Failed."""
    wanted, failed, began_s = chosen(names, is_tiny=is_tiny), [], time.monotonic()
    for number, sample in enumerate(wanted, start=1):
        say(f"{number} of {len(wanted)}  {sample.name}: {' '.join(sample.program)}")
        before_s = time.monotonic()
        if make(sample, root, is_tiny=is_tiny) == GATE_FAILED:
            failed.append(sample.name)
        say(f"    {time.monotonic() - before_s:.0f} s, {time.monotonic() - began_s:.0f} s so far")
    write_pages(root / REPORTS)
    told = f"{len(wanted)} samples in {time.monotonic() - began_s:.0f} s"
    say(f"FAIL  {told}; the gate failed of {', '.join(failed)}" if failed else f"PASS  {told}")
    return GATE_FAILED if failed else DONE


def chosen(names: str, *, is_tiny: bool) -> list[Sample]:
    """The samples of these names, all where none is named. Raises Failed."""
    known = {sample.name: sample for sample in samples()}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in {*known, PAGES}]:
        raise Failed(f"there is no sample {', '.join(unknown)}; there are {', '.join(known)}")
    named = [sample for sample in known.values() if sample.name in wanted or not wanted]
    return [sample for sample in named if not is_tiny or sample.tiny is not None]


def make(sample: Sample, root: Path, *, is_tiny: bool) -> int:
    """Make *sample* below *root*; what its program left with. Raises Failed."""
    with TemporaryDirectory(prefix="vecgate-sample-") as folder:
        result = Path(folder) / sample.file.name
        done = subprocess.run(
            sample.command(result, is_tiny=is_tiny),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        say(f"    {(done.stdout.strip().splitlines() or ['it said nothing'])[-1]}")
        if done.returncode not in {DONE, GATE_FAILED}:
            raise Failed(f"{sample.name} left with {done.returncode}")
        # Peers know where their result goes.
        made = result if result.exists() else ROOT / sample.file
        check(sample, made)
        for path in filter(None, (sample.file, sample.copy)):
            keep(made, root / path)
    return done.returncode


def check(sample: Sample, result: Path) -> None:
    """Raises Failed where *result* is no run that says something."""
    if result.suffix == ".jsonl" and sample.is_judged:
        try:
            headline = headline_of(read_stream(result))
        except SourceError as error:
            raise Failed(str(error)) from None
        if headline.tone == "unjudged":
            raise Failed(f"{sample.name} was NOT JUDGED: {headline.line}")


def keep(made: Path, path: Path) -> None:
    """Have what was *made* at *path*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if made != path:
        shutil.copyfile(made, path)


def write_pages(folder: Path) -> None:
    """The page of each result in *folder*, one of all targets side by side, the list. Raises Failed."""
    streams = sorted(folder.glob("*.jsonl"))
    for stream in streams:
        _report(folder, stream.name, "-o", f"{stream.stem}.html")
    if targets := [stream.name for stream in streams if stream.name.startswith("conformance-")]:
        _report(folder, *targets, "--matrix", "-o", "compatibility.html")
    _report(folder, "--index", ".")


def _report(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "vecgate", "report", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    if done.returncode or done.stderr:
        raise Failed(f"vecgate report {' '.join(words)}: {done.stderr.strip()}")
    say(f"    {done.stdout.strip().splitlines()[-1]}")


def say(text: str) -> None:
    """A line, at once."""
    print(text, flush=True)


def main(words: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make samples", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help=f"names, separated by commas; {PAGES} for the pages alone")
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="the folder that has reports, docs, loadtests"
    )
    parser.add_argument("--tiny", action="store_true", help="a matter of seconds; needs another --root")
    asked = parser.parse_args(words)
    if asked.tiny and asked.root.resolve() == ROOT:
        parser.error("--tiny needs another --root: what it makes is no sample")
    try:
        return run(asked.only, asked.root.resolve(), is_tiny=asked.tiny)
    except (Failed, subprocess.TimeoutExpired) as failure:
        say(f"NOT MADE  {failure}")
        return NOT_MADE
    except KeyboardInterrupt:
        say("INTERRUPTED  what was made before is kept")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
