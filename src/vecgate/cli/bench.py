"""`vecgate bench`: the microbenchmarks, on their own, beside a stored run, or beside another revision."""

from __future__ import annotations

from pathlib import Path

import click

from vecgate.cli.bench_run import BenchChoice, KeptChoice, bench_run, show
from vecgate.cli.compare import anyway_option, limit_option
from vecgate.cli.options import FILE, arriving_as, output_options
from vecgate.results.stream import read_stream
from vecgate.testing.interleaving import BELIEVED_AFTER

what_choice = arriving_as(
    "what",
    BenchChoice,
    click.option("-k", "expression", default="", help="Only what matches, as in pytest."),
    click.option(
        "--visits",
        type=click.IntRange(1),
        default=3,
        show_default=True,
        help="How often all is measured, each time in a new process; fewer than 3 cannot be compared.",
    ),
    click.option(
        "--seconds",
        type=click.FloatRange(0.01),
        default=0.5,
        show_default=True,
        help="How long each benchmark is repeated in a visit.",
    ),
    click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        default=None,
        help="Of the benchmarks; by default loadtests/micro.",
    ),
    click.option("--baseline", type=FILE, default=None, help="Compare with this stored run."),
    click.option("--against", metavar="REVISION", default="", help="Compare with a git revision, in turn."),
    click.option(
        "--pairs-max",
        type=click.IntRange(BELIEVED_AFTER),
        default=12,
        show_default=True,
        help="With --against, no more visits of each side than this, however much is in doubt; "
        f"a difference is believed after {BELIEVED_AFTER}.",
    ),
    limit_option('10% or "direct sender=5%"'),
    anyway_option,
)
kept_choice = arriving_as(
    "kept",
    KeptChoice,
    click.option("-o", "--results", type=FILE, default=None, help="Keep the result stream here."),
    click.option("--markdown", type=FILE, default=None, help="Add a summary in Markdown to this file."),
    click.option("--all", "everything", is_flag=True, help="When comparing, show also what is the same."),
)


@click.command(short_help="The microbenchmarks, with a baseline or against a revision.")
@what_choice
@kept_choice
@click.option("--show", "shown", type=FILE, default=None, help="Print a stored run, measure nothing.")
@output_options
def bench(what: BenchChoice, kept: KeptChoice, shown: Path | None, as_json: bool, quiet: bool) -> None:
    """Measure the microbenchmarks of a checkout.

    \b
    vecgate bench -o now.jsonl
    vecgate bench --baseline before.jsonl --max-regression 10%
    vecgate bench --against main -k put
    """  # noqa: D301 - click reads the backspace
    if shown:
        code = show(read_stream(shown), kept, as_json=as_json)
    else:
        code = bench_run(what, kept, as_json=as_json, quiet=quiet)
    raise click.exceptions.Exit(int(code))
