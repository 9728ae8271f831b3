"""How far a long check is: one line on a terminal that is written again and again, nothing anywhere else."""

from __future__ import annotations

import contextlib
import sys
from typing import Callable, Iterator, Optional


@contextlib.contextmanager
def shown(name: str) -> Iterator[Optional[Callable[[str], None]]]:
    """A function that shows a short text, or None where standard error is no terminal. The line is gone at the end."""
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield None
        return

    def show(text: str) -> None:
        stream.write("\r\033[K%s: %s" % (name, text))
        stream.flush()

    try:
        yield show
    finally:
        stream.write("\r\033[K")
        stream.flush()
