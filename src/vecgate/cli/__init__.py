"""The command line: one module for each command in `commands`, and what a long command does in `runs`.

Results go to stdout, progress and logs to stderr; the last line is the verdict. Commands turn options into
arguments and results into text, and have no other logic. `options` has the options that several commands
share, `ci_options` those for CI outputs, and `main` maps every error to an exit code. May import everything.
"""
