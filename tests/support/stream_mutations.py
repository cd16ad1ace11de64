"""Damages result streams as an attacker or a full disk would: whole records, single members, bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

#: Takes the place of any member.
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, -1e308, 1e-320, 2**63, -(2**70), 10**30, float("nan"), float("inf")),
    *("", "x", "\u202e\u0000\x1b]0;\x07</script>\n::error::", "9" * 400, "-inf", "\ud800"),
    *("2026-01-01T00:00:00Z", "2026-13-45"),
    *([], {}, [[]], [None], [1, 2, 3], {"a": {}}, {"x": 1}),
)
#: Takes the place of a record.
LINES: tuple[Any, ...] = (1, [], {}, "s", None, {"record": "x"}, {"record": None}, {"record": "footer"})
RECORDS_MAX = 40


def mutate_stream(lines: Sequence[bytes], rng: Random) -> bytes:
    """Return a stream of some of *lines* with one to four kinds of damage."""
    records = [json.loads(line) for line in lines]
    if len(records) > RECORDS_MAX:
        kept = sorted(rng.sample(range(1, len(records) - 3), RECORDS_MAX - 4))
        records = [records[0], *(records[at] for at in kept), *records[-3:]]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _mutate_records(records, rng)
    data = "\n".join(map(json.dumps, records)).encode() + b"\n"
    return _mutate_bytes(data, rng)


def _mutate_records(records: list[Any], rng: Random) -> None:
    kind, at = rng.random(), rng.randrange(len(records))
    if kind < 0.7:
        by_type: dict[str, list[Any]] = {}
        for record in records:
            by_type.setdefault(str(record.get("record")) if isinstance(record, dict) else "", []).append(
                record
            )
        _mutate_member(rng.choice(by_type[rng.choice(list(by_type))]), rng)
    elif kind < 0.8 and len(records) > 1:
        records.pop(at)
    elif kind < 0.88:
        records.insert(at, copy.deepcopy(rng.choice(records)))
    elif kind < 0.94:
        rng.shuffle(records)
    else:
        records.insert(at, rng.choice(LINES))


def _mutate_member(record: Any, rng: Random) -> None:
    places = list(_places(record))
    if not places:
        return
    *path, last = rng.choice(places)
    parent = record
    for step in path:
        parent = parent[step]
    kind = rng.random()
    if kind < 0.25:
        del parent[last]
    elif kind < 0.85:
        parent[last] = copy.deepcopy(rng.choice(VALUES))
    elif isinstance(parent, dict):
        parent["more"] = rng.choice(VALUES)
    else:
        parent.append(rng.choice(VALUES))


def _places(value: Any) -> Iterator[tuple[Any, ...]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value[:8]) if isinstance(value, list) else ()
    )
    for name, member in members:
        yield (name,)
        yield from ((name, *rest) for rest in _places(member))


def _mutate_bytes(data: bytes, rng: Random) -> bytes:
    kind, at = rng.random(), rng.randrange(len(data))
    if kind < 0.03:
        return data[:at]
    if kind < 0.05:
        return b"\xef\xbb\xbf" + data
    if kind < 0.06:
        return data.decode().encode("utf-16")
    if kind < 0.09:
        return data[:at] + bytes(rng.randrange(256) for _ in range(rng.choice((1, 3)))) + data[at + 1 :]
    return data
