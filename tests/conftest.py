"""What every test module shares: how Hypothesis looks for examples, and that Ctrl-C interrupts."""

from __future__ import annotations

import signal

from hypothesis import settings

# A slow moment of the machine is no failure; tests that wait have deadlines of their own.
settings.register_profile("vecgate", deadline=None, print_blob=True)
settings.load_profile("vecgate")

# A job in the background of a script ignores it, and some tests interrupt themselves.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
