"""What tests of conformance runs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vecgate.results.records import Footer, Result, Run

SUITE = Path(__file__).parents[2] / "conformance"
PRELUDE = """
import pytest
from vecgate.testing.requirements import requirement
def must(id_, **more):
    return requirement(id_, level="must", evidence="model", source="https://a.example/", **more)
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a suite of a few tests came out."""

    code: int
    said: str
    run: Run | None

    @property
    def results(self) -> dict[str, Result]:
        """Requirement to result."""
        assert self.run is not None
        return {result.id: result for result in self.run.results}

    @property
    def outcomes(self) -> dict[str, str]:
        """Requirement to outcome."""
        return {id_: result.outcome for id_, result in self.results.items()}

    @property
    def footer(self) -> Footer:
        """How the run ended."""
        assert self.run is not None
        assert self.run.footer is not None
        return self.run.footer


RunSuite = Callable[..., Ran]
