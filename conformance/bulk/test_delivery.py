"""Whatever happens on the way: every record is accounted for, the last write wins, nothing is lost."""

from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.records import Block
from vecgate.testing import sources
from vecgate.testing.requirements import requirement
from vecgate.testing.scripted import Mishap, ScriptedService, error_of
from vecgate.testing.strategies import lists_of_blocks

from .client import BulkClient
from .laws import (
    BAD,
    CONFIG,
    FEW_KEYS,
    FREE,
    Move,
    Witness,
    blocks_of,
    check_counts,
    check_last_write_wins,
    check_requests,
    moves,
    new_folder,
    records_of,
    world,
)

SOURCE = sources.PRACTICES
BLOCKS = lists_of_blocks(keys=FEW_KEYS)
WITHOUT_CRASH = ("dispatch", "advance", "tick", "calm")


@given(blocks=BLOCKS, happened=moves())
@requirement("bulk.accounted-for", level="must", evidence="inferred", source=SOURCE)
def test_every_record_read_is_accounted_for(
    bulk_client: BulkClient, blocks: list[Block], happened: list[Move]
) -> None:
    """At every moment, also after a crash: acknowledged + set aside + pending = read."""
    with world(bulk_client, blocks) as made:
        for move in happened:
            made.apply(move)
            check_counts(made.steered.run)
        made.end()
        check_counts(made.steered.run)


@given(blocks=BLOCKS, happened=moves(kinds=WITHOUT_CRASH))
@requirement("bulk.last-write-wins", level="must", evidence="inferred", source=SOURCE)
def test_the_last_write_of_a_key_wins(
    bulk_client: BulkClient, blocks: list[Block], happened: list[Move]
) -> None:
    """However requests overlap and fail, the index ends as if the records had been written one by one."""
    with world(bulk_client, blocks) as made:
        for move in happened:
            made.apply(move)
        made.end()
        check_last_write_wins(made.service, blocks)


@given(blocks=BLOCKS, happened=moves())
@example(blocks_of(["a", "b", "a", "b"], size=2), [Move("calm", pick=3), Move("crash"), Move("crash")])
@requirement("bulk.resume-loses-nothing", level="must", evidence="inferred", source=SOURCE)
def test_a_resumed_run_loses_nothing(
    bulk_client: BulkClient, blocks: list[Block], happened: list[Move]
) -> None:
    """Killed at any moment and resumed, a run writes every record and sets every bad one aside, once."""
    with world(bulk_client, blocks) as made:
        for move in happened:
            made.apply(move)
        made.end()
        run = made.steered.run
        assert run.pending == 0
        assert run.read == run.acknowledged + run.set_aside == len(records_of(blocks))
        check_last_write_wins(made.service, blocks)
        assert made.aside() == [position for key, position in records_of(blocks) if key == BAD]


@given(blocks=BLOCKS, happened=moves())
@requirement("bulk.requests", level="must", evidence="documented", source=sources.LIMITS)
def test_requests_keep_within_the_limits_whatever_happens(
    bulk_client: BulkClient, blocks: list[Block], happened: list[Move]
) -> None:
    """Requests that are sent again, cut or resumed keep within the limits like the first ones."""
    with world(bulk_client, blocks) as made:
        for move in happened:
            made.apply(move)
        made.end()
        check_requests(made.service, vectors_max=CONFIG.batch_vectors)


@requirement("bulk.resume-sends-the-rest", level="should", evidence="inferred", source=SOURCE)
def test_a_resumed_run_sends_only_the_rest(bulk_client: BulkClient) -> None:
    """What was acknowledged before a crash is not sent again."""
    blocks = blocks_of([f"k{number}" for number in range(30)])
    with world(bulk_client, blocks) as made:
        made.apply(Move("calm", pick=5))
        acknowledged, sent = made.steered.run.acknowledged, len(made.service.met)
        made.apply(Move("crash"))
        made.end()
        resent = sum(len(keys) for _, keys, _ in made.service.met[sent:])
    assert 0 < acknowledged < 30
    assert resent == 30 - acknowledged


@pytest.mark.parametrize("place", [0, 4, 9], ids=["first", "middle", "last"])
@requirement("bulk.bad-record", level="must", evidence="inferred", source=SOURCE)
def test_a_bad_record_does_not_sink_the_others(bulk_client: BulkClient, place: int) -> None:
    """Of a request that is refused for one record, the others are written, and that one is set aside."""
    keys = [BAD if number == place else f"k{number}" for number in range(10)]
    with world(bulk_client, blocks_of(keys, size=10), config=FREE) as made:
        made.settle()
        assert made.service.stored.keys() == set(keys) - {BAD}
        assert made.aside() == [place]
        assert (made.steered.run.acknowledged, made.steered.run.set_aside) == (9, 1)


@given(flags=st.lists(st.booleans(), min_size=1, max_size=20))
@requirement("bulk.bad-records", level="must", evidence="inferred", source=SOURCE)
def test_any_number_of_bad_records_is_set_aside(bulk_client: BulkClient, flags: list[bool]) -> None:
    """Whichever of the records the service refuses, all others are written."""
    keys = [f"{BAD if flag else 'k'}{number}" for number, flag in enumerate(flags)]
    bad = {key for key in keys if key.startswith(BAD)}
    with world(bulk_client, blocks_of(keys), config=FREE, service=Witness(poisoned=bad)) as made:
        made.settle()
        assert made.service.stored.keys() == set(keys) - bad
        assert made.aside() == [position for position, flag in enumerate(flags) if flag]


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "NotFoundException", "ConflictException", "ServiceQuotaExceededException"],
)
@requirement("bulk.stops", level="must", evidence="model", source=sources.MODEL)
def test_what_concerns_every_record_stops_the_run(bulk_client: BulkClient, code: str) -> None:
    """A refusal for which no record is to blame ends the run at once, with everything pending."""
    keys = [f"k{number}" for number in range(10)]
    with world(bulk_client, blocks_of(keys, size=10), config=FREE) as made:
        made.steered.dispatch()
        while made.steered.flights:
            made.steered.advance(made.steered.flights[0], mishap=error_of(code))
        assert len(made.service.met) == 1
        assert made.steered.run.stopped_by is not None
        assert made.steered.run.pending == 10
        assert made.aside() == []
        made.end()
        assert made.service.stored.keys() == set(keys)


# On threads.


@pytest.mark.parametrize(
    "mishap", [each for each in Mishap if each is not Mishap.NONE], ids=lambda each: each.name
)
@requirement("bulk.every-third-fails", level="must", evidence="inferred", source=SOURCE)
def test_every_third_request_may_fail(bulk_client: BulkClient, tmp_path: Path, mishap: Mishap) -> None:
    """Where one request in three fails, in whichever way, every record is written in the end."""
    service = ScriptedService(cycle([Mishap.NONE, Mishap.NONE, mishap]))
    records = [{"key": f"k{number}", "vector": [float(number), 1.0]} for number in range(200)]
    outcome = bulk_client.put(records, service, config=FREE, folder=tmp_path)
    assert (outcome.read, outcome.acknowledged, outcome.stopped_by) == (200, 200, None)
    assert {key: values[0] for key, (values, _) in service.stored.items()} == {
        f"k{number}": float(number) for number in range(200)
    }


@given(
    script=st.lists(st.sampled_from(Mishap), max_size=20),
    keys=st.lists(
        FEW_KEYS | st.sampled_from([f"k{number}" for number in range(30)]), min_size=1, max_size=60
    ),
)
@requirement("bulk.threads", level="must", evidence="inferred", source=SOURCE)
def test_threads_keep_the_laws_too(bulk_client: BulkClient, script: list[Mishap], keys: list[str]) -> None:
    """On threads too every record is accounted for, the last write wins, and bad ones are set aside."""
    service = ScriptedService(script, poisoned=[BAD])
    records = [{"key": key, "vector": [float(number), 1.0]} for number, key in enumerate(keys)]
    with new_folder() as folder:
        outcome = bulk_client.put(records, service, config=FREE, folder=folder)
    check_counts(outcome)
    assert outcome.read == len(keys)
    assert outcome.set_aside == keys.count(BAD)
    check_last_write_wins(service, blocks_of(keys))


@requirement("bulk.put-again", level="must", evidence="inferred", source=SOURCE)
def test_a_put_that_was_stopped_is_resumed_by_the_next(bulk_client: BulkClient, tmp_path: Path) -> None:
    """A put that ends early tells so; the next writes the rest, and sets nothing aside twice."""
    file = tmp_path / "records.jsonl"
    keys = [BAD if number == 3 else f"k{number}" for number in range(100)]
    lines = (json.dumps({"key": key, "vector": [float(number), 1.0]}) for number, key in enumerate(keys))
    file.write_text("\n".join(lines) + "\n")
    script: list[Mishap | Exception] = [*[Mishap.NONE] * 8, error_of("AccessDeniedException")]
    service = ScriptedService(script, poisoned=[BAD])
    first = bulk_client.put(file, service, config=FREE, folder=tmp_path)
    check_counts(first)
    assert first.stopped_by is not None
    second = bulk_client.put(file, service, config=FREE, folder=tmp_path)
    assert (second.read, second.acknowledged, second.set_aside, second.pending) == (100, 99, 1, 0)
    assert service.stored.keys() == set(keys) - {BAD}
    aside = (tmp_path / "aside.jsonl").read_text().splitlines()
    assert [json.loads(line)["position"] for line in aside] == [3]
