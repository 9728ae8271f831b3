"""Finds out whether a test failed because the guard kept an object alive."""

from __future__ import annotations

import ctypes
import gc
import inspect
import sys
import types
import weakref
from typing import Any, Dict, Iterator, List, Set

from ..core import host
from .counts import HELD

#: A failed test hardly ever holds an object more often.
_MOST = 16
#: The attributes by which generators lead to their frames, while these go on.
_FRAMES = ("gi_frame", "cr_frame", "ag_frame")


def is_one_put_off(error: BaseException) -> bool:
    """Whether an object that is older than the run would be dead without the guard, and the program may notice: the object
    has weak references or a finalizer. Call it while the guard holds.

    The test may have got the object from a weak reference. So references from errors, and from the frames that they have
    left, do not count.
    """
    if host.is_free_threaded_build():
        # There the guard holds nothing.
        return False
    everything = gc.get_objects()
    left = list(_left_by(error, _going_on(everything)))
    # How many references an object has that only this list holds.
    everything.insert(0, object())
    least = 0
    has_finalizer: Dict[type, bool] = {}
    for one in everything:
        # While the guard holds, this leaves its references out.
        rest = sys.getrefcount(one) - least
        if not least:
            least = rest
        elif rest <= _MOST and ctypes.c_int.from_address(id(one)).value >= HELD:
            kind = type(one)
            if kind not in has_finalizer:
                # Without `hasattr`, which may run code of the type's own type.
                has_finalizer[kind] = inspect.getattr_static(kind, "__del__", None) is not None
            may_show = has_finalizer[kind] or weakref.getweakrefcount(one) > 0
            if may_show and rest == sum(held is one for holder in left for held in gc.get_referents(holder)):
                return True
    return False


def _going_on(everything: List[Any]) -> Set[int]:
    """The addresses of the frames that run, or are suspended."""
    going_on: Set[int] = set()
    frame = sys._getframe()
    while frame is not None:
        going_on.add(id(frame))
        frame = frame.f_back  # type: ignore[assignment]
    generators = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
    for one in everything:
        if type(one) in generators:
            going_on.update(id(getattr(one, name, None)) for name in _FRAMES)
    return going_on


def _left_by(error: BaseException, seen: Set[int]) -> Iterator[Any]:
    """The error, those that caused it, and the frames that they have left for good. `seen` has addresses."""
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if id(frame) not in seen:
            seen.add(id(frame))
            yield frame
            if sys.version_info < (3, 13) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
                # A copy of the variables, which the frame keeps. pytest's `assert` may have made it already.
                yield frame.f_locals
        traceback = traceback.tb_next
    group = getattr(error, "exceptions", ())
    for other in (error.__cause__, error.__context__, *(group if isinstance(group, tuple) else ())):
        if isinstance(other, BaseException):
            yield from _left_by(other, seen)
