"""Open-loop load tests on Locust, with thresholds, a cost limit and clean-up.

`scenario` describes a load test, `schedule` says which request is due when, `traffic` builds and counts the
requests, and `runtime` sends them, in processes that `load_runner` starts. `experiments` are series of runs:
the capacity search and the scaling grid. Start with `load_runner`.
"""
