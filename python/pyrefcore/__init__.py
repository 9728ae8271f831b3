"""Names the reference that a C extension leaked or released too often, on an unmodified CPython.

    import pyrefcore
    report = pyrefcore.check(lambda: extension.parse("text"))
    assert report.ok, report

The import attaches to the interpreter, so that objects are seen from then on. If that is not possible, the import
still succeeds, and `attach`, `check` and `audit` raise NotSupported with the reason.
"""

from .report.report import Example, Finding, Folded, Frame, Neighbour, Report
from .support import NotSupported, why_not

if why_not() is None:
    from .core.attach import attach, attached, detach
    from .core.audit import audit
    from .core.check import Interrupted, check
else:
    from .refused import Interrupted, attach, attached, audit, check, detach

__all__ = [
    "Example",
    "Finding",
    "Folded",
    "Frame",
    "Interrupted",
    "Neighbour",
    "NotSupported",
    "Report",
    "attach",
    "attached",
    "audit",
    "check",
    "detach",
]

try:
    attach()
except NotSupported:
    pass
