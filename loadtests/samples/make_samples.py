"""Makes the published samples and their pages one after the other: `make samples`, see reports/README.md.

Nothing else runs at the same time. The first inconclusive run ends everything, and is not stored.
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

from loadtests.samples.sample_list import REPORTS, Sample, list_samples

from vecgate.errors import SourceError
from vecgate.reporting.html.headline import build_headline
from vecgate.results.result_stream import read_stream

ROOT = Path(__file__).parents[2]
#: Exit codes. A run whose gate failed is a result too; it is named at the end.
DONE, GATE_FAILED, NOT_MADE, INTERRUPTED = 0, 1, 4, 130
TIMEOUT_S = 600
#: Not a sample: selects the pages alone.
PAGES = "pages"


class SampleError(Exception):
    """A sample could not be made; the text says why."""


def make_samples(names: str, root: Path, *, is_tiny: bool) -> int:
    """Make the samples of these *names* below *root*, then all pages. Raises SampleError."""
    selected, failed, started_s = select_samples(names, is_tiny=is_tiny), [], time.monotonic()
    for number, sample in enumerate(selected, start=1):
        print_line(f"{number} of {len(selected)}  {sample.name}: {' '.join(sample.program)}")
        if missing := _missing(sample):
            print_line(f"    not made: {', '.join(missing)} not installed")
            continue
        sample_started_s = time.monotonic()
        if make_sample(sample, root, is_tiny=is_tiny) == GATE_FAILED:
            failed.append(sample.name)
        now_s = time.monotonic()
        print_line(f"    {now_s - sample_started_s:.0f} s, {now_s - started_s:.0f} s so far")
    write_pages(root / REPORTS)
    line = f"{len(selected)} samples in {time.monotonic() - started_s:.0f} s"
    print_line(f"FAIL  {line}; the gate failed for {', '.join(failed)}" if failed else f"PASS  {line}")
    return GATE_FAILED if failed else DONE


def select_samples(names: str, *, is_tiny: bool) -> list[Sample]:
    """Return the samples of these comma-separated *names*, or all of them. Raises SampleError."""
    known = {sample.name: sample for sample in list_samples()}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in {*known, PAGES}]:
        raise SampleError(f"there is no sample {', '.join(unknown)}; there are {', '.join(known)}")
    selected = [sample for sample in known.values() if sample.name in wanted or not wanted]
    return [
        sample for sample in selected if not is_tiny or (sample.tiny is not None and not _missing(sample))
    ]


def _missing(sample: Sample) -> list[str]:
    """Return the programs that *sample* needs and that are not installed."""
    return [program for program in sample.programs if shutil.which(program) is None]


def make_sample(sample: Sample, root: Path, *, is_tiny: bool) -> int:
    """Make *sample* below *root*, and return the exit code of its program. Raises SampleError."""
    with TemporaryDirectory(prefix="vecgate-sample-") as folder:
        result = Path(folder) / sample.file.name
        finished = subprocess.run(
            sample.command(result, is_tiny=is_tiny),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        print_line(f"    {(finished.stdout.strip().splitlines() or ['no output'])[-1]}")
        if finished.returncode not in {DONE, GATE_FAILED}:
            raise SampleError(f"{sample.name} ended with exit code {finished.returncode}")
        # The comparison with peers writes to its own file.
        made = result if result.exists() else ROOT / sample.file
        check_conclusive(sample, made)
        for path in filter(None, (sample.file, sample.copy)):
            store(made, root / path)
    return finished.returncode


def check_conclusive(sample: Sample, result: Path) -> None:
    """Raise SampleError if the stream at *result* is inconclusive."""
    if result.suffix == ".jsonl" and sample.must_be_conclusive:
        try:
            headline = build_headline(read_stream(result))
        except SourceError as error:
            raise SampleError(str(error)) from None
        if headline.tone == "inconclusive":
            raise SampleError(f"{sample.name} was INCONCLUSIVE: {headline.line}")


def store(made: Path, path: Path) -> None:
    """Copy the file at *made* to *path*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if made != path:
        shutil.copyfile(made, path)


def write_pages(folder: Path) -> None:
    """Write the page of each result in *folder*, the matrix, and the index. Raises SampleError."""
    streams = sorted(folder.glob("*.jsonl"))
    for stream in streams:
        _run_report(folder, stream.name, "-o", f"{stream.stem}.html")
    if targets := [stream.name for stream in streams if stream.name.startswith("conformance-")]:
        speed = [stream.name for stream in streams if stream.name == "servers.jsonl"]
        _run_report(folder, *targets, *speed, "--matrix", "-o", "compatibility.html", "--badges", "badges")
    _run_report(folder, "--index", ".")


def _run_report(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "vecgate", "report", *arguments]
    finished = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if finished.returncode or finished.stderr:
        raise SampleError(f"vecgate report {' '.join(arguments)}: {finished.stderr.strip()}")
    print_line(f"    {finished.stdout.strip().splitlines()[-1]}")


def print_line(text: str) -> None:
    """Print a line without buffering."""
    print(text, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run the command line, and return its exit code."""
    parser = argparse.ArgumentParser(prog="make samples", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help=f"names, separated by commas; {PAGES} for the pages alone")
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="folder that contains reports, docs and loadtests"
    )
    parser.add_argument("--tiny", action="store_true", help="runs of seconds; needs another --root")
    options = parser.parse_args(arguments)
    if options.tiny and options.root.resolve() == ROOT:
        parser.error("--tiny needs another --root: shortened runs are not published")
    try:
        return make_samples(options.only, options.root.resolve(), is_tiny=options.tiny)
    except (SampleError, subprocess.TimeoutExpired) as error:
        print_line(f"NOT MADE  {error}")
        return NOT_MADE
    except KeyboardInterrupt:
        print_line("INTERRUPTED  the samples made so far are stored")
        return INTERRUPTED
