"""Locust's users are the slots of the in-flight bound, its shape says when the run is over."""

from __future__ import annotations

from typing import Any

import gevent
from locust import LoadTestShape, User, constant, task

from vecgate.load.lab.engine import Engine, Sent

#: A user without work looks again after so long.
IDLE_S = 0.05


class VectorsUser(User):
    """Brings arrivals to their end, one at a time. Inherit from it to do something with each, in `sent`."""

    wait_time = constant(0)

    @task
    def arrival(self) -> None:
        """Serve one arrival. So a user that Locust ends, as when workers join, ends between two requests."""
        environment: Any = self.environment  # which Locust lets others hang things on
        engine: Engine | None = environment.vecgate.engine
        sent = engine.serve() if engine is not None else None
        if sent is not None:
            self.sent(sent)
        elif engine is None or engine.is_idle:
            gevent.sleep(IDLE_S)

    def sent(self, sent: Sent) -> None:
        """Tell Locust of a request, so that its statistics and web interface show it."""
        self.environment.events.request.fire(
            request_type="S3Vectors",
            name=sent.operation,
            response_time=sent.response_s * 1e3,
            response_length=sent.bytes_in,
            exception=sent.failure,
            context={},
        )


class ScheduleShape(LoadTestShape):
    """As many users as may be in flight, until the conductor says that the run is over."""

    def tick(self) -> tuple[int, float] | None:
        """The number of users and how many of them to start a second; None at the end."""
        environment: Any = self.runner.environment if self.runner else None
        lab = environment.vecgate if environment is not None else None
        if lab is None or lab.conductor is None:
            return None
        users: int | None = lab.conductor.users()
        return None if users is None else (users, float(users))
