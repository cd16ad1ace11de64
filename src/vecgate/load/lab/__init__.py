"""The processes of a load test, on Locust.

`conductor` is on the master: it prepares the place, deals out the schedule, adds up what the workers tell
and writes the result stream. `worker` is on each worker: its `engine` says what the next request is and when
it is due, Locust's users (`users`) send it, and `telling` takes account of each second. On one process both
are there. `wiring` connects them to Locust.

Only locustfiles import `users` and `wiring`, which import locust: that patches the standard library.
"""
