"""`python -m vecgate.load.lab …`: Locust on our locustfile, with Locust's own arguments."""

from __future__ import annotations

import sys
from pathlib import Path

# Before anything else is: importing it patches the standard library.
from locust.main import main

LOCUSTFILE = Path(__file__).with_name("locustfile.py")

if __name__ == "__main__":
    sys.argv = ["locust", "-f", str(LOCUSTFILE), *sys.argv[1:]]
    main()  # type: ignore[no-untyped-call]
