"""The command: `python -m loadtests.servers -o FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from loadtests.servers.measure_servers import SIZES, TARGETS, measure_servers


def main() -> int:
    """Measure, and write the result stream. Return 1 if a server could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.servers", description=main.__doc__)
    parser.add_argument("targets", nargs="*", default=TARGETS, help="targets to measure, in this order")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="vectors in the index")
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200, help="queries at each size")
    parser.add_argument("--starts", type=int, default=3, help="starts of each server")
    parser.add_argument("--seconds", type=float, default=120.0, help="limit of each stage of each server")
    parser.add_argument("-o", "--results", type=Path, required=True)
    arguments = parser.parse_args()
    problems = measure_servers(
        arguments.targets,
        sorted(arguments.sizes),
        dimension=arguments.dimension,
        queries=arguments.queries,
        starts=arguments.starts,
        stage_s=arguments.seconds,
        results=arguments.results,
    )
    for name, problem in problems.items():
        print(f"{name}: {problem}", file=sys.stderr)
    return int(bool(problems))


sys.exit(main())
