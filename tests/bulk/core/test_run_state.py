"""Properties of a run under interleavings, faults and crashes that Hypothesis chooses."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from journals import journal_identity

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import encode_put
from vecgate.bulk.core.record_blocks import Block, RejectedRecord
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.core.run_state import BulkRun
from vecgate.bulk.journal import Journal
from vecgate.bulk.rejects_file import RejectsFile
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error
from vecgate.testing.simulation import BatchInFlight, Simulation
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
    """The index ends up as if the records had been written in order, whatever happens."""

    @initialize(blocks=lists_of_blocks(keys=KEYS))
    def begin(self, blocks: list[Block]) -> None:
        self.blocks = blocks
        self.directory = tempfile.TemporaryDirectory()
        self.folder = Path(self.directory.name)
        self.service = ScriptedService(poisoned=["bad"])
        self.crashes = 0
        self.open_run()

    def open_run(self) -> None:
        path = self.folder / "rejected.jsonl"
        self.journal = Journal(self.folder / "journal", journal_identity())
        self.rejects = RejectsFile(self.journal.untouched_rejects_path(path))
        run = BulkRun(CONFIG, rejects=self.rejects, journal=self.journal, now_s=0.0)
        self.simulation = Simulation(
            run, self.blocks, self.service, lambda batch: encode_put(ADDRESS, batch.block)
        )

    def draw_batch(self, data: st.DataObject) -> BatchInFlight:
        return data.draw(st.sampled_from(self.simulation.batches_in_flight))

    @rule()
    def dispatch(self) -> None:
        self.simulation.dispatch()

    @precondition(lambda self: self.simulation.batches_in_flight)
    @rule(data=st.data(), fault=st.sampled_from(ServiceFault), random_value=st.floats(0, 1))
    def advance(self, data: st.DataObject, fault: ServiceFault, random_value: float) -> None:
        self.simulation.advance(self.draw_batch(data), fault=fault, random_value=random_value)

    @rule(moves=st.integers(1, 10))
    def continue_without_faults(self, moves: int) -> None:
        for _ in range(moves):
            self.simulation.dispatch()
            for batch in list(self.simulation.batches_in_flight):
                self.simulation.advance(batch)
            self.simulation.tick(0.1)

    @rule(seconds=st.floats(0, 5))
    def tick(self, seconds: float) -> None:
        self.simulation.tick(seconds)

    @rule()
    def crash_and_resume(self) -> None:
        """End the process: requests in flight are lost, journal entries are not."""
        self.close()
        self.open_run()

    @invariant()
    def every_record_read_is_accounted_for(self) -> None:
        run = self.simulation.run
        assert run.acknowledged + run.rejected + run.pending == run.read

    @invariant()
    def no_request_holds_a_key_twice_or_too_many_vectors(self) -> None:
        for _, members in self.service.requests:
            keys = [vector["key"] for vector in members["vectors"]]
            assert len(keys) == len(set(keys)) <= CONFIG.batch_vectors

    def close(self) -> None:
        self.rejects.close()
        self.journal.close()

    def teardown(self) -> None:
        try:
            # A run that gave up leaves records pending; the next one sends them.
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
        assert run.read == run.acknowledged + run.rejected == len(records)
        expected = {key: [position, 1.0] for key, position in records if key != "bad"}
        assert {key: values for key, (values, _) in self.service.stored.items()} == expected
        rejects_path = self.folder / "rejected.jsonl"
        lines = (
            [json.loads(line) for line in rejects_path.read_text().splitlines()]
            if rejects_path.exists()
            else []
        )
        assert sorted(line["position"] for line in lines) == [p for key, p in records if key == "bad"]


TestLastWriteWins = LastWriteWins.TestCase
TestLastWriteWins.settings = settings(stateful_step_count=60)


def test_a_rejected_winner_is_replaced_by_the_record_it_superseded(tmp_path: Path) -> None:
    """A sequential writer would have left the record before the rejected one."""
    service = ScriptedService()
    with closing(RejectsFile(tmp_path / "rejected.jsonl")) as rejects:
        run = BulkRun(CONFIG, rejects=rejects, now_s=0.0)
        simulation = Simulation(
            run, [block_of(["k", "k"])], service, lambda batch: encode_put(ADDRESS, batch.block)
        )
        simulation.dispatch()
        (batch,) = simulation.batches_in_flight
        simulation.advance(batch)
        simulation.advance(
            batch, fault=modelled_error("ValidationException", "Invalid record for key 'k': no")
        )
        simulation.finish()

    assert service.stored["k"][0] == [0.0, 1.0]
    assert (run.acknowledged, run.rejected, run.pending) == (1, 1, 0)


def test_a_crash_between_the_rejects_file_and_the_journal_repeats_no_line(tmp_path: Path) -> None:
    """The resumed run reads the record again, and the file already has its line."""
    identity, path = journal_identity(), tmp_path / "rejected.jsonl"
    path.write_bytes(b"from before\n")
    rejects = [RejectedRecord(3, "k", "no")]
    for _ in range(2):
        with closing(Journal(tmp_path / "journal", identity)) as journal:
            file = RejectsFile(journal.untouched_rejects_path(path))
            file.write(rejects)
            file.close()

    lines = path.read_text().splitlines()
    assert lines[0] == "from before"
    assert [json.loads(line)["position"] for line in lines[1:]] == [3]
