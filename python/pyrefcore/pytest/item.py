"""Calls one test of pytest again, right after it passed. Its fixtures stay. What the repetition leaves in pytest's own
records is removed."""

from __future__ import annotations

import unittest
from typing import Any, Optional

import pytest

from .records import Records


class Result(unittest.TestResult):
    """Keeps the error of a repetition. pytest's own result would report each repetition."""

    error: Optional[BaseException] = None

    def addError(self, test: Any, err: Any) -> None:
        self.error = err[1]

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        self.error = err[1] if err else self.error

    def addSkip(self, test: Any, reason: str) -> None:
        self.error = unittest.SkipTest(reason)


class RepeatedTest:
    """A call runs the test once, and raises its error. Make the object before pytest's own run."""

    def __init__(self, item: pytest.Item, shown: Any = None) -> None:
        """shown: the list of warnings that pytest shows."""
        self._item: Any = item
        self.shown = shown
        #: Whether it has asked for the fixture `subtests`.
        self.has_subtests = "subtests" in (getattr(item, "funcargs", None) or ())
        # Plugins for coroutines replace the function, and doctest clears its names at the end.
        self._function = getattr(item, "obj", None) if isinstance(item, pytest.Function) else None
        doctest = getattr(item, "dtest", None)
        self._names = None if doctest is None else doctest.globs.copy()
        #: pytest's records of each run.
        self.records: Any = None

    def why_not(self) -> Optional[str]:
        """Why this test can't be repeated, if that is known beforehand."""
        if self.has_subtests:
            return "it reports its subtests to pytest each time it runs"
        return None

    def remember(self) -> None:
        """Called before pytest's own run: notes the records as they are now. Each run is to begin with them."""
        self.records = Records(self._item, self.shown)

    def __call__(self) -> None:
        self.records.prepare()
        try:
            self._run()
        finally:
            # The next snapshot must not see the records of this run.
            self.records.take()

    def _run(self) -> None:
        item = self._item
        if self._names is not None:
            item.dtest.globs.update(self._names)
            item.runtest()
        elif isinstance(getattr(item, "_testcase", None), unittest.TestCase):
            result = Result()
            # An IsolatedAsyncioTestCase closes its runner at the end, and refuses to start with an old one.
            if hasattr(item._testcase, "_asyncioRunner"):
                item._testcase._asyncioRunner = None
            item._testcase(result)
            if result.error is not None:
                raise result.error
        else:
            if self._function is not None:
                item.obj = self._function
            item.runtest()
