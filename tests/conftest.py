"""What every test module shares: how Hypothesis looks for examples."""

from __future__ import annotations

from hypothesis import settings

# A slow moment of the machine is no failure; tests that wait have deadlines of their own.
settings.register_profile("vecgate", deadline=None, print_blob=True)
settings.load_profile("vecgate")
