"""From what a run found to a verdict: rules, a baseline, and what must hold of any run.

Pure: nothing here opens, waits or prints. Start at `verdict.judge`. Imports only `vecgate.results` and
`vecgate.errors`.
"""
