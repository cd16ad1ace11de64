"""Runs a fuzz target guided by coverage: `make fuzz`, or `fuzzing.py TARGET --seconds 600`.

Interesting inputs are kept in `.fuzz/TARGET`, where the next run continues. An input that fails is printed
and kept in `.fuzz`. It becomes a test beside the code that is fixed. Needs the dependency group `fuzz`.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
INPUT_BYTES_MAX = 4096
#: One input may take this long.
TIMEOUT_S = 10

with atheris.instrument_imports(include=["vecgate"]):
    from fuzz_targets import TARGETS


def main() -> None:
    """Run until the time is over or an input fails, which ends the process with another code than 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz")
    arguments = parser.parse_args()
    target = TARGETS[arguments.target]
    corpus = arguments.folder / arguments.target
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)

    def check(data: bytes) -> None:
        target.check(data)

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={arguments.seconds}",
            f"-max_len={INPUT_BYTES_MAX}",
            f"-timeout={TIMEOUT_S}",
            f"-artifact_prefix={arguments.folder}/{arguments.target}-",
            str(corpus),
        ],
        check,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
