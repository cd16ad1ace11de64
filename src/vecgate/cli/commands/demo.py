"""`vecgate demo`: ingest, search, conformance and load on real embeddings, with a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.json_output import print_json
from vecgate.cli.options import open_chosen_target, output_options, print_status
from vecgate.exit_codes import EXIT_CODE_OF_GRADE
from vecgate.formatting import format_bytes, format_count, format_milliseconds

if TYPE_CHECKING:
    from vecgate.bulk.sources import Source
    from vecgate.cli.runs.bulk_result_stream import BulkResultStream
    from vecgate.cli.runs.demo_steps import DemoRun, IngestCheck
    from vecgate.results.verdict_records import Grade
    from vecgate.targets.target import Target

#: Title to the function in `demo_steps` that does the run.
RUNS = {
    "Conformance: does the endpoint behave as documented for S3 Vectors? (quick level)": "run_conformance",
    "Load: a ramp to 1,000 vectors/s of 1,024 dimensions": "run_ramp",
    "Sweep: how does the latency of searches grow with their rate?": "run_sweep",
}


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("vecgate-demo"),
    show_default=True,
    metavar="FOLDER",
    help="Write the report and the result streams to this folder.",
)
@output_options
def demo(output: Path, as_json: bool, quiet: bool) -> None:
    """Ingest embeddings of 5,000 PyPI packages into a local endpoint, read them back, and search them. Then
    run the conformance suite and a load ramp on the endpoint, and write an HTML report.

    \b
    vecgate demo
    vecgate demo -o out
    """  # noqa: D301 - click reads the backspace
    from vecgate.cli.runs.demo_steps import PRESET, ingest, open_packages, read_back
    from vecgate.targets.target import TargetChoice

    is_verbose = not (as_json or quiet)
    with (
        open_packages() as source,
        open_chosen_target(TargetChoice("local")) as target,
        target.sender() as sender,
    ):
        if is_verbose:
            records = format_count(source.total or 0, "embedding")
            rate = f"{PRESET.vectors_per_s:,} vectors/s"
            click.echo(f"1  Ingest {records} of PyPI packages, {source.dimension} dimensions, at {rate}")
        stream = _open_stream(output, source, target)
        check = read_back(source, sender, ingest(source, sender, stream, quiet=quiet))
    if is_verbose:
        _print_check(check)
    runs, path = _run_all(output, stream, is_verbose=is_verbose, quiet=quiet)
    grade = _overall_grade(check, runs)
    line = _verdict_line(check, runs, grade)
    code = EXIT_CODE_OF_GRADE[grade]
    if as_json:
        print_json(_to_dict(check, runs, path, line, grade), code=code)
    else:
        click.echo(line)
    raise click.exceptions.Exit(int(code))


def _open_stream(output: Path, source: Source, target: Target) -> BulkResultStream | None:
    """Return the result stream of the ingest, None if no report can be written."""
    from vecgate.cli.runs.bulk_result_stream import BulkResultStream
    from vecgate.cli.runs.demo_steps import PRESET, missing_extras

    if missing_extras():
        return None
    return BulkResultStream.of(output / "ingest.jsonl", "PutVectors", source, PRESET, target)


def _run_all(
    output: Path, stream: BulkResultStream | None, *, is_verbose: bool, quiet: bool
) -> tuple[list[DemoRun], Path | None]:
    """Do the runs that need extras. Return them, and the report of them and of the ingest in *stream*."""
    from vecgate.cli.runs import demo_steps
    from vecgate.results.result_stream import read_stream

    if stream is None:
        missing = ",".join(demo_steps.missing_extras())
        print_status(f"skipped: conformance, load and report need pip install 'vecgate[{missing}]'")
        return [], None
    runs = []
    for number, (title, run) in enumerate(RUNS.items(), start=5):
        if is_verbose:
            click.echo(f"{number}  {title}")
        runs.append(getattr(demo_steps, run)(output, quiet=quiet))
        if is_verbose:
            click.echo(runs[-1].text)
    path = demo_steps.write_report(output, [read_stream(stream.path), *(run.stream for run in runs)])
    if is_verbose:
        click.echo(f"{5 + len(RUNS)}  HTML report: {path}")
    return runs, path


def _print_check(check: IngestCheck) -> None:
    from vecgate.cli.commands.query import print_results
    from vecgate.cli.runs.demo_steps import QUERY_KEY

    outcome = check.outcome
    p50, p99 = (format_milliseconds(outcome.latency_ms(p)) for p in (50, 99))
    click.echo(
        f"rate       {outcome.vectors_per_s:,.0f} vectors/s\n"
        f"requests   {outcome.requests:,}, {format_bytes(outcome.payload_bytes)}; p50 {p50}, p99 {p99}\n"
        f"retries    {outcome.retries:,}"
    )
    returned = format_count(check.returned, "vector")
    click.echo(f"2  Scan: {returned} read back, {check.bit_exact:,} of them bit-exact")
    click.echo(f"3  Query: which packages are most similar to {QUERY_KEY}?")
    print_results(check.similar, "cosine")
    click.echo("4  Query with a filter: which of those were released in 2026? (year >= 2026)")
    print_results(check.recent, "cosine")


def _overall_grade(check: IngestCheck, runs: list[DemoRun]) -> Grade:
    grades = {run.verdict.grade for run in runs}
    if not check.is_good or "failed" in grades:
        return "failed"
    return "inconclusive" if "inconclusive" in grades else "passed"


def _verdict_line(check: IngestCheck, runs: list[DemoRun], grade: Grade) -> str:
    from vecgate.gate.verdict import WORDS

    outcome = check.outcome
    parts = [
        f"{outcome.acknowledged:,} of {outcome.total:,} vectors written",
        f"{check.bit_exact:,} read back bit-exact",
        *(run.line.split(maxsplit=1)[-1] for run in runs),
    ]
    return f"{WORDS[grade]}  {'; '.join(parts)}"


def _to_dict(
    check: IngestCheck, runs: list[DemoRun], report: Path | None, line: str, grade: Grade
) -> dict[str, object]:
    from vecgate.gate.verdict import WORDS

    outcome = check.outcome
    return {
        "total": outcome.total,
        "acknowledged": outcome.acknowledged,
        "returned": check.returned,
        "bit_exact": check.bit_exact,
        "vectors_per_s": outcome.vectors_per_s,
        "requests": outcome.requests,
        "payload_bytes": outcome.payload_bytes,
        "latency_ms": {f"p{p}": outcome.latency_ms(p) for p in (50, 90, 99)},
        "retries": outcome.retries,
        "similar": check.similar,
        "recent": check.recent,
        "runs": {run.stream.header.kind: run.line for run in runs},
        "report": str(report or ""),
        "line": line,
        "verdict": WORDS[grade],
    }
