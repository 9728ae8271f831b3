"""Checks one test under the guard. pytest's own run is the first run of the check. If it passes, the other runs
follow."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import unittest
from typing import Any, Dict, Iterator, Optional

import pytest

from ..core import notes
from ..core.audit import audit
from ..core.check import Checking
from ..core.snapshot import NotCounted
from ..report.report import Report
from . import counts, deaths, summary
from .item import RepeatedTest
from .records import Records
from .settings import Settings
from .subtests import Subtests
from .summary import ALLOWED, CLEAN, EXPECTED, LEAKED, MISSING, SKIPPED, UNCHECKED, Verdict


class GuardedTest:
    """Replaces the `runtest` of the item. One function takes all snapshots, so that its own objects are in each of
    them."""

    def __init__(self, item: Any, settings: Settings, repeated: RepeatedTest) -> None:
        self.settings = settings
        self.nodeid = item.nodeid
        #: The verdict, if the test has passed.
        self.verdict: Optional[Verdict] = None
        self._item = item
        self._repeated = repeated
        self._checking: Optional[Checking] = None
        self._steps: Iterator[None] = iter(())
        if settings.skip is None and repeated.why_not() is None:
            repeated.remember()
            self._start(guard=True)

    def __call__(self) -> None:
        __tracebackhide__ = True
        del self._item.runtest
        subtests = Subtests(self._item, self._cause)
        try:
            self._run(subtests)
        finally:
            subtests.end()

    def _run(self, subtests: Subtests) -> None:
        __tracebackhide__ = True
        # From here on the guard holds all objects.
        self._step()
        try:
            self._item.runtest()
        except BaseException as error:
            why = subtests.why or self._cause(error)
            if why is None:
                raise
        else:
            # A unittest that failed raises nothing here.
            if getattr(self._item, "_excinfo", None) or subtests.has_failed:
                why = subtests.why or self._cause(_raised(self._item))
                if why is None:
                    return
            else:
                self._take_records()
                try:
                    self._step()
                finally:
                    self._put_back()
                self._judge()
                return
        subtests.begin_again()
        self._run_again(why)

    def end(self) -> None:
        """Ends the check and its guard in pytest's own run: this test can't be repeated."""
        self._repeated.has_subtests = True
        if self._checking is not None:
            self._steps.close()  # type: ignore[attr-defined]
            self._checking = None

    def _step(self) -> None:
        next(self._steps, None)

    def _take_records(self) -> None:
        if self._checking is not None:
            self._checking.counted.kept = self._repeated.records.take()

    def _put_back(self) -> None:
        if self._checking is not None:
            self._repeated.records.put_back(self._checking.counted.kept)

    def _cause(self, error: Optional[BaseException]) -> Optional[str]:
        """Ends the check, and its guard. Returns the evidence that the run failed only because of the guard, or
        None."""
        if self._checking is None:
            return None
        # A skip, an exit or an interrupt is no failure.
        is_failure = isinstance(error, (Exception, pytest.fail.Exception))
        is_put_off = is_failure and deaths.is_one_put_off(error)  # type: ignore[arg-type]
        self._steps.close()  # type: ignore[attr-defined]
        why = counts.cause(error)
        if why is None and is_put_off and not _is_one_lost():
            why = "it kept an object alive that has weak references or a finalizer"
        return why

    def _run_again(self, why: str) -> None:
        """Runs the test once more with fresh fixtures and without the guard."""
        __tracebackhide__ = True
        item = self._item
        _set_up_afresh(item, self._repeated.records)
        item.add_report_section("call", "refs", notes.run_again(why))
        self._repeated = RepeatedTest(item, self._repeated.shown)
        self._repeated.remember()
        item.runtest()
        if not getattr(item, "_excinfo", None):
            self._check_unguarded(why)
            self._judge()

    def _start(self, guard: bool) -> None:
        runs, windows = self.settings.runs, self.settings.windows
        quick = 0 if self.settings.thorough else 1
        name, who = self._item.nodeid, self.settings.who
        self._checking = Checking(self._repeated, runs, None, windows, None, guard, False, _silent, name, quick, who)
        self._checking.counted.letting_go = self._repeated.records.let_go
        self._steps = self._checking.steps(first_is_ours=not guard)

    def _check_unguarded(self, why: str) -> None:
        self._start(guard=False)
        assert self._checking is not None
        kept = self._repeated.records.take()
        try:
            for _ in self._steps:
                pass
        finally:
            self._repeated.records.put_back(kept)
        self._checking.report.notes.append(notes.unguarded(why))

    def _judge(self) -> None:
        checking = self._checking
        if checking is None:
            why_not = self.settings.skip or self._repeated.why_not() or ""
            self.verdict = Verdict(self.nodeid, UNCHECKED if self.settings.skip is None else SKIPPED, why_not)
            return
        if checking.only_guarded is not None:
            self._check_unguarded(checking.only_guarded)
            checking = self._checking
        report = checking.report
        if isinstance(report.exception, pytest.exit.Exception):
            raise report.exception
        self.verdict = of_report(self.nodeid, self.settings, report)


def _raised(item: Any) -> Optional[BaseException]:
    """The exception of a unittest, which pytest keeps in a private attribute."""
    kept = getattr(item, "_excinfo", None)
    return getattr(kept[0], "value", None) if kept else None


def _is_one_lost() -> bool:
    """Whether an object has fewer references than are visibly held. Then a run without the guard may crash."""
    try:
        return bool(audit().findings)
    except NotCounted:
        return True


def _set_up_afresh(item: Any, records: Records) -> None:
    """Ends the fixtures of this test only, and makes them anew. What they report was reported once, or will be."""
    state = item.session._setupstate
    # Up to pytest 6 the test was the first argument, and `setup` was called `prepare`.
    first = [item] if len(inspect.signature(state.teardown_exact).parameters) == 2 else []
    records.take()
    # A fixture that fails at its end will fail again, when pytest ends it.
    with contextlib.suppress(Exception, pytest.fail.Exception, pytest.skip.Exception):
        state.teardown_exact(*first, item.parent)
    records.take()
    if hasattr(item, "_excinfo"):
        item._excinfo = None
    if hasattr(item, "_initrequest"):
        item._initrequest()
    getattr(state, "setup", getattr(state, "prepare", None))(item)
    records.forget()


def _silent(_: str) -> None:
    pass


def of_report(nodeid: str, settings: Settings, report: Report) -> Verdict:
    """The verdict on a test, from the report of its check."""
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
    own_notes = summary.own_notes(report.notes)
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
