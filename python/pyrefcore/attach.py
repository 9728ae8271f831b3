"""Seeing every object that is made from now on: the library's hook in the interpreter's allocator."""

from __future__ import annotations

import ctypes

from . import native
from .native import NotSupported


def attach() -> None:
    """Begins to watch which blocks of memory hold objects; twice is fine. Raises NotSupported with the reason."""
    core = native.library()
    _refuse_sub_interpreter()
    why_not = core.pyrefcore_audit_attach()
    if why_not is not None:
        raise NotSupported(why_not.decode("utf-8", "replace"))


def detach() -> bool:
    """Stops watching. False where another allocator stands in front, and the hook stays as a passage."""
    return bool(native.library().pyrefcore_audit_detach() == 0)


def attached() -> bool:
    """Whether objects are being watched; False as well where they can't be."""
    try:
        return bool(native.library().pyrefcore_audit_is_attached())
    except NotSupported:
        return False


def _refuse_sub_interpreter() -> None:
    """Before 3.12 ctypes calls back in the thread state that a thread had first, and waits for ever if that is not
    the current one: in a sub-interpreter, wherever an example is shown."""
    api = ctypes.pythonapi
    current, first = api.PyThreadState_Get, api.PyGILState_GetThisThreadState
    current.restype = first.restype = ctypes.c_void_p
    current.argtypes = first.argtypes = []
    if current() != first():
        raise NotSupported("ctypes can't call back in this sub-interpreter; check in the main interpreter")
