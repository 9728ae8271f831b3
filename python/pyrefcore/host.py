"""Which Python this is, in the words that the library uses for what it was built for."""

from __future__ import annotations

import platform
import sys
import sysconfig
from typing import Any, Dict


def flavour() -> str:
    """The name of this Python's flavour, as "cp311", "cp313t" or "cp312-refdebug"."""
    name = "cp%d%d" % sys.version_info[:2]
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        name += "t"
    if hasattr(sys, "gettotalrefcount"):
        name += "-refdebug"
    if hasattr(sys, "getobjects"):
        name += "-tracerefs"
    return name


def is_free_threaded() -> bool:
    """Whether threads run Python code at the same time here, whatever the build could do."""
    enabled = getattr(sys, "_is_gil_enabled", None)
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED")) and not (enabled and enabled())


def has_immortals() -> bool:
    """Whether there are objects whose references nobody counts: from 3.12 on."""
    return sys.version_info >= (3, 12)


def describe() -> Dict[str, Any]:
    """What a report says about its host."""
    return {
        "implementation": sys.implementation.name,
        "version": platform.python_version(),
        "flavour": flavour(),
        "platform": sysconfig.get_platform(),
        "executable": sys.executable or "",
    }
