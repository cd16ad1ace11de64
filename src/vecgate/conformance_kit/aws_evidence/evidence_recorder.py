"""The pytest plugin of `--vecgate-evidence`: it records the exchanges of each requirement that was tested.

A worker of xdist redacts its exchanges and passes them on with its reports; the controller writes the file.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from vecgate.conformance_kit.aws_evidence.evidence_file import (
    EvidenceHeader,
    EvidenceRecord,
    EvidenceWriter,
)
from vecgate.conformance_kit.aws_evidence.evidence_redaction import EvidenceRedactor, shorten
from vecgate.conformance_kit.aws_evidence.fingerprints import fingerprint_of
from vecgate.conformance_kit.plugin_options import option, prefix_of
from vecgate.conformance_kit.requests.exchanges import ExchangeLog
from vecgate.conformance_kit.requirements import Requirement
from vecgate.conformance_kit.target_session import TargetSession
from vecgate.results.provenance import installed_versions, utc_now

#: Property of a pytest report.
EVIDENCE = "vecgate-evidence"
REASON_CHARACTERS_MAX = 300
PACKAGES = ("vecgate", "boto3", "botocore")


class RecordedSuite(Protocol):
    """The suite's own plugin, as far as evidence needs it."""

    log: ExchangeLog
    catalogue: dict[str, Requirement]

    @property
    def is_worker(self) -> bool:
        """True if this process is an xdist worker."""

    def session(self) -> TargetSession:
        """Return the open target."""


class EvidenceRecorder:
    """Records the evidence of a run into the file of `--vecgate-evidence`."""

    def __init__(self, config: pytest.Config, suite: RecordedSuite) -> None:
        self._config, self._suite = config, suite
        self._redactor = EvidenceRedactor(prefix_of(config))
        self._writer: EvidenceWriter | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Open the file, after the target."""
        if self._suite.is_worker or self._config.option.collectonly:
            return
        session = self._suite.session()
        header = EvidenceHeader(
            run=session.run,
            target=session.target.name,
            region=session.target.region,
            recorded_at=utc_now(),
            versions=installed_versions(PACKAGES),
        )
        self._writer = EvidenceWriter(Path(option(self._config, "evidence")), header)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the exchanges of a test that passed or failed to its report."""
        report = yield
        requirement = self._suite.catalogue.get(item.nodeid)
        # A known deviation is of another target than Amazon; its report is a skip.
        if requirement is None or report.when != "call" or report.skipped:
            return report
        exchanges = self._redactor.record_all(self._suite.log)
        if not exchanges:
            return report  # it tests the client alone
        record = EvidenceRecord(
            id=requirement.id,
            claim=requirement.claim,
            is_met=report.passed,
            reason="" if call.excinfo is None else self._reason(call.excinfo),
            fingerprint=fingerprint_of(item),
            at=utc_now(),
            exchanges=exchanges,
        )
        report.user_properties.append((EVIDENCE, msgspec.json.encode(record).decode()))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the evidence of a test, from this process or from a worker."""
        properties: Mapping[str, object] = dict(report.user_properties)
        if self._writer and report.when == "call" and EVIDENCE in properties:
            record = msgspec.json.decode(str(properties[EVIDENCE]), type=EvidenceRecord)
            self._writer.write(record)

    def pytest_unconfigure(self) -> None:
        """Close the file."""
        if self._writer:
            self._writer.close()

    def _reason(self, error: pytest.ExceptionInfo[BaseException]) -> str:
        text = error.exconly(tryshort=True).split("\n\n", maxsplit=1)[0]
        return shorten(self._redactor.redact_text(text), REASON_CHARACTERS_MAX)
