"""The pytest plugin of a conformance run: it collects, selects, skips and records the tests.

`register` makes a run a conformance run. With xdist, the controller opens the target, passes it to the
workers and writes the result stream; the workers run the tests.
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

from vecgate.conformance_kit.aws_evidence.evidence_recorder import EvidenceRecorder
from vecgate.conformance_kit.aws_evidence.fingerprints import fingerprint_of
from vecgate.conformance_kit.aws_evidence.merged_evidence import FOLDER as EVIDENCE_FOLDER
from vecgate.conformance_kit.aws_evidence.merged_evidence import apply_evidence
from vecgate.conformance_kit.plugin_options import option, timeout_of
from vecgate.conformance_kit.requests.exchanges import ExchangeLog, build_reproduction, format_exchange
from vecgate.conformance_kit.requirements import Requirement, build_catalogue, encode_catalogue
from vecgate.conformance_kit.result_recorder import (
    REQUEST_ID,
    REQUIREMENT,
    ResultRecorder,
    SessionSummary,
    build_header,
)
from vecgate.conformance_kit.selection import is_selected, needed_capabilities, quick_ids, shuffled
from vecgate.conformance_kit.target_session import (
    WORKER_KEY,
    TargetSession,
    open_session,
    required_capabilities_of,
    worker_input_of,
)
from vecgate.conformance_kit.tracebacks import cut_foreign_frames
from vecgate.errors import VecgateError
from vecgate.gate.requirement_ids import current_id
from vecgate.resources.orphans import remove_orphans
from vecgate.results.result_stream import read_conformance_run
from vecgate.targets.answer_guard import AnswerGuard
from vecgate.targets.capabilities import CORE
from vecgate.targets.deviations import Deviations, read_deviations
from vecgate.targets.throttle_patience import PATIENCE_S, ThrottlePatience

PLUGIN = "vecgate-suite"
#: Exit codes of a run in which every selected test has run.
COMPLETE = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED})


def register(config: pytest.Config, root: Path | None = None) -> SuitePlugin:
    """Return the plugin of this run, and register it on first use. *root* is the folder of its tests."""
    suite = config.pluginmanager.get_plugin(PLUGIN)
    if suite is None:
        suite = SuitePlugin(config)
        config.pluginmanager.register(suite, PLUGIN)
        if option(config, "evidence"):
            config.pluginmanager.register(EvidenceRecorder(config, suite))
    assert isinstance(suite, SuitePlugin)
    if root is not None:
        suite.root = root
    return suite


class SuitePlugin:
    """The hooks of a conformance run.

    root       the folder of the tests
    log        requests and answers of the running test
    guard      limits of the answers of the target
    patience   sends requests again that were refused by a limit of the rate
    summary    facts for the end of the run
    catalogue  requirement by node id, after collection
    has_failed the running test has failed
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._exits = ExitStack()
        self._session: TargetSession | None = None
        self._recorder: ResultRecorder | None = None
        self._deviations: Deviations | None = None
        self.root: Path = Path()
        self.log: ExchangeLog = ExchangeLog()
        self.guard: AnswerGuard = AnswerGuard(timeout_s=timeout_of(config))
        # A run that tests the request rates must see the refusals.
        self.patience: ThrottlePatience = ThrottlePatience(0.0 if option(config, "quota") else PATIENCE_S)
        self.summary: SessionSummary = SessionSummary()
        self.catalogue: dict[str, Requirement] = {}
        self.has_failed: bool = False

    @property
    def is_worker(self) -> bool:
        """True if this process is an xdist worker."""
        return hasattr(self._config, "workerinput")

    def session(self) -> TargetSession:
        """Return the target session. It is opened on first use and closed when pytest ends."""
        if self._session is None:
            self._session = self._exits.enter_context(open_session(self._config, os.environ))
        return self._session

    def deviations(self) -> Deviations:
        """Return the known deviations of the target."""
        if self._deviations is None:
            try:
                self._deviations = read_deviations(self._deviations_path())
            except VecgateError as error:
                raise pytest.UsageError(str(error)) from error
        return self._deviations

    def _deviations_path(self) -> Path:
        target = self.session().target
        if given := option(self._config, "deviations"):
            return Path(given)
        default = self.root / "deviations" / f"{target.name.replace('/', '_')}.toml"
        return target.deviations or default

    # Start of the run

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Open the target and the result stream before xdist starts its workers.

        CI cancels with SIGTERM. It is handled as Ctrl-C, so that the run removes its resources.
        """
        if threading.current_thread() is threading.main_thread():
            previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
            self._exits.callback(signal.signal, signal.SIGTERM, previous)
        if self.is_worker or self._config.option.collectonly:
            return
        session = self.session()
        if path := option(self._config, "results"):
            known = self.deviations().unsupported.keys()
            missing_core = sorted(CORE & session.capabilities.unsupported.keys() - known)
            required = required_capabilities_of(self._config, session.target)
            header = build_header(session, self._config, missing_core=missing_core, required=required)
            self._recorder = self._exits.enter_context(ResultRecorder(Path(path), header))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist's
        """Pass the target to a worker."""
        node.workerinput[WORKER_KEY] = worker_input_of(self.session())

    # Collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Read the requirements, then select, mark and order the tests. Raises pytest.UsageError."""
        suite_items = [item for item in items if item.path.is_relative_to(self.root)]
        self.catalogue, problems = build_catalogue(suite_items)
        problems += self._unknown_failures()
        if problems and self.is_worker:
            # An exception here would not reach the controller.
            self.summary.problems.update(problems)
            items.clear()
            return
        if problems:
            raise pytest.UsageError("\n".join(problems))
        self.catalogue = apply_evidence(self.catalogue, suite_items, self.root / EVIDENCE_FOLDER)
        if path := option(self._config, "catalogue"):
            fingerprints = {item.nodeid: fingerprint_of(item) for item in suite_items}
            quick = quick_ids(self.catalogue.values())
            Path(path).write_bytes(encode_catalogue(self.catalogue.values(), fingerprints, quick=quick))
        if self._config.option.collectonly:
            return
        if self._is_whole():
            self._find_stale_deviations()
        self._mark_deviations(suite_items)
        for item in suite_items:
            item.extra_keyword_matches.add(self.catalogue[item.nodeid].id)
        self._select(items, suite_items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that cannot be collected: with xdist, the tests of the others would run and pass."""
        if report.failed:
            self.summary.uncollected.add(report.nodeid)

    def _find_stale_deviations(self) -> None:
        deviations, unsupported = self.deviations(), self.session().capabilities.unsupported
        ids = {requirement.id for requirement in self.catalogue.values()}
        self.summary.stale_deviations.update(
            f"{id_}: no requirement has this id" for id_ in deviations.unmatched(ids)
        )
        self.summary.stale_deviations.update(
            f"{name}: the target supports it" for name in deviations.stale_capabilities(unsupported)
        )

    def _mark_deviations(self, suite_items: Sequence[pytest.Item]) -> None:
        for item in suite_items:
            known = self.deviations().known.get(self.catalogue[item.nodeid].id)
            if known:
                item.add_marker(pytest.mark.xfail(reason=f"{known.reason} ({known.evidence})", strict=True))

    def _select(self, items: list[pytest.Item], suite_items: Sequence[pytest.Item]) -> None:
        only = self._failed_ids()
        is_quick = option(self._config, "level") == "quick"
        quick = quick_ids(self.catalogue.values()) if is_quick else None
        is_inferred = bool(option(self._config, "inferred"))
        deselected = [
            item
            for item in suite_items
            if not is_selected(self.catalogue[item.nodeid], only=only, quick=quick, is_inferred=is_inferred)
        ]
        if deselected:
            self._config.hook.pytest_deselected(items=deselected)
        skipped = set(deselected)
        selected = [item for item in items if item not in skipped]
        items[:] = shuffled(selected, option(self._config, "shuffle"))

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Record deselected requirements, whatever deselected them, so that they do not count as missing."""
        self.summary.deselected.update(
            self.catalogue[item.nodeid].id for item in items if item.nodeid in self.catalogue
        )

    def _failed_ids(self) -> frozenset[str] | None:
        """Return the ids that failed in the run of `--vecgate-rerun-failed`, or None without that option.

        Raises pytest.UsageError if it cannot be read.
        """
        path = option(self._config, "rerun-failed")
        if not path:
            return None
        try:
            run = read_conformance_run(Path(path))
        except VecgateError as error:
            raise pytest.UsageError(str(error)) from error
        failed = (current_id(result.id) for result in run.results if result.outcome == "failed")
        return frozenset(id_ for id_ in failed if id_ is not None)

    def _unknown_failures(self) -> list[str]:
        """Return what is wrong with the stream of `--vecgate-rerun-failed`: the run could pass without it."""
        known = {requirement.id for requirement in self.catalogue.values()}
        unknown = sorted((self._failed_ids() or frozenset()) - known) if self._is_whole() else []
        if not unknown:
            return []
        more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        path = option(self._config, "rerun-failed")
        return [f"{path}: {unknown[0]}{more} failed there, and no requirement has this id: run all"]

    def _is_whole(self) -> bool:
        """Return whether the whole suite was collected: only then is an unknown id stale."""
        start = self._config.invocation_params.dir
        return any(
            (start / argument).resolve() == self.root or argument == "vecgate.conformance"
            for argument in self._config.args
        )

    # Tests

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a test that needs a capability that the target does not support."""
        requirement = self.catalogue.get(item.nodeid)
        if requirement is None:
            return
        self.log.clear()
        self.has_failed = False
        needs = needed_capabilities(requirement)
        if reason := self.session().capabilities.skip_reason(needs):
            pytest.skip(reason)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the requirement to the report and, after a failure, the requests and answers."""
        if call.excinfo is not None and item.nodeid in self.catalogue:
            cut_foreign_frames(call.excinfo.value, self.root)
            self.has_failed |= not call.excinfo.errisinstance(pytest.skip.Exception)
        report = yield
        requirement = self.catalogue.get(item.nodeid)
        if requirement is None:
            return report
        if call.when == "setup":
            report.user_properties.append((REQUIREMENT, _result_fields(requirement)))
        if call.excinfo is not None and not report.passed and call.when != "setup":
            report.sections.append((f"requirement {requirement.id}", self._evidence(requirement)))
            if self.log.last:
                report.user_properties.append((REQUEST_ID, self.log.last.request_id))
        return report

    def _evidence(self, requirement: Requirement) -> str:
        target = self.session().target
        program = build_reproduction(self.log, url=target.endpoint_url, region=target.region)
        grade = f"{requirement.level}, {requirement.evidence}"
        parts = [
            f"{requirement.id} ({grade})\n{requirement.claim}\n{requirement.source}",
            *([format_exchange(self.log.last)] if self.log.last else []),
            *([f"to repeat it\n\n{program}"] if program else []),
        ]
        return "\n\n".join(parts)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the report of a test, from this process or from a worker."""
        if self._recorder:
            self._recorder.add(report)

    # End of the run

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Remove orphaned resources and write the footer. A worker passes its summary to the controller.

        A stale deviation fails the run.
        """
        self.summary.requests.update(self.log.requests)
        self.summary.throttled += self.patience.throttled
        if self.is_worker:
            session.config.workeroutput[WORKER_KEY] = self.summary.to_plain()  # type: ignore[attr-defined]  # xdist's
            return
        if self._session:
            self.summary.orphaned += remove_orphans(
                self._session.target, self._session.run, timeout_s=self.guard.timeout_s
            )
            self.summary.orphaned[:] = dict.fromkeys(self.summary.orphaned)
        if self.summary.problems:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if self.summary.uncollected:
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        if self.summary.stale_deviations and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._recorder:
            is_complete = exitstatus in COMPLETE and not self.summary.uncollected
            self._recorder.end(self.summary, is_complete=is_complete)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 - xdist's
        """Add the summary of a worker that has ended."""
        self.summary.merge(getattr(node, "workeroutput", {}).get(WORKER_KEY, {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the facts that are not in the report of any test."""
        if self._session is None:
            return
        unsupported = self._session.capabilities.unsupported.items()
        sections = {
            "the suite cannot run": sorted(self.summary.problems),
            "cannot be collected": sorted(self.summary.uncollected),
            "not supported by the target": [f"{name}: {reason}" for name, reason in unsupported],
            "stale deviations": sorted(self.summary.stale_deviations),
            "ignored deviations, whose requirement was retired": self.deviations().retired,
            "orphaned resources": self.summary.orphaned,
        }
        for title, lines in sections.items():
            if lines:
                terminalreporter.section(title)
                terminalreporter.write_line("\n".join(lines))

    def pytest_unconfigure(self) -> None:
        """Close the target and the result stream."""
        self._exits.close()


def _result_fields(requirement: Requirement) -> dict[str, str]:
    """Return the fields of *requirement* that a result record has."""
    return {
        "id": requirement.id,
        "level": requirement.level,
        "evidence": requirement.evidence,
        "source": requirement.source,
        "claim": requirement.claim,
    }
