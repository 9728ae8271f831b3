"""What the package offers where references can't be counted: the same names, each of which says why not."""

from __future__ import annotations

from typing import Any

from .report import Report
from .support import NotSupported, why_not


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended a check. `report` is what had been counted by then."""

    report: Report


def check(*_: Any, **__: Any) -> Any:
    """Raises NotSupported with the reason."""
    raise NotSupported(why_not())


attach = audit = detach = check


def attached() -> bool:
    """False."""
    return False
