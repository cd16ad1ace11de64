"""For suites, ours and yours: a clock that only moves when told, a service that fails as scripted, a
simulation of the batch client in which the test chooses every interleaving, and Hypothesis strategies.

`strategies` needs Hypothesis; the rest needs nothing more than vecgate. May import everything but the
commands.
"""
