"""Properties of delivery: whatever happens, every record is accounted for and the last write of a key wins."""

from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path

import pytest
from disturbed_runs import (
    BAD,
    CONFIG,
    FEW_KEYS,
    UNLIMITED,
    RecordingService,
    Step,
    blocks_of,
    check_counts,
    check_last_write_wins,
    check_requests,
    disturbed_run,
    lists_of_steps,
    new_folder,
    put_on_threads,
    records_of,
    rejected_positions,
)
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.record_blocks import Block
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error
from vecgate.testing.strategies import lists_of_blocks

BLOCKS = lists_of_blocks(keys=FEW_KEYS)
WITHOUT_CRASH = ("dispatch", "advance", "tick", "undisturbed")


@given(blocks=BLOCKS, steps=lists_of_steps())
def test_every_record_read_is_accounted_for(blocks: list[Block], steps: list[Step]) -> None:
    """At every moment, including after a crash, acknowledged + rejected + pending = read."""
    with disturbed_run(blocks) as run:
        for step in steps:
            run.apply(step)
            check_counts(run.run)
        run.complete()
        check_counts(run.run)


@given(blocks=BLOCKS, steps=lists_of_steps(kinds=WITHOUT_CRASH))
def test_the_last_write_of_a_key_wins(blocks: list[Block], steps: list[Step]) -> None:
    """However requests overlap and fail, the index ends as if the records had been written one by one."""
    with disturbed_run(blocks) as run:
        run.apply_all(steps)
        run.complete()
        check_last_write_wins(run.service, blocks)


@given(blocks=BLOCKS, steps=lists_of_steps())
@example(blocks_of(["a", "b", "a", "b"], size=2), [Step("undisturbed", pick=3), Step("crash"), Step("crash")])
def test_a_resumed_run_loses_nothing(blocks: list[Block], steps: list[Step]) -> None:
    """A run that is killed at any moment and resumed writes every valid record and rejects each bad one once."""
    with disturbed_run(blocks) as run:
        run.apply_all(steps)
        run.complete()
        assert run.run.pending == 0
        assert run.run.read == run.run.acknowledged + run.run.rejected == len(records_of(blocks))
        check_last_write_wins(run.service, blocks)
        assert run.rejected_positions() == [position for key, position in records_of(blocks) if key == BAD]


@given(blocks=BLOCKS, steps=lists_of_steps())
def test_requests_stay_within_the_limits_whatever_happens(blocks: list[Block], steps: list[Step]) -> None:
    """Retried, split and resumed requests stay within the limits, as the first ones do."""
    with disturbed_run(blocks) as run:
        run.apply_all(steps)
        run.complete()
        check_requests(run.service, vectors_max=CONFIG.batch_vectors)


def test_a_resumed_run_sends_only_what_was_not_acknowledged() -> None:
    """Records that were acknowledged before a crash are not sent again."""
    with disturbed_run(blocks_of([f"k{number}" for number in range(30)])) as run:
        run.apply(Step("undisturbed", pick=5))
        acknowledged, received = run.run.acknowledged, len(run.service.received)
        run.apply(Step("crash"))
        run.complete()
        resent = sum(len(keys) for _, keys, _ in run.service.received[received:])
    assert 0 < acknowledged < 30
    assert resent == 30 - acknowledged


@pytest.mark.parametrize("position", [0, 4, 9], ids=["first", "middle", "last"])
def test_a_bad_record_does_not_sink_the_others(position: int) -> None:
    """When the service rejects a request for one record, the others are written and that one is rejected."""
    keys = [BAD if number == position else f"k{number}" for number in range(10)]
    with disturbed_run(blocks_of(keys, size=10), config=UNLIMITED) as run:
        run.finish_process()
        assert run.service.stored.keys() == set(keys) - {BAD}
        assert run.rejected_positions() == [position]
        assert (run.run.acknowledged, run.run.rejected) == (9, 1)


@given(flags=st.lists(st.booleans(), min_size=1, max_size=20))
def test_any_number_of_bad_records_is_rejected(flags: list[bool]) -> None:
    """Whichever records the service rejects, all others are written."""
    keys = [f"{BAD if flag else 'k'}{number}" for number, flag in enumerate(flags)]
    bad = {key for key in keys if key.startswith(BAD)}
    with disturbed_run(blocks_of(keys), config=UNLIMITED, service=RecordingService(poisoned=bad)) as run:
        run.finish_process()
        assert run.service.stored.keys() == set(keys) - bad
        assert run.rejected_positions() == [position for position, flag in enumerate(flags) if flag]


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "NotFoundException", "ConflictException", "ServiceQuotaExceededException"],
)
def test_an_error_that_concerns_every_record_stops_the_run(code: str) -> None:
    """An error that no single record causes stops the run at once, and its records stay pending."""
    keys = [f"k{number}" for number in range(10)]
    with disturbed_run(blocks_of(keys, size=10), config=UNLIMITED) as run:
        run.simulation.dispatch()
        while run.simulation.batches_in_flight:
            run.simulation.advance(run.simulation.batches_in_flight[0], fault=modelled_error(code))
        assert len(run.service.received) == 1
        assert run.run.stopped_by is not None
        assert run.run.pending == 10
        assert run.rejected_positions() == []
        run.complete()
        assert run.service.stored.keys() == set(keys)


# On threads.


@pytest.mark.parametrize(
    "fault", [each for each in ServiceFault if each is not ServiceFault.NONE], ids=lambda each: each.name
)
def test_every_third_request_may_fail(tmp_path: Path, fault: ServiceFault) -> None:
    """When one request in three fails, with any kind of fault, every record is still written."""
    service = ScriptedService(cycle([ServiceFault.NONE, ServiceFault.NONE, fault]))
    records = [{"key": f"k{number}", "vector": [float(number), 1.0]} for number in range(200)]
    outcome = put_on_threads(records, service, config=UNLIMITED, folder=tmp_path)
    assert (outcome.read, outcome.acknowledged, outcome.stopped_by) == (200, 200, None)
    assert {key: values[0] for key, (values, _) in service.stored.items()} == {
        f"k{number}": float(number) for number in range(200)
    }


@given(
    script=st.lists(st.sampled_from(ServiceFault), max_size=20),
    keys=st.lists(
        FEW_KEYS | st.sampled_from([f"k{number}" for number in range(30)]), min_size=1, max_size=60
    ),
)
def test_the_properties_hold_on_threads(script: list[ServiceFault], keys: list[str]) -> None:
    """On threads too, every record is accounted for, the last write wins, and bad records are rejected."""
    service = ScriptedService(script, poisoned=[BAD])
    records = [{"key": key, "vector": [float(number), 1.0]} for number, key in enumerate(keys)]
    with new_folder() as folder:
        outcome = put_on_threads(records, service, config=UNLIMITED, folder=folder)
    check_counts(outcome)
    assert outcome.read == len(keys)
    assert outcome.rejected == keys.count(BAD)
    check_last_write_wins(service, blocks_of(keys))


def test_a_second_put_resumes_one_that_stopped(tmp_path: Path) -> None:
    """A put that stops early reports why. The next one writes the rest, and rejects no record twice."""
    file = tmp_path / "records.jsonl"
    keys = [BAD if number == 3 else f"k{number}" for number in range(100)]
    lines = (json.dumps({"key": key, "vector": [float(number), 1.0]}) for number, key in enumerate(keys))
    file.write_text("\n".join(lines) + "\n")
    script: list[ServiceFault | Exception] = [
        *[ServiceFault.NONE] * 8,
        modelled_error("AccessDeniedException"),
    ]
    service = ScriptedService(script, poisoned=[BAD])
    first = put_on_threads(file, service, config=UNLIMITED, folder=tmp_path)
    check_counts(first)
    assert first.stopped_by is not None
    second = put_on_threads(file, service, config=UNLIMITED, folder=tmp_path)
    assert (second.read, second.acknowledged, second.rejected, second.pending) == (100, 99, 1, 0)
    assert service.stored.keys() == set(keys) - {BAD}
    assert rejected_positions(tmp_path) == [3]
