"""Locust's users, one for each request that may be in flight, and the load shape that ends the run."""

from __future__ import annotations

from typing import Any

import gevent
from locust import LoadTestShape, User, constant, task

from vecgate.load.runtime.dispatcher import CompletedRequest, Dispatcher

#: Interval at which a user without an arrival checks again.
IDLE_S = 0.05


class VectorsUser(User):
    """Serves arrivals, one at a time. Subclass it and extend `on_completed` to process each result."""

    wait_time = constant(0)
    #: Users of other classes run beside the schedule; see `locust_setup.count_other_users`.
    serves_schedule = True

    @task
    def arrival(self) -> None:
        """Serve one arrival. Locust ends a user between two calls, for example when a worker joins."""
        environment: Any = self.environment  # Locust allows further attributes
        dispatcher: Dispatcher | None = environment.vecgate.dispatcher
        completed = dispatcher.serve() if dispatcher is not None else None
        if completed is not None:
            self.on_completed(completed)
        elif dispatcher is None or dispatcher.is_idle:
            gevent.sleep(IDLE_S)

    def on_completed(self, request: CompletedRequest) -> None:
        """Report *request* to Locust, so that its statistics and web interface show it."""
        self.environment.events.request.fire(
            request_type="S3Vectors",
            name=request.operation,
            response_time=request.response_s * 1e3,
            response_length=request.bytes_in,
            exception=request.failure,
            context={},
        )


class ScheduleShape(LoadTestShape):
    """Runs as many users as requests may be in flight, until the coordinator says that the run is over."""

    def tick(self) -> tuple[int, float] | None:
        """Return the number of users and how many to start per second; None at the end of the run."""
        environment: Any = self.runner.environment if self.runner else None
        state = environment.vecgate if environment is not None else None
        if state is None or state.coordinator is None:
            return None
        users: int | None = state.coordinator.users()
        return None if users is None else (users, float(users))
