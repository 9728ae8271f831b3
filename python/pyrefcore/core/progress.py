"""Shows the progress of a long check: on a terminal, in one line that is overwritten; elsewhere, not at all."""

from __future__ import annotations

import contextlib
import sys
from typing import Callable, Iterator, Optional


@contextlib.contextmanager
def shown(name: str) -> Iterator[Optional[Callable[[str], None]]]:
    """A function that shows a short text, or None if standard error is no terminal. The line is erased at the end."""
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
