"""`python -m vecgate.load.runtime …` runs Locust with the locustfile of vecgate and any Locust arguments."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# First, because importing Locust patches the standard library.
from locust.main import main

from vecgate.redaction import register_environment
from vecgate.safe_output import guard_output

LOCUSTFILE = Path(__file__).with_name("locustfile.py")

if __name__ == "__main__":
    sys.argv = ["locust", "-f", str(LOCUSTFILE), *sys.argv[1:]]
    register_environment(os.environ)
    with guard_output():
        main()  # type: ignore[no-untyped-call]
