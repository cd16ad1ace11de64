"""Mutation testing of the conformance suite: it must find every mutant of the local endpoint.

    python tests/conformance/mutants.py [--only NAME]... [--jobs N] [--write]

A mutant is a small fault in a copy of `src/vecgate`, as listed in `mutants.toml`. The suite and the endpoint
run from this copy; the working tree is not changed. The test that found the fault last time runs first, then
the file that contains it, then the whole suite, each only if the one before found nothing. A requirement that
also fails without a fault does not kill a mutant. The exit code is 1 if a mutant survives.

`--write` notes the tests that found the faults in `mutants.toml`, and the table in `conformance/README.md`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vecgate.results.records import Result

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("mutants.toml")
README = ROOT / "conformance" / "README.md"
BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"
HEADING = "## Mutation testing"
PYTEST = ("-m", "pytest", "-q", "--vecgate-target", "local")
#: The whole suite takes two minutes on an idle machine.
TIMEOUT_S = 900.0
OUTPUT_CHARACTERS_MAX = 1_500
PYTEST_USAGE_ERROR = 4
#: The runs must not use these settings of the caller.
IGNORED_VARIABLES = ("PYTEST_ADDOPTS", "VECGATE_TARGET")
#: Modules that take time to import. Each run is a fork of a process that has them; none is of vecgate.
PRELOADED = (
    "pytest",
    "boto3",
    "botocore.session",
    "hypothesis",
    "msgspec",
    "numpy",
    "orjson",
    "xdist.plugin",
)
#: The line of `first` in an entry of the list.
FIRST = re.compile(r"^first = .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault of the endpoint. The fields are those of `mutants.toml`."""

    name: str
    effect: str
    file: str
    old: str
    new: str
    first: str

    @property
    def attempts(self) -> tuple[str, ...]:
        """The tests to run until one fails, from few to all."""
        first = f"conformance/{self.first}"
        return tuple(dict.fromkeys((first, first.partition("::")[0], "conformance")))

    def apply(self, package: Path) -> None:
        """Apply the fault to the copy at *package*. Exits if the text does not occur exactly once."""
        path = package / self.file
        source = path.read_text(encoding="utf-8")
        if (count := source.count(self.old)) != 1:
            sys.exit(f"{self.name}: its text occurs {count} times in {self.file}, not once")
        path.unlink()  # it may be a link to the original
        path.write_text(source.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class MutantResult:
    """The requirement that killed a mutant, or the problem that let it survive."""

    mutant: Mutant
    killed_by: Result | None = None
    problem: str = ""

    @property
    def row(self) -> str:
        """A row of the table."""
        if self.problem or not self.killed_by:
            return f"| {self.mutant.effect} | **{self.problem}** | |"
        return f"| {self.mutant.effect} | `{self.killed_by.id}` | {self.killed_by.level} |"


class SuiteFailed(Exception):
    """The suite did not run to its end."""


class MutantRunner:
    """Runs the suite on copies in *folder*. All are of the same moment, even if the working tree changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.copytree(ROOT / "conformance", folder / "conformance")
        shutil.copytree(ROOT / "src" / "vecgate", folder / "original" / "vecgate")

    def run(self, mutant: Mutant) -> MutantResult:
        """Apply *mutant* to a copy and run the suite on it."""
        copy = self._folder / mutant.name
        shutil.copytree(self._folder / "original", copy, copy_function=os.link)
        mutant.apply(copy / "vecgate")
        try:
            for tests in mutant.attempts:
                # The file and the whole suite run next.
                if failed := self._failed_results(copy, [tests, "-x"], may_be_missing="::" in tests):
                    return MutantResult(mutant, failed[0])
        except SuiteFailed as error:
            return MutantResult(mutant, problem=str(error))
        finally:
            shutil.rmtree(copy)
        return MutantResult(mutant, problem="survived")

    def failing_without_fault(self, results: Iterable[Result]) -> set[str]:
        """Return those tests of *results* that fail on the original, too."""
        tests = sorted({f"conformance/{result.test}" for result in results})
        if not tests:
            return set()
        return {each.test for each in self._failed_results(self._folder / "original", tests)}

    def _failed_results(
        self, copy: Path, arguments: Sequence[str], *, may_be_missing: bool = False
    ) -> list[Result]:
        """Run the suite with the package in *copy* and return the failures. Raises SuiteFailed.

        If the test *may_be_missing*, because it was renamed since, one that is not found has not failed.
        """
        # Not at the top: a run must import the vecgate in its copy, and a fork of this process has this module.
        from vecgate.results.result_stream import read_conformance_run  # noqa: PLC0415

        stream, output = copy / "results.jsonl", copy / "output.txt"
        stream.unlink(missing_ok=True)
        command = [*PYTEST[2:], *arguments, "--vecgate-results", str(stream)]
        child = FORKS.Process(target=run_pytest, args=(self._folder, copy, command, output))
        child.start()
        child.join(TIMEOUT_S)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise SuiteFailed(f"the suite did not end within {TIMEOUT_S:.0f} s")
        if child.exitcode == 0 or (may_be_missing and child.exitcode == PYTEST_USAGE_ERROR):
            return []
        results = read_conformance_run(stream).results if stream.is_file() else []
        failed = [each for each in results if each.outcome == "failed"]
        if child.exitcode != 1 or not failed:
            sys.stderr.write(f"{output.read_text(encoding='utf-8')[-OUTPUT_CHARACTERS_MAX:]}\n")
            raise SuiteFailed(f"the suite did not run: exit code {child.exitcode}")
        return failed


#: Starts a process from one that has imported PRELOADED, which saves most of the time of a run.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(list(PRELOADED))


def run_pytest(folder: Path, copy: Path, arguments: Sequence[str], output: Path) -> None:
    """Run pytest in this process in *folder*, with the vecgate in *copy*. Exits with the code of pytest."""
    import pytest  # noqa: PLC0415 - the list of mutants is read without it

    os.chdir(folder)
    with output.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    for name in IGNORED_VARIABLES:
        os.environ.pop(name, None)
    os.environ["PYTHONPATH"] = str(copy)  # for the endpoint
    sys.path.insert(0, str(copy))
    import vecgate  # noqa: PLC0415 - as above

    if not Path(str(vecgate.__file__)).is_relative_to(copy):
        sys.exit(f"vecgate was imported from {vecgate.__file__}, not from the copy")
    # Plugins among PRELOADED cannot be rewritten, which they do not need here.
    sys.exit(int(pytest.main([*arguments, "-W", "ignore::pytest.PytestAssertRewriteWarning"])))


def read_mutants() -> list[Mutant]:
    """Return all mutants of the list."""
    return [Mutant(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]]


def run_all(runner: MutantRunner, selected: Sequence[Mutant], *, jobs: int) -> Iterator[MutantResult]:
    """Yield the results of *selected* in order, and print each to stderr."""
    with ThreadPoolExecutor(jobs) as pool:
        for number, result in enumerate(pool.map(runner.run, selected), start=1):
            outcome = result.killed_by.id if result.killed_by else result.problem.upper()
            sys.stderr.write(f"{number:3}/{len(selected)}  {result.mutant.name}: {outcome}\n")
            yield result


def discount(runner: MutantRunner, results: Sequence[MutantResult]) -> list[MutantResult]:
    """Return *results*, in which a requirement that also fails without a fault kills no mutant."""
    failing = runner.failing_without_fault(each.killed_by for each in results if each.killed_by)
    return [
        replace(each, problem=f"{each.killed_by.id} also fails without the fault")
        if each.killed_by and each.killed_by.test in failing
        else each
        for each in results
    ]


def format_table(results: Iterable[MutantResult]) -> str:
    """Format *results* as a Markdown table."""
    head = ["| effect of the mutant | killed by | level |", "|---|---|---|"]
    return "\n".join([*head, *(each.row for each in results)])


def note_first(text: str, results: Sequence[MutantResult]) -> str:
    """Return the list of mutants *text*, in which `first` of each is the test that found it."""
    head, *entries = text.split("[[mutant]]\n")
    found = {each.mutant.name: each.killed_by.test for each in results if each.killed_by and not each.problem}
    for number, entry in enumerate(entries):
        name = tomllib.loads(entry)["name"]
        if name in found:
            # A JSON string is a TOML string, too.
            line = f"first = {json.dumps(found[name].removeprefix('conformance/'))}"
            entries[number] = FIRST.sub(lambda _, line=line: line, entry)  # type: ignore[misc]
    return "[[mutant]]\n".join([head, *entries])


def insert_table(text: str, results: Sequence[MutantResult]) -> str:
    """Return the README *text* with the table between its markers, or at its end if it has no markers."""
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{HEADING}\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    intro = (
        f"`python tests/conformance/mutants.py --write` applies {len(results)} small faults to copies of the "
        "local endpoint, one at a time,\nruns the suite on each copy, and writes this table: the effect of each "
        "mutant, and the first requirement that failed."
    )
    return f"{before}{BEGIN}\n{intro}\n\n{format_table(results)}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    """Run the selected mutants. Return 1 if one of them survives."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="run this mutant; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="number of parallel runs (default: 2)")
    parser.add_argument("--write", action="store_true", help="write the table, and what found the mutants")
    options = parser.parse_args()
    mutants = read_mutants()
    if unknown := set(options.only or ()) - {each.name for each in mutants}:
        parser.error(f"unknown mutant: {', '.join(sorted(unknown))}; {LIST.name} lists them")
    if options.only and options.write:
        parser.error("--write needs a run of all mutants, without --only")
    selected = [each for each in mutants if not options.only or each.name in options.only]
    with tempfile.TemporaryDirectory(prefix="vecgate-mutants-") as folder:
        runner = MutantRunner(Path(folder))
        results = discount(runner, list(run_all(runner, selected, jobs=options.jobs)))
    if options.write:
        LIST.write_text(note_first(LIST.read_text(encoding="utf-8"), results), encoding="utf-8")
        README.write_text(insert_table(README.read_text(encoding="utf-8"), results), encoding="utf-8")
    survivors = [each.mutant.name for each in results if each.problem]
    verdict = f"FAIL  survived: {', '.join(survivors)}" if survivors else "PASS"
    sys.stdout.write(
        f"{format_table(results)}\n{verdict}  {len(results) - len(survivors)} of {len(results)} killed\n"
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
