"""Attaches the library's hook to the interpreter's allocator, so that every new object is seen."""

from __future__ import annotations

import ctypes

from . import native
from .native import NotSupported


def attach() -> None:
    """Starts to watch which blocks of memory hold objects. May be called twice. Raises NotSupported with the reason."""
    core = native.library()
    _refuse_sub_interpreter()
    why_not = core.pyrefcore_audit_attach()
    if why_not is not None:
        raise NotSupported(why_not.decode("utf-8", "replace"))


def detach() -> bool:
    """Stops watching. False if another hook was set in front of ours; then ours stays, and passes calls on."""
    return bool(native.library().pyrefcore_audit_detach() == 0)


def attached() -> bool:
    """Whether objects are being watched; also False if they can't be."""
    try:
        return bool(native.library().pyrefcore_audit_is_attached())
    except NotSupported:
        return False


def _refuse_sub_interpreter() -> None:
    """Before 3.12, ctypes calls back in the thread state that a thread had first. If that is not the current one, it
    waits for ever. In a sub-interpreter, this would happen whenever an example is shown."""
    api = ctypes.pythonapi
    current, first = api.PyThreadState_Get, api.PyGILState_GetThisThreadState
    current.restype = first.restype = ctypes.c_void_p
    current.argtypes = first.argtypes = []
    if current() != first():
        raise NotSupported("ctypes can't call back in this sub-interpreter; check in the main interpreter")
