"""Subscribers are functions or objects; one that fails costs nothing and says so once."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from vecgate.bulk.progress import BatchMetric, Event
from vecgate.bulk.subscribers.subscriber_argument import as_subscribers
from vecgate.errors import UsageError

METRIC = BatchMetric(1, 2, 1, 0.5)


class Collector:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)


def test_a_function_and_an_object_get_the_events() -> None:
    """Alone or in a list."""
    collector, events = Collector(), list[Event]()
    for argument in (collector, [collector], events.append, (events.append,)):
        (subscriber,) = as_subscribers(argument)
        subscriber.on_event(METRIC)
    assert collector.events == events == [METRIC, METRIC]


@pytest.mark.parametrize("argument", [5, "bar", [None], [Collector], None])
def test_anything_else_is_one_sentence(argument: Any) -> None:
    """With the two forms that are possible."""
    with pytest.raises(UsageError, match="a subscriber is a ") as caught:
        as_subscribers(argument)
    assert "on_event" in caught.value.hint


def test_a_failure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A function of the wrong signature would fill the log with an entry for each event."""
    (subscriber,) = as_subscribers(lambda: None)  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            subscriber.on_event(METRIC)
    assert [record.message for record in caplog.records] == [
        "a progress subscriber failed; its further failures are not logged"
    ]
