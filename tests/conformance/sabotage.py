"""Break the local endpoint in small ways, one at a time: the conformance suite has to notice each.

    python tests/conformance/sabotage.py [--only NAME]... [--jobs N] [--write]

What is broken stands in `sabotages.toml`: a text of `src/vecgate`, and what takes its place in a copy that
both the suite and the endpoint run from. The working tree stays as it is. The file of the suite that is most
likely to notice runs first, all of it where that one does not. A requirement that fails on an unbroken copy
too has noticed nothing. Ends with 1 where something was not noticed. Nobody waits for it: it takes minutes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from vecgate.results.records import Result
from vecgate.results.stream import read_run

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("sabotages.toml")
README = ROOT / "conformance" / "README.md"
BEGIN, END = "<!-- sabotage: begin -->", "<!-- sabotage: end -->"
HEADING = "## What it notices"
PYTEST = ("-m", "pytest", "-q", "--vecgate-target", "local")
#: The whole suite takes two minutes where nothing else runs.
ENDS_WITHIN_S = 900.0
SAID_CHARACTERS = 1_500
#: Settings of whoever runs this have no business in the runs.
OWN_VARIABLES = ("PYTEST_ADDOPTS", "VECGATE_TARGET")


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way to break the endpoint; the fields are those of the list."""

    name: str
    breaks: str
    file: str
    old: str
    new: str
    first: str

    def break_in(self, package: Path) -> None:
        """Break the copy at *package*. Exits where the text does not stand there exactly once."""
        path = package / self.file
        source = path.read_text(encoding="utf-8")
        if (count := source.count(self.old)) != 1:
            sys.exit(f"{self.name}: its text stands in {self.file} {count} times, not once")
        path.write_text(source.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a sabotage: the requirement that noticed it, or why there is none."""

    sabotage: Sabotage
    noticed: Result | None = None
    problem: str = ""

    @property
    def row(self) -> str:
        """A line of the table."""
        if self.problem or not self.noticed:
            return f"| {self.sabotage.breaks} | **{self.problem}** | |"
        return f"| {self.sabotage.breaks} | `{self.noticed.id}` | {self.noticed.level} |"


class Bench:
    """Runs the suite on copies below *folder*, all of the same moment: others may be at work in the tree."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.copytree(ROOT / "conformance", folder / "conformance")
        shutil.copytree(ROOT / "src" / "vecgate", folder / "unbroken" / "vecgate")

    def tried(self, sabotage: Sabotage) -> Outcome:
        """Break a copy and run the suite on it."""
        place = self._folder / sabotage.name
        shutil.copytree(self._folder / "unbroken", place)
        sabotage.break_in(place / "vecgate")
        try:
            for tests in (f"conformance/{sabotage.first}", "conformance"):
                if failed := self._failed(place, [tests, "-x"]):
                    return Outcome(sabotage, failed[0])
        except _NotRunError as error:
            return Outcome(sabotage, problem=str(error))
        finally:
            shutil.rmtree(place)
        return Outcome(sabotage, problem="not noticed")

    def failing_unbroken(self, results: Iterable[Result]) -> set[str]:
        """Those tests of *results* that fail where nothing is broken."""
        tests = sorted({f"conformance/{result.test}" for result in results})
        return {each.test for each in self._failed(self._folder / "unbroken", tests)} if tests else set()

    def _failed(self, place: Path, arguments: Sequence[str]) -> list[Result]:
        """What fails when the suite is run with the package in *place*. Raises _NotRunError."""
        stream = place / "results.jsonl"
        kept = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
        try:
            ended = subprocess.run(
                [sys.executable, *PYTEST, *arguments, "--vecgate-results", str(stream)],
                cwd=self._folder,
                env={**kept, "PYTHONPATH": str(place)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ENDS_WITHIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _NotRunError("the suite came to no end") from None
        if ended.returncode == 0:
            return []
        failed = (
            [each for each in read_run(stream).results if each.outcome == "failed"]
            if stream.is_file()
            else []
        )
        if ended.returncode != 1 or not failed:
            sys.stderr.write(f"{ended.stdout[-SAID_CHARACTERS:]}{ended.stderr[-SAID_CHARACTERS:]}\n")
            raise _NotRunError(f"the suite did not run: exit code {ended.returncode}")
        return failed


class _NotRunError(Exception):
    """The suite could not be run to its end."""


def sabotages() -> list[Sabotage]:
    """Those of the list."""
    return [Sabotage(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["sabotage"]]


def outcomes(bench: Bench, chosen: Sequence[Sabotage], *, jobs: int) -> Iterator[Outcome]:
    """What becomes of *chosen*, in their order, told on stderr as it comes."""
    with ThreadPoolExecutor(jobs) as pool:
        for number, outcome in enumerate(pool.map(bench.tried, chosen), start=1):
            by = outcome.noticed.id if outcome.noticed else outcome.problem.upper()
            sys.stderr.write(f"{number:3}/{len(chosen)}  {outcome.sabotage.name}: {by}\n")
            yield outcome


def judged(bench: Bench, found: Sequence[Outcome]) -> list[Outcome]:
    """*found*, where what fails without any sabotage has noticed none."""
    failing = bench.failing_unbroken(each.noticed for each in found if each.noticed)
    return [
        replace(each, problem=f"{each.noticed.id} fails on an unbroken copy too")
        if each.noticed and each.noticed.test in failing
        else each
        for each in found
    ]


def table(found: Iterable[Outcome]) -> str:
    """*found* in Markdown."""
    head = ["| what is broken | noticed by | level |", "|---|---|---|"]
    return "\n".join([*head, *(each.row for each in found)])


def with_table(text: str, found: Sequence[Outcome]) -> str:
    """The README *text* with the table of *found* between its markers, put at its end where it has none."""
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{HEADING}\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    intro = (
        f"`python tests/conformance/sabotage.py --write` breaks a copy of the local endpoint in {len(found)} "
        "ways, one at a time,\nruns the suite on each and writes this table: what was broken, and the first "
        "requirement that failed."
    )
    return f"{before}{BEGIN}\n{intro}\n\n{table(found)}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    """Try what is asked for; 1 where something was not noticed."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="try this one; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="how many to try at a time (default: 2)")
    parser.add_argument("--write", action="store_true", help="keep the table in conformance/README.md")
    given = parser.parse_args()
    every = sabotages()
    if unknown := set(given.only or ()) - {each.name for each in every}:
        parser.error(f"there is no sabotage {', '.join(sorted(unknown))}; {LIST.name} names them")
    if given.only and given.write:
        parser.error("--write keeps the table of all of them")
    chosen = [each for each in every if not given.only or each.name in given.only]
    with tempfile.TemporaryDirectory(prefix="vecgate-sabotage-") as folder:
        bench = Bench(Path(folder))
        found = judged(bench, list(outcomes(bench, chosen, jobs=given.jobs)))
    if given.write:
        README.write_text(with_table(README.read_text(encoding="utf-8"), found), encoding="utf-8")
    survived = [each.sabotage.name for each in found if each.problem]
    verdict = f"FAIL  not noticed: {', '.join(survived)}" if survived else "PASS"
    sys.stdout.write(f"{table(found)}\n{verdict}  {len(found) - len(survived)} of {len(found)} noticed\n")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
