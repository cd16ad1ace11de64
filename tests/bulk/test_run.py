"""The laws of a run, under interleavings, mishaps and crashes that Hypothesis chooses."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vecgate.bulk.aside import SetAsideFile
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.encoding import encode_put
from vecgate.bulk.journal import Identity, Journal
from vecgate.bulk.records import Block, Reject
from vecgate.bulk.retry import RetryPolicy
from vecgate.bulk.run import Run
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted import Mishap, ScriptedService, error_of
from vecgate.testing.simulation import Flight, Simulation
from vecgate.testing.strategies import block_of, lists_of_blocks

ADDRESS = IndexAddress("bucket", "index")
#: Few keys, so that they repeat inside a batch, across batches in flight, and across crashes.
KEYS = st.sampled_from(["a", "b", "c", "d", "bad"])
CONFIG = BulkConfig(
    batch_vectors=3,
    in_flight=3,
    vectors_per_s=50,
    requests_per_s=20,
    retry=RetryPolicy(attempts_max=3, base_s=1.0, cap_s=4.0, deadline_s=60.0),
)


class LastWriteWins(RuleBasedStateMachine):
    """Whatever happens on the way, the index ends up as if the records had been written in order."""

    @initialize(blocks=lists_of_blocks(keys=KEYS))
    def begin(self, blocks: list[Block]) -> None:
        self.blocks = blocks
        self.directory = tempfile.TemporaryDirectory()
        self.folder = Path(self.directory.name)
        self.service = ScriptedService(poisoned=["bad"])
        self.crashes = 0
        self.open_run()

    def open_run(self) -> None:
        path = self.folder / "aside.jsonl"
        self.journal = Journal(self.folder / "journal", Identity("source", "target", "PutVectors"))
        self.aside = SetAsideFile(path, kept_bytes=self.journal.kept_bytes(path))
        run = Run(CONFIG, aside=self.aside, journal=self.journal, now_s=0.0)
        self.simulation = Simulation(
            run, self.blocks, self.service, lambda batch: encode_put(ADDRESS, batch.block)
        )

    def flight(self, data: st.DataObject) -> Flight:
        return data.draw(st.sampled_from(self.simulation.flights))

    @rule()
    def dispatch(self) -> None:
        self.simulation.dispatch()

    @precondition(lambda self: self.simulation.flights)
    @rule(data=st.data(), mishap=st.sampled_from(Mishap), chance=st.floats(0, 1))
    def advance(self, data: st.DataObject, mishap: Mishap, chance: float) -> None:
        self.simulation.advance(self.flight(data), mishap=mishap, chance=chance)

    @rule(moves=st.integers(1, 10))
    def go_on_undisturbed(self, moves: int) -> None:
        for _ in range(moves):
            self.simulation.dispatch()
            for flight in list(self.simulation.flights):
                self.simulation.advance(flight)
            self.simulation.tick(0.1)

    @rule(seconds=st.floats(0, 5))
    def tick(self, seconds: float) -> None:
        self.simulation.tick(seconds)

    @rule()
    def crash_and_resume(self) -> None:
        """The process dies: what was in flight is lost, what was journaled is not."""
        self.close()
        self.open_run()

    @invariant()
    def every_record_read_is_accounted_for(self) -> None:
        run = self.simulation.run
        assert run.acknowledged + run.set_aside + run.pending == run.read

    @invariant()
    def no_request_holds_a_key_twice_or_too_many_vectors(self) -> None:
        for _, members in self.service.requests:
            keys = [vector["key"] for vector in members["vectors"]]
            assert len(keys) == len(set(keys)) <= CONFIG.batch_vectors

    def close(self) -> None:
        self.aside.close()
        self.journal.close()

    def teardown(self) -> None:
        try:
            # A run that gave up leaves the rest pending; the next one sends it.
            for _ in range(20):
                self.simulation.finish()
                if self.simulation.run.stopped_by is None:
                    break
                self.close()
                self.open_run()
            self.check_the_end()
        finally:
            self.close()
            self.directory.cleanup()

    def check_the_end(self) -> None:
        run = self.simulation.run
        records = [
            (key, float(row[0]))
            for block in self.blocks
            for key, row in zip(block.keys, block.vectors, strict=True)
        ]
        assert run.pending == 0
        assert run.read == run.acknowledged + run.set_aside == len(records)
        wanted = {key: [position, 1.0] for key, position in records if key != "bad"}
        assert {key: values for key, (values, _) in self.service.stored.items()} == wanted
        aside = self.folder / "aside.jsonl"
        lines = [json.loads(line) for line in aside.read_text().splitlines()] if aside.exists() else []
        assert sorted(line["position"] for line in lines) == [p for key, p in records if key == "bad"]


TestLastWriteWins = LastWriteWins.TestCase
TestLastWriteWins.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_a_refused_winner_gives_way_to_the_record_it_superseded(tmp_path: Path) -> None:
    """A sequential writer would have left the record before the refused one."""
    service = ScriptedService()
    with closing(SetAsideFile(tmp_path / "aside.jsonl")) as aside:
        run = Run(CONFIG, aside=aside, now_s=0.0)
        simulation = Simulation(
            run, [block_of(["k", "k"])], service, lambda batch: encode_put(ADDRESS, batch.block)
        )
        simulation.dispatch()
        (flight,) = simulation.flights
        simulation.advance(flight)
        simulation.advance(flight, mishap=error_of("ValidationException", "Invalid record for key 'k': no"))
        simulation.finish()

    assert service.stored["k"][0] == [0.0, 1.0]
    assert (run.acknowledged, run.set_aside, run.pending) == (1, 1, 0)


def test_a_crash_between_the_set_aside_file_and_the_journal_repeats_no_line(tmp_path: Path) -> None:
    """What the journal does not account for is cut off the set-aside file, and met again."""
    identity, path = Identity("source", "target", "PutVectors"), tmp_path / "aside.jsonl"
    path.write_bytes(b"from before\n")
    rejects = [Reject(3, "k", "no")]
    for _ in range(2):
        with closing(Journal(tmp_path / "journal", identity)) as journal:
            aside = SetAsideFile(path, kept_bytes=journal.kept_bytes(path))
            aside.write(rejects)
            aside.close()

    lines = path.read_text().splitlines()
    assert lines[0] == "from before"
    assert [json.loads(line)["position"] for line in lines[1:]] == [3]
