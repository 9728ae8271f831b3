"""The hook by which a tool traces new threads."""

from __future__ import annotations

import threading


class ThreadsHook:
    """Switches off the hook that traces new threads. A tool such as coverage.py keeps data of each thread where the
    audit can't see them."""

    def __init__(self) -> None:
        self._hook = getattr(threading, "_trace_hook", None)

    def take(self) -> None:
        if self._hook is not None:
            threading.settrace(None)  # type: ignore[arg-type]

    def put_back(self) -> None:
        # A hook that the function has set stays.
        if self._hook is not None and getattr(threading, "_trace_hook", None) is None:
            threading.settrace(self._hook)
