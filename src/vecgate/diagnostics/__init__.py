"""The checks of `vecgate doctor`, and the preflight checks of a run.

Start at `diagnosis.diagnose`. Nothing is changed on a target, except by `write_probes`, which removes what it
creates. May import `targets` and `resources`, never the command line, which prints what is found here.
"""
