"""The command line: one module a command, `main` finds them, `exit_codes` is the one list of exit codes.

Results go to stdout, progress and logs to stderr; the last line is the verdict. Commands hold no logic of
their own: they turn words into arguments and results into words. May import everything below.
"""
