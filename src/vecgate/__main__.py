"""`python -m vecgate` and the command `vecgate`, which the core can start without its extra `cli`."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, or name the extra that it needs."""
    try:
        from vecgate.cli.main import main as run  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(
            "error: the command line needs click, which is not installed: pip install 'vecgate[cli]'\n"
        )
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
