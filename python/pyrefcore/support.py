"""Whether references can be counted in this Python at all. Uses nothing that another implementation may lack."""

from __future__ import annotations

import sys
from typing import Optional


class NotSupported(ImportError, RuntimeError):
    """References can't be counted here; the message says why, in one sentence."""


def why_not() -> Optional[str]:
    """The reason why the rest of this package can't even be imported, in one sentence. None if it can."""
    if sys.implementation.name != "cpython":
        return "pyrefcore counts CPython's references, and this is %s" % sys.implementation.name
    try:
        import ctypes

        ctypes.pythonapi.Py_IncRef
    except (ImportError, AttributeError) as error:
        # This Python was built without libffi, or this is a sub-interpreter of 3.12.
        return "pyrefcore needs ctypes, which can't be used here: %s" % error
    return None
