"""The `subscribers` argument of a writer: objects with `on_event`, or functions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from vecgate.bulk.progress import Event, Subscriber
from vecgate.errors import UsageError

logger: logging.Logger = logging.getLogger(__name__)

SubscriberArgument: TypeAlias = Subscriber | Callable[[Event], Any]


class GuardedSubscriber:
    """Calls *handle* with each event. If it raises, that is logged, once."""

    def __init__(self, handle: Callable[[Event], Any]) -> None:
        self._handle, self._has_failed = handle, False

    def on_event(self, event: Event) -> None:
        """Pass *event* on."""
        try:
            self._handle(event)
        except Exception:  # a failing subscriber must not cost a vector
            if not self._has_failed:
                logger.exception("a progress subscriber failed; its further failures are not logged")
            self._has_failed = True


def as_subscribers(argument: SubscriberArgument | Iterable[SubscriberArgument]) -> list[Subscriber]:
    """Return *argument*, one subscriber or several, as a list. Raises UsageError for something else."""
    given: Iterable[Any] = argument if isinstance(argument, Iterable) else [argument]
    return [GuardedSubscriber(_handler(subscriber)) for subscriber in given]


def _handler(subscriber: Any) -> Callable[[Event], Any]:  # noqa: ANN401 - whatever the user passed
    handle = getattr(subscriber, "on_event", subscriber)
    if not callable(handle) or isinstance(subscriber, type):
        raise UsageError(
            f"a subscriber is a {type(subscriber).__name__}",
            hint="It must be a function of one event, or an object with a method on_event(event).",
        )
    result: Callable[[Event], Any] = handle
    return result
