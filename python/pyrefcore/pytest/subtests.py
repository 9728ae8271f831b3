"""The subtests of a unittest that pytest reports at once: with pytest 9 or pytest-subtests. They come between pytest's own
run and its reports."""

from __future__ import annotations

from typing import Any, Callable, Optional

import pytest


class Subtests:
    """Put between the item and its `addSubTest`, for one test. The first failure ends the check."""

    def __init__(self, item: Any, cause: Callable[[BaseException], Optional[str]]) -> None:
        """cause: ends the check and its guard, and returns the evidence that the guard caused a failure."""
        #: Whether a subtest has failed, and the evidence that this was only because of the guard.
        self.has_failed = False
        self.why: Optional[str] = None
        self._cause = cause
        self._item = item
        self._report = getattr(item, "addSubTest", None)
        # The subtests that pytest knows, and how many come before the next that it does not know.
        self._reported = self._known = 0
        if self._report is not None:
            item.addSubTest = self._add

    def begin_again(self) -> None:
        """Before the second run: its first subtests are known, and all others are reported."""
        self.has_failed, self.why, self._known = True, None, self._reported

    def end(self) -> None:
        """After pytest's own run."""
        if self._report is not None:
            self._item.__dict__.pop("addSubTest", None)

    def _add(self, case: Any, test: Any, failure: Any) -> None:
        error = failure[1] if isinstance(failure, tuple) else getattr(failure, "value", None)
        # A skip is no failure.
        if isinstance(error, (Exception, pytest.fail.Exception)) and not self.has_failed:
            self.why = self._cause(error)
            self.has_failed = True
        if self.why is not None:
            return
        if self._known:
            self._known -= 1
            return
        self._reported += 1
        assert self._report is not None
        self._report(case, test, failure)
