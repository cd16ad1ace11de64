"""`vecgate demo`: the main job on real input, from nothing to a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import orjson

from vecgate.bulk.config import PRESETS
from vecgate.bulk.indexes import create_index
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.records import Float32Matrix
from vecgate.bulk.run import BulkOutcome
from vecgate.bulk.sources import Source, open_source
from vecgate.bulk.validation import IndexRules
from vecgate.bulk.wire import Sender
from vecgate.cli.bulk_run import leave, run_bulk
from vecgate.cli.bulk_stream import BulkStream
from vecgate.cli.demo_acts import Act, conformance, missing_extras, ramp, report
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.options import opened, output_options, say
from vecgate.cli.query import hits, show
from vecgate.cli.wording import milliseconds, size
from vecgate.reporting.wording import many
from vecgate.results.stream import read_stream
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target, TargetChoice

ADDRESS = IndexAddress("demo", "pypi-packages")
ASKED_FOR = "locust"
ACTS = {
    "Does the endpoint keep the promises of S3 Vectors? (the quick level)": conformance,
    "And how fast does it answer? A ramp to 1,000 vectors/s, 1,024 dimensions": ramp,
}
RECENT = {"year": {"$gte": 2026}}
NEAREST = 5


@dataclass(frozen=True, slots=True)
class Story:
    """What the demo found.

    outcome   of the ingest
    returned  vectors that the scan gave back
    exact     of these, equal to the file in every bit
    similar   the nearest to the package asked for, and *recent* those released lately
    """

    outcome: BulkOutcome
    returned: int
    exact: int
    similar: list[dict[str, Any]]
    recent: list[dict[str, Any]]

    @property
    def is_good(self) -> bool:
        """Everything that was sent came back as it was."""
        wanted = self.outcome.total
        return (
            self.outcome.is_complete and not self.outcome.set_aside and wanted == self.returned == self.exact
        )


@click.command(short_help="The whole story on the embedded endpoint, with real embeddings.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("vecgate-demo"),
    show_default=True,
    help="Folder for the report and the result streams.",
)
@output_options
def demo(output: Path, as_json: bool, quiet: bool) -> None:
    """Ingest embeddings of 5,000 PyPI packages into a local endpoint, read them back, search them; then
    hold the endpoint against the specification, ramp load on it, and write a report of it all.
    """
    is_told = not (as_json or quiet)
    with (
        _packages() as source,
        opened(TargetChoice("local")) as place,
        place.sender() as sender,
    ):
        if is_told:
            records = many(source.total or 0, "embedding")
            pace = f"{PRESETS['steady'].vectors_per_s:,} vectors/s"
            click.echo(f"1  Ingest {records} of PyPI packages, {source.dimension} dimensions, at {pace}")
        stream = _stream(output, source, place)
        outcome = _ingest(source, sender, stream, quiet=quiet)
        story = _look(source, BulkReader(sender, bucket=ADDRESS.bucket, index=ADDRESS.index), outcome)
    if not as_json:
        _tell(story, is_told=is_told)
    acts, path = _acts(output, stream, is_told=is_told, quiet=quiet)
    is_good = story.is_good and all(act.verdict for act in acts)
    last = _last_line(story, acts, is_good=is_good)
    if as_json:
        lines = {act.stream.header.kind: act.line for act in acts}
        told = {**_to_dict(story), "acts": lines, "report": str(path or ""), "line": last}
        click.echo(orjson.dumps({**told, "verdict": "PASS" if is_good else "FAIL"}).decode())
    else:
        click.echo(last)
    leave(ExitCode.PASS if is_good else ExitCode.GATE_FAILED)


def _stream(output: Path, source: Source, place: Target) -> BulkStream | None:
    """Where the ingest is recorded for the report; None where there will be none."""
    if missing_extras():
        return None
    return BulkStream.of(output / "ingest.jsonl", "PutVectors", source, PRESETS["steady"], place)


def _acts(
    output: Path, ingest: BulkStream | None, *, is_told: bool, quiet: bool
) -> tuple[list[Act], Path | None]:
    """The acts that need more than the base package, and the report of them and of the *ingest*."""
    if ingest is None:
        missing = ",".join(missing_extras())
        say(f"left out: specification, ramp and report need pip install 'vecgate[{missing}]'")
        return [], None
    acts = []
    for number, (title, perform) in enumerate(ACTS.items(), start=5):
        if is_told:
            click.echo(f"{number}  {title}")
        acts.append(perform(output, quiet=quiet))
        if is_told:
            click.echo(acts[-1].text)
    path = report(output, [read_stream(ingest.path), *(act.stream for act in acts)])
    if is_told:
        click.echo(f"{5 + len(ACTS)}  A report of that, for people: {path}")
    return acts, path


@contextmanager
def _packages() -> Iterator[Source]:
    with as_file(files("vecgate") / "data" / "pypi-packages.parquet") as path:
        yield open_source(path)


def _ingest(source: Source, sender: Sender, stream: BulkStream | None, *, quiet: bool) -> BulkOutcome:
    create_index(sender, ADDRESS, IndexRules(source.dimension or 0, "cosine"))
    with TemporaryDirectory(prefix="vecgate-demo-") as folder:
        journal, aside = Path(folder) / "journal", Path(folder) / "set-aside.jsonl"
        return run_bulk(
            sender,
            ADDRESS,
            PRESETS["steady"],
            lambda writer: writer.put(source, journal=journal, set_aside=aside),
            stream=stream,
            quiet=quiet,
        )


def _look(source: Source, reader: BulkReader, outcome: BulkOutcome) -> Story:
    sent = _by_key((block.keys, block.vectors) for block in source.blocks())
    back = _by_key((page.keys, page.vectors) for page in reader.scan() if page.vectors is not None)
    exact = sum(row.tobytes() == sent[key].tobytes() for key, row in back.items() if key in sent)
    similar = reader.query(sent[ASKED_FOR], NEAREST + 1, metadata=True)
    recent = reader.query(sent[ASKED_FOR], NEAREST + 1, filter=RECENT, metadata=True)
    others = (
        [hit for hit in hits(found) if hit["key"] != ASKED_FOR][:NEAREST] for found in (similar, recent)
    )
    return Story(outcome, len(back), exact, *others)


def _by_key(pages: Any) -> dict[str, Float32Matrix]:  # noqa: ANN401 - any iterable of keys and matrices
    return {key: np.asarray(row) for keys, matrix in pages for key, row in zip(keys, matrix, strict=True)}


def _tell(story: Story, *, is_told: bool) -> None:
    outcome = story.outcome
    if is_told:
        click.echo(f"2  Scan: {many(story.returned, 'vector')} came back, {story.exact:,} of them bit-exact")
        click.echo(f"3  Which packages are most like {ASKED_FOR}?")
        show(story.similar, "cosine")
        click.echo("4  And which of those were released in 2026? (filter: year >= 2026)")
        show(story.recent, "cosine")
    p50, p99 = (milliseconds(outcome.latency_ms(p)) for p in (50, 99))
    if not is_told:
        return
    click.echo(
        f"rate held  {outcome.vectors_per_s:,.0f} vectors/s\n"
        f"requests   {outcome.requests:,}, {size(outcome.payload_bytes)}; p50 {p50}, p99 {p99}\n"
        f"retries    {outcome.retries:,}"
    )


def _last_line(story: Story, acts: list[Act], *, is_good: bool) -> str:
    outcome = story.outcome
    told = [
        f"{outcome.acknowledged:,} of {outcome.total:,} vectors written, {story.exact:,} read back bit-exact",
        *(act.line.split(maxsplit=1)[-1] for act in acts),
    ]
    return f"{'PASS' if is_good else 'FAIL'}  {'; '.join(told)}"


def _to_dict(story: Story) -> dict[str, object]:
    outcome = story.outcome
    return {
        "total": outcome.total,
        "acknowledged": outcome.acknowledged,
        "returned": story.returned,
        "bit_exact": story.exact,
        "vectors_per_s": outcome.vectors_per_s,
        "requests": outcome.requests,
        "payload_bytes": outcome.payload_bytes,
        "latency_ms": {f"p{p}": outcome.latency_ms(p) for p in (50, 90, 99)},
        "retries": outcome.retries,
        "similar": story.similar,
        "recent": story.recent,
    }
