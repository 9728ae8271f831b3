"""The checks of a process take turns: the changes that one makes would show in the numbers of another."""

from __future__ import annotations

import os
import threading
import time
from typing import Optional

#: The most seconds that a check waits for another. That one may itself be waiting for this one.
PATIENCE = 30.0
#: The seconds between two turns.
_SETTLING = 0.01


class Turn:
    """The turn of one check. A check within a check of the same thread has the turn of the outer one."""

    _lock = threading.RLock()
    #: The check that has the turn, and the one that another check has waited for in vain.
    _owner: Optional[Turn] = None
    _slow: Optional[Turn] = None

    def __init__(self) -> None:
        #: Whether no check of another thread runs.
        self.is_alone = False
        self._outer: Optional[Turn] = None

    def take(self) -> None:
        """Waits for the turn, but not for ever, and for the same check only once."""
        is_slow = Turn._slow is not None and Turn._slow is Turn._owner
        self.is_alone = Turn._lock.acquire(blocking=False)
        if not self.is_alone and not is_slow:
            self.is_alone = Turn._lock.acquire(timeout=PATIENCE)
            # The thread that had the turn may end now, and what it held dies with it.
            time.sleep(_SETTLING)
        if self.is_alone:
            self._outer, Turn._owner = Turn._owner, self
        else:
            Turn._slow = Turn._owner

    def give(self) -> None:
        """Lets the next check begin."""
        if self.is_alone:
            self.is_alone = False
            Turn._owner, self._outer, Turn._slow = self._outer, None, None
            Turn._lock.release()


def _reset() -> None:
    """A child process does not have the thread that had the turn."""
    Turn._lock, Turn._owner, Turn._slow = threading.RLock(), None, None


os.register_at_fork(after_in_child=_reset)
