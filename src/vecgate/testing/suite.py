"""The conformance suite as pytest sees it: what is collected, chosen, skipped, shown and recorded.

`register` makes a run a conformance run. With xdist the controller opens the target, hands it to the workers
and writes the result stream; the workers run the tests.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from vecgate.errors import VecgateError
from vecgate.results.stream import read_run
from vecgate.targets.capabilities import CORE, needed_for
from vecgate.targets.deviations import Deviations, read_deviations
from vecgate.testing.exchanges import ExchangeLog, evidence_of, snippet_of
from vecgate.testing.opening import WORKER_KEY, Opened, handed_over, opened
from vecgate.testing.options import option
from vecgate.testing.recording import REQUEST_ID, REQUIREMENT, Recorder, Told, header_of
from vecgate.testing.requirements import Requirement, catalogue_of, listed
from vecgate.testing.resources import sweep
from vecgate.testing.selection import chosen, in_order

PLUGIN = "vecgate-suite"
#: Exit codes of a run in which all that was to run has run.
ENDED = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED})


def register(config: pytest.Config, root: Path | None = None) -> Suite:
    """The suite of this run, made when it is first asked for. *root* is the folder of its tests."""
    suite = config.pluginmanager.get_plugin(PLUGIN)
    if suite is None:
        suite = Suite(config)
        config.pluginmanager.register(suite, PLUGIN)
    assert isinstance(suite, Suite)
    if root is not None:
        suite.root = root
    return suite


class Suite:
    """The hooks of a conformance run.

    root       the folder of the tests
    log        what the running test sent and got
    told       what no report tells, for the end of the run
    catalogue  requirement by node id, once collected
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._exits = ExitStack()
        self._opened: Opened | None = None
        self._recorder: Recorder | None = None
        self._deviations: Deviations | None = None
        self.root = Path()
        self.log = ExchangeLog()
        self.told = Told()
        self.catalogue: dict[str, Requirement] = {}

    @property
    def is_worker(self) -> bool:
        """Whether xdist runs this process for another one."""
        return hasattr(self._config, "workerinput")

    def open(self) -> Opened:
        """The target, opened when it is first asked for and closed when pytest ends."""
        if self._opened is None:
            self._opened = self._exits.enter_context(opened(self._config, os.environ))
        return self._opened

    def deviations(self) -> Deviations:
        """Where the target is known to differ."""
        if self._deviations is None:
            try:
                self._deviations = read_deviations(self._deviations_path())
            except VecgateError as error:
                raise pytest.UsageError(str(error)) from error
        return self._deviations

    def _deviations_path(self) -> Path:
        target = self.open().target
        if given := option(self._config, "deviations"):
            return Path(given)
        named = self.root / "deviations" / f"{target.name.replace('/', '_')}.toml"
        return target.deviations or named

    # Starting

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Open the target before xdist starts its workers, and the result stream with it.

        SIGTERM, which is how CI cancels, becomes Ctrl-C: what was made is removed.
        """
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGTERM, signal.default_int_handler)
            self._exits.callback(signal.signal, signal.SIGTERM, before)
        if self.is_worker or self._config.option.collectonly:
            return
        opened = self.open()
        if path := option(self._config, "results"):
            unlisted = sorted(CORE & opened.capabilities.lacking.keys() - self.deviations().lacks.keys())
            header = header_of(opened, self._config, unlisted=unlisted)
            self._recorder = self._exits.enter_context(Recorder(Path(path), header))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist's
        """Hand the target to a worker."""
        node.workerinput[WORKER_KEY] = handed_over(self.open())

    # Collecting

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Hold every test to its requirement, then choose, mark and order. Raises pytest.UsageError."""
        ours = [item for item in items if item.path.is_relative_to(self.root)]
        self.catalogue, problems = catalogue_of(ours)
        if problems and self.is_worker:
            # What is raised here gets lost on its way to the controller.
            self.told.problems.update(problems)
            items.clear()
            return
        if problems:
            raise pytest.UsageError("\n".join(problems))
        if path := option(self._config, "catalogue"):
            Path(path).write_bytes(listed(self.catalogue.values()))
        if self._config.option.collectonly:
            return
        self._hold_deviations_against(ours)
        for item in ours:
            item.extra_keyword_matches.add(self.catalogue[item.nodeid].id)
        self._choose(items, ours)

    def _hold_deviations_against(self, ours: Sequence[pytest.Item]) -> None:
        deviations = self.deviations()
        if self._is_whole():
            lacking = self.open().capabilities.lacking
            unmatched, outgrown = deviations.unmatched(self._ids()), deviations.outgrown(lacking)
            self.told.stale.update(f"{id_}: no requirement has this id" for id_ in unmatched)
            self.told.stale.update(f"{name}: the target has it" for name in outgrown)
        for item in ours:
            known = deviations.known.get(self.catalogue[item.nodeid].id)
            if known:
                item.add_marker(pytest.mark.xfail(reason=f"{known.reason} ({known.evidence})", strict=True))

    def _choose(self, items: list[pytest.Item], ours: Sequence[pytest.Item]) -> None:
        only = self._failed_before()
        is_quick = option(self._config, "level") == "quick"
        wanted = {id_ for id_, each in self.catalogue.items() if chosen(each, only=only, is_quick=is_quick)}
        dropped = [item for item in ours if item.nodeid not in wanted]
        if dropped:
            self._config.hook.pytest_deselected(items=dropped)
        gone = set(dropped)
        items[:] = in_order([item for item in items if item not in gone], option(self._config, "shuffle"))

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Keep what is not to run, for whatever reason: it is not missing."""
        self.told.left_out.update(
            self.catalogue[item.nodeid].id for item in items if item.nodeid in self.catalogue
        )

    def _failed_before(self) -> frozenset[str] | None:
        path = option(self._config, "rerun-failed")
        if not path:
            return None
        try:
            run = read_run(Path(path))
        except VecgateError as error:
            raise pytest.UsageError(str(error)) from error
        return frozenset(result.id for result in run.results if result.outcome == "failed")

    def _is_whole(self) -> bool:
        """Whether all of the suite was collected, so that what is missing is missing."""
        start = self._config.invocation_params.dir
        return any(
            (start / argument).resolve() == self.root or argument == "vecgate.conformance"
            for argument in self._config.args
        )

    def _ids(self) -> set[str]:
        return {requirement.id for requirement in self.catalogue.values()}

    # Running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip what the target cannot be judged by."""
        requirement = self.catalogue.get(item.nodeid)
        if requirement is None:
            return
        self.log.clear()
        needs = requirement.needs.union(*map(needed_for, {requirement.group, *requirement.needs}))
        if reason := self.open().capabilities.reason_for(needs):
            pytest.skip(reason)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Give the report its requirement, and what was sent and got where it failed."""
        report = yield
        requirement = self.catalogue.get(item.nodeid)
        if requirement is None:
            return report
        if call.when == "setup":
            report.user_properties.append((REQUIREMENT, _plain(requirement)))
        if call.excinfo is not None and not report.passed and call.when != "setup":
            report.sections.append((f"requirement {requirement.id}", self._evidence(requirement)))
            if self.log.last:
                report.user_properties.append((REQUEST_ID, self.log.last.request_id))
        return report

    def _evidence(self, requirement: Requirement) -> str:
        target = self.open().target
        snippet = snippet_of(self.log, url=target.endpoint_url, region=target.region)
        grade = f"{requirement.level}, {requirement.evidence}"
        parts = [
            f"{requirement.id} ({grade})\n{requirement.claim}\n{requirement.source}",
            *([evidence_of(self.log.last)] if self.log.last else []),
            *([f"to repeat it\n\n{snippet}"] if snippet else []),
        ]
        return "\n\n".join(parts)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record how a test came out, here or on a worker."""
        if self._recorder:
            self._recorder.add(report)

    # Ending

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Tell the controller what no test tells; fail on a deviation that is no longer true."""
        self.told.requests.update(self.log.requests)
        if self.is_worker:
            session.config.workeroutput[WORKER_KEY] = self.told.plain()  # type: ignore[attr-defined]  # xdist's
            return
        if self._opened:
            self.told.leaks += sweep(self._opened.target, self._opened.run)
        if self.told.problems:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if self.told.stale and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._recorder:
            ended = exitstatus in ENDED
            self._recorder.end(self.told, is_complete=ended)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 - xdist's
        """Take what a worker has to say at its end."""
        self.told.add(getattr(node, "workeroutput", {}).get(WORKER_KEY, {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what no test says: what the target lacks, what was left behind, what the list has wrong."""
        if self._opened is None:
            return
        lines = {
            "the suite cannot be run": sorted(self.told.problems),
            "not offered by the target": [f"{a}: {b}" for a, b in self._opened.capabilities.lacking.items()],
            "deviations that are no longer true": sorted(self.told.stale),
            "left behind": self.told.leaks,
        }
        for title, told in lines.items():
            if told:
                terminalreporter.section(title)
                terminalreporter.write_line("\n".join(told))

    def pytest_unconfigure(self) -> None:
        """Close the target."""
        self._exits.close()


def _plain(requirement: Requirement) -> dict[str, str]:
    """What of *requirement* a result record keeps."""
    return {
        "id": requirement.id,
        "level": requirement.level,
        "evidence": requirement.evidence,
        "source": requirement.source,
        "claim": requirement.claim,
    }
