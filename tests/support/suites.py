"""Helpers of tests that run a small conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vecgate.results.records import ConformanceRun, Footer, Result

SUITE = Path(__file__).parents[2] / "conformance"
PRELUDE = """
import pytest
from vecgate.conformance_kit.requirements import requirement
def must(id_, **more):
    return requirement(id_, kind="effect", evidence="model", source="https://a.example/", **more)
"""


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """The result of a run of a small suite."""

    code: int
    output: str
    run: ConformanceRun | None

    @property
    def results(self) -> dict[str, Result]:
        """The results by requirement."""
        assert self.run is not None
        return {result.id: result for result in self.run.results}

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcomes by requirement."""
        return {id_: result.outcome for id_, result in self.results.items()}

    @property
    def footer(self) -> Footer:
        """The footer of the result stream."""
        assert self.run is not None
        assert self.run.footer is not None
        return self.run.footer


RunSuite = Callable[..., SuiteResult]
