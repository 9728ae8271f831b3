"""One test of pytest, called again in the place where it just passed: its fixtures stay, and what it leaves in pytest's own
records is taken back."""

from __future__ import annotations

import contextlib
import unittest
import warnings
from typing import Any, Iterator, List, Optional

import pytest

from .pytest_records import Records

class Result(unittest.TestResult):
    """Keeps what went wrong. pytest's own result would report each repetition."""

    error: Optional[BaseException] = None

    def addError(self, test: Any, err: Any) -> None:
        self.error = err[1]

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        self.error = err[1] if err else self.error

    def addSkip(self, test: Any, reason: str) -> None:
        self.error = unittest.SkipTest(reason)


class RepeatedTest:
    """Calling it runs the test once; whatever goes wrong is raised. Make it before pytest's own run, and call it only
    inside `quiet()`."""

    def __init__(self, item: pytest.Item) -> None:
        self._item: Any = item
        # Plugins for coroutines replace the function, and doctest clears its names at the end.
        self._function = getattr(item, "obj", None) if isinstance(item, pytest.Function) else None
        doctest = getattr(item, "dtest", None)
        self._names = None if doctest is None else doctest.globs.copy()
        #: What pytest keeps of each run.
        self.records: Any = None

    def why_not(self) -> Optional[str]:
        """Why this test can't be repeated, if that is known beforehand."""
        if "subtests" in (getattr(self._item, "funcargs", None) or ()):
            return "it reports its subtests to pytest each time it runs"
        return None

    def remember(self) -> None:
        """Pytest's own run comes next: what its records hold now is what each run is to begin with."""
        self.records = Records(self._item)

    @contextlib.contextmanager
    def quiet(self, kept: List[Any]) -> Iterator[None]:
        """While this lasts, output, log records and warnings of the test are forgotten. Those of pytest's own run, which
        `kept` holds, come back at the end."""
        try:
            if self._item.config.pluginmanager.hasplugin("warnings"):
                yield
            else:
                with warnings.catch_warnings(record=True):
                    yield
        finally:
            self.records.put_back(kept)

    def __call__(self) -> None:
        try:
            self._run()
        finally:
            # A snapshot that comes next sees nothing of it.
            self.records.take()

    def _run(self) -> None:
        item = self._item
        if self._names is not None:
            item.dtest.globs.update(self._names)
            item.runtest()
        elif isinstance(getattr(item, "_testcase", None), unittest.TestCase):
            result = Result()
            # An IsolatedAsyncioTestCase closes its runner in the end, and refuses to start with one.
            if hasattr(item._testcase, "_asyncioRunner"):
                item._testcase._asyncioRunner = None
            item._testcase(result)
            if result.error is not None:
                raise result.error
        else:
            if self._function is not None:
                item.obj = self._function
            item.runtest()
