"""The functions of the package if references can't be counted. Each raises the reason."""

from __future__ import annotations

from typing import Any

from .report.report import Report
from .support import NotSupported, why_not


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended a check. `report` has the results up to then."""

    report: Report


def check(*_: Any, **__: Any) -> Any:
    """Raises NotSupported with the reason."""
    raise NotSupported(why_not())


attach = audit = detach = check


def attached() -> bool:
    """Always False."""
    return False
