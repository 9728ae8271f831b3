"""`pytest --refs`: repeats each test that passes, and fails a test that leaks or releases too often.

A verdict is made in the process that runs the test. It travels as JSON in the test's report, because under pytest-xdist
that is another process.
"""

from __future__ import annotations

import dataclasses
import functools
from json import dumps, loads
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

import pytest

from ..core import host
from ..core.attach import attach
from ..core.check import Interrupted
from ..core.native import NotSupported
from ..report.file import ReportFile
from . import summary
from .guard import GuardedTest, of_report
from .item import RepeatedTest
from .journal import Journal
from .records import shown_warnings
from .settings import Settings, read_allowed
from .summary import LEAKED, MISSING, UNFINISHED, Verdict


class References:
    """The plugin that is registered with pytest for --refs."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._repeated: Dict[str, RepeatedTest] = {}
        # The test that runs, the tests with subtests, and the list of warnings that pytest shows.
        self._running: Optional[GuardedTest] = None
        self._with_subtests: Set[str] = set()
        self._shown: Any = None
        self._settings: Dict[str, Settings] = {}
        self._made: Dict[str, Verdict] = {}
        #: Verdicts of all tests, in the process that reports them.
        self._verdicts: List[Verdict] = []
        self._unwritten: List[str] = []
        #: The files of the reports, by option.
        self._files: Dict[str, ReportFile] = {}
        self._journal: Optional[Journal] = None
        self._allowed = read_allowed(config.getini("refs_allow"))
        self._runs = self._read_runs()
        if host.is_free_threaded() and config.getoption("tx", None):
            raise pytest.UsageError(
                "--refs: pytest-xdist's workers have threads, and a free-threaded Python can be checked only while it has one"
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
                self._files[option] = ReportFile(path)
                if option == "refs_json":
                    self._journal = Journal(self._files[option].path)
            except OSError as error:
                problem = "%s can't be written: %s" % (path, error.strerror)
                raise pytest.UsageError("--%s: %s" % (option.replace("_", "-"), problem))

    def pytest_collection_modifyitems(self, items: List[pytest.Item]) -> None:
        for item in items:
            self._settings[item.nodeid] = self._settings_of(item)

    def _settings_of(self, item: pytest.Item) -> Settings:
        given = self._config.getoption
        options = {"runs": self._runs, "thorough": given("refs_thorough"), "who": given("refs_who")}
        return Settings.of(item, options, self._allowed)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._repeated[item.nodeid] = RepeatedTest(item, self._shown)

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> None:
        # A test, or another fixture, may ask for it late. From here on pytest gets reports, which can't be repeated.
        if fixturedef.argname == "subtests":
            self._with_subtests.add(request.node.nodeid)
            if self._running is not None and self._running.nodeid == request.node.nodeid:
                self._running.end()

    # Not a wrapper around the hook: pytest's caller of hooks holds other objects before a call than after it.
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        # Another plugin may have renamed the test since, or added it.
        settings = self._settings.get(item.nodeid) or self._settings_of(item)
        repeated = self._repeated.pop(item.nodeid)
        repeated.has_subtests |= item.nodeid in self._with_subtests
        test = GuardedTest(item, settings, repeated)
        item.runtest = functools.partial(self._run, test)  # type: ignore[method-assign]

    def _run(self, test: GuardedTest) -> None:
        __tracebackhide__ = True
        self._running = test
        try:
            test()
        except Interrupted as interrupted:
            # An interrupted test has no report that could carry its verdict to the summary.
            self._add(of_report(test.nodeid, test.settings, interrupted.report))
            raise KeyboardInterrupt from None
        finally:
            self._running = None
            if test.verdict is not None:
                self._made[test.nodeid] = test.verdict

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Any:
        outcome = yield
        verdict = self._made.pop(item.nodeid, None) if call.when == "call" else None
        if verdict is not None:
            report = outcome.get_result()
            # `dumps` was imported before the test ran; the test may have patched the module.
            report.refs = dumps(dataclasses.asdict(verdict))
            if verdict.outcome not in (LEAKED, MISSING):
                return
            if report.failed:
                # pytest has a reason of its own, such as a warning that is an error.
                report.sections.append(("references", verdict.text))
            else:
                report.outcome, report.refs_failed = "failed", True
                report.longrepr = verdict.text
                # Otherwise pytest counts it as a test that failed as expected.
                report.__dict__.pop("wasxfail", None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> Optional[Tuple[str, str, Any]]:
        if _outcome(report) == LEAKED and hasattr(report, "refs_failed") and report.outcome == "failed":
            return "leaked", "R", ("LEAKED", {"red": True})
        return None

    def pytest_runtest_logreport(self, report: Any) -> None:
        # A run that pytest-rerunfailures repeats does not count.
        if hasattr(report, "refs") and report.outcome != "rerun":
            self._add(Verdict(**loads(report.refs)))
        elif report.when == "???":
            # The report that pytest-xdist makes for a test whose worker died.
            self._add(Verdict(report.nodeid, UNFINISHED, "its process died while it ran"))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        # Before fixtures, which may record warnings elsewhere.
        self._shown = shown_warnings()
        self._write(lambda journal: journal.begins(nodeid))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._write(lambda journal: journal.ends(nodeid))

    def _add(self, verdict: Verdict) -> None:
        self._verdicts.append(verdict)
        self._write(lambda journal: journal.add(verdict))

    def _write(self, what: Callable[[Journal], None]) -> None:
        if self._journal is not None:
            try:
                what(self._journal)
            except OSError as error:
                self._unwritten.append("--refs-json was not written: %s" % error)
                self._journal = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: Any) -> None:
        if self._is_worker:
            return
        makers = {"refs_json": summary.to_json, "refs_html": summary.to_html}
        for option, file in self._files.items():
            try:
                if option == "refs_json" and self._journal is not None and self._journal.close(self._verdicts):
                    continue
                file.write(makers[option](self._verdicts))
            except OSError as error:
                self._unwritten.append("--%s was not written: %s" % (option.replace("_", "-"), error))
                session.exitstatus = session.exitstatus or 1

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        lines = summary.to_lines(self._verdicts) + self._unwritten
        terminalreporter.write_sep("=", "references")
        for line in lines:
            is_bad = line.startswith("LEAKED") or line in self._unwritten
            terminalreporter.write_line(line, red=is_bad)


def _outcome(report: Any) -> Optional[str]:
    return loads(report.refs)["outcome"] if hasattr(report, "refs") else None
