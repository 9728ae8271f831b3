"""One test of pytest, called again in the place where it just passed: its fixtures stay, what it leaves behind in
pytest's own records is taken back."""

from __future__ import annotations

import contextlib
import io
import logging
import unittest
import warnings
from typing import Any, Iterator, List, Optional

import pytest

CAPTURES = ("capsys", "capsysbinary", "capfd", "capfdbinary")


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
    """Calling it runs the test once; whatever goes wrong is raised. Make it before the first run, and call it only
    inside `quiet()`."""

    def __init__(self, item: pytest.Item) -> None:
        self._item: Any = item
        self._capture = item.config.pluginmanager.getplugin("capturemanager")
        self._handlers: List[Any] = []
        self._fixtures: List[Any] = []
        self._warnings: Any = None
        # Plugins for coroutines replace the function, and doctest clears its names at the end.
        self._function = getattr(item, "obj", None) if isinstance(item, pytest.Function) else None
        doctest = getattr(item, "dtest", None)
        self._names = None if doctest is None else doctest.globs.copy()

    def why_not(self) -> Optional[str]:
        """Why this test can't be repeated, if that is known beforehand."""
        if "subtests" in (getattr(self._item, "funcargs", None) or ()):
            return "it reports its subtests to pytest each time it runs"
        return None

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """While this lasts, output, log records and warnings of the test are forgotten."""
        item = self._item
        for name, text in zip(("stdout", "stderr"), self._read_capture()):
            if text:
                item.add_report_section("call", name, text)
        arguments = getattr(item, "funcargs", None) or {}
        self._fixtures = [arguments[name] for name in CAPTURES if name in arguments]
        self._handlers = [one for one in logging.getLogger().handlers if type(one).__name__ == "LogCaptureHandler"]
        kept = [(one, list(one.records), one.stream) for one in self._handlers]
        for handler in self._handlers:
            handler.stream = io.StringIO()
        try:
            if "recwarn" in arguments:
                self._warnings = arguments["recwarn"]
                self._forget()
                yield
            else:
                with warnings.catch_warnings(record=True) as self._warnings:
                    self._forget()
                    yield
        finally:
            self._forget()
            for handler, records, stream in kept:
                handler.records[:] = records
                handler.stream = stream

    def __call__(self) -> None:
        try:
            self._run()
        finally:
            # A snapshot that comes next sees nothing of it.
            self._forget()

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

    def _forget(self) -> None:
        self._read_capture()
        for fixture in self._fixtures:
            fixture.readouterr()
        for handler in self._handlers:
            del handler.records[:]
            handler.stream.seek(0)
            handler.stream.truncate()
        # Entered and left, this lets a warning be shown once more at each place.
        with warnings.catch_warnings():
            pass
        if isinstance(self._warnings, list):
            del self._warnings[:]
        elif self._warnings is not None:
            self._warnings.clear()

    def _read_capture(self) -> Any:
        if self._capture is None or getattr(self._capture, "_global_capturing", None) is None:
            return ()
        return self._capture.read_global_capture()
