"""Runs the microbenchmarks of `loadtests/micro` and compares runs, see docs/bench.md."""
