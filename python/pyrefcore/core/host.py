"""Describes this Python, with the names that the library uses for flavours."""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
import sysconfig
from typing import Any, Dict, Tuple


def flavour() -> str:
    """The name of this Python's flavour, as "cp311", "cp313t" or "cp312-refdebug"."""
    name = "cp%d%d" % sys.version_info[:2]
    if is_free_threaded_build():
        name += "t"
    if hasattr(sys, "gettotalrefcount"):
        name += "-refdebug"
    if hasattr(sys, "getobjects"):
        name += "-tracerefs"
    return name


def is_free_threaded_build() -> bool:
    """Whether this Python can run without the global lock, even if the lock is on now."""
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def is_free_threaded() -> bool:
    """Whether threads run Python code at the same time now, in a build that can do so."""
    enabled = getattr(sys, "_is_gil_enabled", None)
    return is_free_threaded_build() and not (enabled and enabled())


def has_immortals() -> bool:
    """Whether there are objects whose references are not counted: from 3.12 on."""
    return sys.version_info >= (3, 12)


def has_other_allocators() -> bool:
    """From 3.12 on: whether objects may be in the memory of another interpreter, which this one must not free."""
    head, following = _interpreters()
    return sys.version_info >= (3, 12) and following(head()) is not None


@functools.lru_cache(maxsize=None)
def _interpreters() -> Tuple[Any, Any]:
    """CPython's functions that list the interpreters. Their types are set once, since a check counts the lists of
    types."""
    api = ctypes.pythonapi
    head, following = api.PyInterpreterState_Head, api.PyInterpreterState_Next
    head.restype = following.restype = ctypes.c_void_p
    head.argtypes, following.argtypes = [], [ctypes.c_void_p]
    return head, following


def describe() -> Dict[str, Any]:
    """The facts about the host that a report has."""
    return {
        "implementation": sys.implementation.name,
        "version": platform.python_version(),
        "flavour": flavour(),
        "platform": sysconfig.get_platform(),
        "executable": sys.executable or "",
    }
