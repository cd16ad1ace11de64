"""Helpers of tests that run a small conformance suite."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

from vecgate.conformance_kit import suite_run
from vecgate.process import ChildExit
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


@contextmanager
def suite_in_process() -> Iterator[None]:
    """Let `vecgate conform` run its suite in this process, which saves the start of an interpreter.

    The suite must be a small one of a test, run by one worker. Its modules are forgotten after each run.
    """
    profile = settings.get_current_profile_name()

    def run(
        command: Sequence[str], *, on_poll: Callable[[], None], environment: Mapping[str, str]
    ) -> ChildExit:
        assert list(command[:3]) == [sys.executable, "-m", "pytest"]
        modules, output = set(sys.modules), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(output):
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                code = pytest.main([*command[3:]])
            finally:
                settings.load_profile(profile)
                set_hypothesis_home_dir(None)
                for name in set(sys.modules) - modules:
                    if (getattr(sys.modules[name], "__file__", None) or "").startswith(command[3]):
                        del sys.modules[name]
        on_poll()
        return ChildExit(int(code), output.getvalue().strip())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suite_run, "run_child", run)
        yield
