"""Reports about a result stream: for the terminal, for CI, and as HTML pages.

Reports only render what a stream contains; `vecgate.gate` decides the verdict. May import everything but
the commands.
"""
