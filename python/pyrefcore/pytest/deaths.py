"""Finds out whether a test failed because the guard kept an object alive."""

from __future__ import annotations

import ctypes
import gc
import inspect
import sys
import types
import weakref
from typing import Any, Dict, List, Optional

from ..core.audit import audit
from ..core.windows import NotCounted

_TARGET = weakref.ReferenceType.__call__


class Watched:
    """The objects whose death the program may notice: those with weak references or a finalizer. Make it before the
    guard ends. The test may have got such an object from a weak reference, so the variables of its frames let go of
    it."""

    def __init__(self, error: BaseException) -> None:
        self._all = _all_watched()
        by_address = {id(_TARGET(one)): one for one in self._all}
        self._variables = []
        for frame in _ended_frames(error):
            for name, value in list(frame.f_locals.items()):
                if id(value) in by_address and _is_own(name, frame.f_code):
                    self._variables.append((frame, name, by_address[id(value)]))
                    _set_variable(frame, name, None)

    def cause(self) -> Optional[str]:
        """Call it when the guard has ended. The evidence, if an object has died together with it. Otherwise the frames
        get their variables back. None while any object has fewer references than are visibly held: then a run without the
        guard may crash."""
        # A test may have called the collector.
        gc.collect()
        died = any(_TARGET(one) is None for one in self._all)
        for frame, name, one in self._variables:
            _set_variable(frame, name, _TARGET(one))
        self._variables = []
        try:
            is_cause = died and not audit().findings
        except NotCounted:
            is_cause = False
        return "it kept an object alive that has weak references or a finalizer" if is_cause else None


def _all_watched() -> List[Any]:
    """Weak references to all such objects."""
    found = []
    # The check's own generators end with it.
    has_finalizer: Dict[type, bool] = {types.GeneratorType: False}
    for one in gc.get_objects():
        kind = type(one)
        if issubclass(kind, weakref.ReferenceType):
            if _TARGET(one) is not None:
                found.append(one)
            continue
        if kind not in has_finalizer:
            # Without `hasattr`, which may run code of the type's own type.
            has_finalizer[kind] = inspect.getattr_static(kind, "__del__", None) is not None
        if has_finalizer[kind]:
            try:
                found.append(weakref.ref(one))
            except TypeError:
                pass
    return found


def _ended_frames(error: BaseException) -> List[types.FrameType]:
    """The frames that the error has left."""
    running = []
    frame: Optional[types.FrameType] = sys._getframe()
    while frame is not None:
        running.append(frame)
        frame = frame.f_back
    ended, traceback = [], error.__traceback__
    while traceback is not None:
        if traceback.tb_frame not in running:
            ended.append(traceback.tb_frame)
        traceback = traceback.tb_next
    return ended


def _is_own(name: str, code: types.CodeType) -> bool:
    """Whether only calls of one function use the variable. The variables of a module live on, and functions share cells."""
    return bool(code.co_flags & inspect.CO_OPTIMIZED) and name in code.co_varnames and name not in code.co_cellvars


def _set_variable(frame: types.FrameType, name: str, value: Any) -> None:
    frame.f_locals[name] = value
    if sys.version_info < (3, 13):
        # Up to 3.12 `f_locals` is a copy.
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
