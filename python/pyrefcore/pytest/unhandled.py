"""What pytest has caught of exceptions that no code handles, in threads and finalizers, and has not shown yet."""

from __future__ import annotations

import sys
import threading
from typing import Any, List

#: From pytest 8.4 on: the modules, and the names of the keys under which the configuration keeps a queue.
_QUEUES = (("_pytest.threadexception", "thread_exceptions"), ("_pytest.unraisableexception", "unraisable_exceptions"))
#: Before: the types of the objects that catch, and the attribute in which each keeps the last exception.
_CATCHERS = {"catch_threading_exception": "args", "catch_unraisable_exception": "unraisable"}


class Unhandled:
    """Made before the first run. `take` removes what was caught since then."""

    def __init__(self, config: Any) -> None:
        stash = getattr(config, "stash", {})
        keys = [getattr(sys.modules.get(module), name, None) for module, name in _QUEUES]
        self._queues = [stash[key] for key in keys if key is not None and key in stash]
        self._lengths = [len(queue) for queue in self._queues]
        hooks = [getattr(threading, "excepthook", None), sys.unraisablehook]
        catchers = [getattr(hook, "__self__", None) for hook in hooks]
        self._catchers = [one for one in catchers if type(one).__name__ in _CATCHERS]
        self._before = [_caught(one) for one in self._catchers]

    def take(self) -> List[List[Any]]:
        """Removes what was caught, and returns it. Empty for nothing."""
        taken: List[List[Any]] = []
        for length, queue in zip(self._lengths, self._queues):
            taken.append([queue.pop() for _ in range(len(queue) - length)][::-1])
        for before, catcher in zip(self._before, self._catchers):
            caught = _caught(catcher)
            taken.append([] if caught is before else [caught])
            setattr(catcher, _CATCHERS[type(catcher).__name__], before)
        return taken if any(taken) else []

    def put_back(self, taken: List[List[Any]]) -> None:
        """Adds what `take` returned."""
        for queue, caught in zip(self._queues, taken):
            queue.extend(caught)
        for before, catcher, one in zip(self._before, self._catchers, taken[len(self._queues) :]):
            if one and _caught(catcher) is before:
                setattr(catcher, _CATCHERS[type(catcher).__name__], one[0])


def _caught(catcher: Any) -> Any:
    return getattr(catcher, _CATCHERS[type(catcher).__name__], None)
