"""Arguments of `check` that make no sense."""

from __future__ import annotations

import inspect
from typing import Callable, Optional

from .safe_repr import safe_repr

# A call of such a function runs none of its code.
_ONLY_BEGUN = (
    (inspect.iscoroutinefunction, "a coroutine function"),
    (inspect.isgeneratorfunction, "a generator function"),
    (inspect.isasyncgenfunction, "an asynchronous generator function"),
)


def refuse(fn: Callable[[], object], runs: int, warmup: Optional[int], windows: int) -> None:
    """Raises TypeError or ValueError for them."""
    if not callable(fn):
        raise TypeError("check needs something that can be called without arguments, not %s" % safe_repr(fn))
    code = fn if inspect.isroutine(fn) else getattr(type(fn), "__call__", fn)
    for is_one, kind in _ONLY_BEGUN:
        if is_one(getattr(fn, "func", fn)) or is_one(code):
            raise TypeError("%s is %s; check a function that runs it to its end" % (safe_repr(fn), kind))
    for argument, value in (("runs", runs), ("windows", windows), ("warmup", warmup or 0)):
        if not isinstance(value, int):
            raise TypeError("%s is %s, and has to be an int" % (argument, safe_repr(value)))
    if runs < 1:
        raise ValueError("runs is %d, and a window needs at least 1" % runs)
    if windows < 2:
        raise ValueError("windows is %d, and growth can be compared in at least 2" % windows)
    if warmup is not None and warmup < 0:
        raise ValueError("warmup is %d, and can't be negative" % warmup)
