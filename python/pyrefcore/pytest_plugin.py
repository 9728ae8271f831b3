"""`pytest --refs`: each test that passes is repeated, and one that leaks or releases too often has failed.

A verdict is made where the test runs and travels in the test's own report, as JSON: under pytest-xdist that is
another process.
"""

from __future__ import annotations

import dataclasses
import unittest
from json import dumps, loads
from typing import Any, Dict, List, Optional, Tuple

import pytest

from . import host, pytest_summary
from .attach import attach
from .check import Interrupted, check
from .native import NotSupported
from .pytest_item import RepeatedTest
from .pytest_settings import Settings, read_allowed
from .pytest_summary import ALLOWED, CLEAN, EXPECTED, LEAKED, MISSING, SKIPPED, UNCHECKED, Verdict
from .report import Report


class References:
    """What is registered with pytest where --refs is given."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._repeated: Dict[str, RepeatedTest] = {}
        self._settings: Dict[str, Settings] = {}
        self._made: Dict[str, Verdict] = {}
        #: Verdicts of all tests, in the process that reports them.
        self._verdicts: List[Verdict] = []
        self._unwritten: List[str] = []
        self._allowed = read_allowed(config.getini("refs_allow"))
        self._runs = self._read_runs()
        if host.is_free_threaded() and config.getoption("tx", None):
            raise pytest.UsageError(
                "--refs: pytest-xdist's workers have threads, and a free-threaded Python is looked at only while one runs"
            )
        try:
            attach()
        except NotSupported as error:
            raise pytest.UsageError("--refs: %s" % error)
        if not self._is_worker:
            for option in ("refs_json", "refs_html"):
                self._try_to_write(option)

    def _read_runs(self) -> int:
        given = self._config.getoption("refs_runs")
        text = self._config.getini("refs_runs") if given is None else str(given)
        if not text.isdigit() or int(text) < 1:
            raise pytest.UsageError("--refs needs 1 or more runs, not %s" % text)
        return int(text)

    def _try_to_write(self, option: str) -> None:
        path = self._config.getoption(option)
        if path is not None:
            try:
                with open(path, "a", encoding="utf-8"):
                    pass
            except OSError as error:
                raise pytest.UsageError("--%s: %s" % (option.replace("_", "-"), error))

    def pytest_collection_modifyitems(self, items: List[pytest.Item]) -> None:
        for item in items:
            self._settings[item.nodeid] = Settings.of(item, self._runs, self._allowed)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._repeated[item.nodeid] = RepeatedTest(item)

    # Not around the call but at its end: what captures output and logs is still there, and a test that failed is not.
    @pytest.hookimpl(trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        # A unittest that failed has not raised.
        if not getattr(item, "_excinfo", None):
            self._made[item.nodeid] = self._judge(item)

    def _judge(self, item: pytest.Item) -> Verdict:
        settings, repeated = self._settings[item.nodeid], self._repeated.pop(item.nodeid)
        if settings.skip is not None:
            return Verdict(item.nodeid, SKIPPED, settings.skip)
        why_not = repeated.why_not()
        if why_not is not None:
            return Verdict(item.nodeid, UNCHECKED, why_not)
        try:
            with repeated.quiet():
                report = check(repeated, runs=settings.runs, windows=settings.windows, subject=item.nodeid)
        except Interrupted as interrupted:
            # What had been counted by now is in the summary; no report of the test will carry it there.
            self._verdicts.append(_verdict(item.nodeid, settings, interrupted.report))
            raise KeyboardInterrupt from None
        if isinstance(report.exception, pytest.exit.Exception):
            raise report.exception
        return _verdict(item.nodeid, settings, report)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Any:
        outcome = yield
        verdict = self._made.pop(item.nodeid, None) if call.when == "call" else None
        if verdict is not None:
            report = outcome.get_result()
            # These are from before the test, which may have put something else in their place.
            report.refs = dumps(dataclasses.asdict(verdict))
            if verdict.outcome in (LEAKED, MISSING):
                report.outcome = "failed"
                report.longrepr = verdict.text
                # Otherwise one that was expected to fail has done so.
                report.__dict__.pop("wasxfail", None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> Optional[Tuple[str, str, Any]]:
        if _outcome(report) == LEAKED and report.outcome == "failed":
            return "leaked", "R", ("LEAKED", {"red": True})
        return None

    def pytest_runtest_logreport(self, report: Any) -> None:
        # One that is run again (pytest-rerunfailures) is no longer what counts.
        if hasattr(report, "refs") and report.outcome != "rerun":
            self._verdicts.append(Verdict(**loads(report.refs)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: Any) -> None:
        if self._is_worker:
            return
        makers = {"refs_json": pytest_summary.to_json, "refs_html": pytest_summary.to_html}
        for option, make in makers.items():
            path = self._config.getoption(option)
            if path is None:
                continue
            try:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(make(self._verdicts))
            except OSError as error:
                self._unwritten.append("--%s was not written: %s" % (option.replace("_", "-"), error))
                session.exitstatus = session.exitstatus or 1

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        lines = pytest_summary.to_lines(self._verdicts) + self._unwritten
        terminalreporter.write_sep("=", "references")
        for line in lines:
            is_bad = line.startswith("LEAKED") or line in self._unwritten
            terminalreporter.write_line(line, red=is_bad)


def _outcome(report: Any) -> Optional[str]:
    return loads(report.refs)["outcome"] if hasattr(report, "refs") else None


def _verdict(nodeid: str, settings: Settings, report: Report) -> Verdict:
    known: Dict[str, str] = {}
    unexpected = []
    for finding in report.findings:
        allowed = settings.allowed(finding)
        known.update(allowed)
        if not allowed and settings.expected(finding) is None:
            unexpected.append(finding)
    found = report.to_dict()
    # One example says enough on a terminal; the others are in the report.
    shown = [dataclasses.replace(finding, examples=finding.examples[:1]) for finding in unexpected]
    own_notes = pytest_summary.own_notes(report.notes)
    text = str(dataclasses.replace(report, findings=shown, notes=own_notes))
    if unexpected:
        return Verdict(nodeid, LEAKED, text=text, report=found)
    if report.error is not None:
        itself = isinstance(report.exception, (pytest.skip.Exception, unittest.SkipTest))
        why = (
            "it skips itself when it is repeated"
            if itself
            else "when it is repeated: " + " ".join(report.error.split())
        )
        return Verdict(nodeid, UNCHECKED, why, report=found)
    missing = settings.missing(report.findings)
    if missing:
        why = "expected, and not found: " + "; ".join(missing)
        return Verdict(nodeid, MISSING, why, text="%s\n%s" % (why, text), report=found)
    if known:
        reasons = ("%s (%s)" % (name, why) if why else name for name, why in known.items())
        return Verdict(nodeid, ALLOWED, "; ".join(reasons), report=found)
    if report.findings:
        return Verdict(nodeid, EXPECTED, "; ".join(finding.type for finding in report.findings), report=found)
    return Verdict(nodeid, CLEAN, report=found)
