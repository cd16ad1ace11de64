"""Judges runs: what a run must meet, and whether it does. Pure: nothing here opens, waits or prints.

- `verdict`: checks, verdicts and the lines that show them
- `conformance_verdict`, `load_verdict`, `bulk_verdict`: one judge for each kind of run
- `abort_monitor`: ends a load run that cannot pass any more
- `requirement_rules`, `thresholds`, `baseline`: what users write, and how it is measured
- `compare`: two runs against each other

Imports only `vecgate.results`, `vecgate.formatting` and `vecgate.errors`.
"""
