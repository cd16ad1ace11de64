"""Builders for conformance results and runs."""

from __future__ import annotations

from typing import Any

from vecgate.results.records import ConformanceRun, Footer, Header, Result


def header(**more: Any) -> Header:
    return Header(**{"run": "r1", "started_at": "2026-11-24T10:00:00+00:00", "target": "local", **more})


def footer(**more: Any) -> Footer:
    return Footer(**{"ended_at": "2026-11-24T10:01:00+00:00", "duration_s": 60.0, **more})


def result(id_: str, outcome: str = "passed", *, level: str = "must", **more: Any) -> Result:
    fields = {"test": f"test_{id_}", "evidence": "model", "source": "https://a.example/", **more}
    return Result(id=id_, outcome=outcome, level=level, **fields)  # type: ignore[arg-type]  # any text, to keep tables short


def run(*results: Result, head: Header | None = None, foot: Footer | None = None) -> ConformanceRun:
    return ConformanceRun(head or header(), results, foot or footer())
