"""Lines of source files, for a reader."""

from __future__ import annotations

import os
import stat
from typing import Optional

from ..report.printable import short

#: Lines further down are not looked for.
_LAST = 1 << 17


def line(path: Optional[str], number: Optional[int]) -> Optional[str]:
    """One line of a regular file, without spaces around it. None if it can't be read, or is empty."""
    if not path or not number or number > _LAST:
        return None
    try:
        # The name comes from a library: it may be that of a pipe, which must not be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, encoding="utf-8", errors="backslashreplace", closefd=False) as file:
            for at, text in enumerate(file, 1):
                if at == number:
                    return short(text.strip()) or None
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return None
