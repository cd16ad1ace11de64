"""Print how much of the service model the suite covers, and what it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vecgate.testing.coverage import coverage_of
from vecgate.testing.requirements import Requirement, requirement_of

SUITE = Path(__file__).parents[2] / "conformance"


class Collector:
    """Keeps the requirements that pytest collects."""

    def __init__(self) -> None:
        self.requirements: list[Requirement] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take what was collected."""
        self.requirements += [each for item in items if (each := requirement_of(item))]


def collected() -> list[Requirement]:
    """All requirements of the suite."""
    collector = Collector()
    code = pytest.main([str(SUITE), "--collect-only", "-qqq"], plugins=[collector])
    if code:
        sys.exit(int(code))
    return collector.requirements


if __name__ == "__main__":
    coverage = coverage_of(collected())
    lines = [
        f"{coverage.share:.1%} of {len(coverage.words)}",
        *(f"missing  {word}" for word in coverage.missing),
    ]
    sys.stdout.write("\n".join([*lines, *(f"unknown  {each}" for each in coverage.unknown)]) + "\n")
