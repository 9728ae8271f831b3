"""Finds out whether a test failed because it, or C code that it called, read a reference count that the guard had
raised."""

from __future__ import annotations

import re
from typing import Any, List, Optional

#: References that the guard holds to each object (`REFERENCES` in src/audit/walk/pinned.rs).
HELD = (1 << 20) + 7
#: A test hardly ever reads the count of an object with more references than this.
MOST = 5000

_NUMBER = re.compile(r"(?<![\w.])\d{7,}(?![\w.])")


def cause(error: Optional[BaseException]) -> Optional[str]:
    """The evidence that a count was the cause of an error, in a few words. None if there is no evidence."""
    seen: List[int] = []
    while isinstance(error, Exception) and id(error) not in seen:
        seen.append(id(error))
        if _is_refusal(error):
            return "%s: %s" % (type(error).__name__, " ".join(str(error).split()))
        number = _held_number(error)
        if number is not None:
            return "%s about the number %d" % (type(error).__name__, number)
        error = error.__cause__ or error.__context__
    return None


def _is_refusal(error: Exception) -> bool:
    """Whether the error says that there are too many references, as `ndarray.resize` and others do."""
    text = _text(error)
    return type(error) in (ValueError, RuntimeError, BufferError, SystemError) and (
        ("resize" in text and "reference" in text) or "refcount" in text or "refcheck" in text or "reference count" in text
    )


def _held_number(error: Exception) -> Optional[int]:
    """A number that only the count of a guarded object can be. It is looked for in the error's text, and among the
    variables of the function that raised the error."""
    numbers = [int(text) for text in _NUMBER.findall(_text(error))[:100]]
    traceback: Any = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is not None:
        numbers += [one for one in list(traceback.tb_frame.f_locals.values()) if type(one) is int]
    for number in numbers:
        # At most two checks hold an object, each once.
        if number >= HELD and number % HELD < MOST and number // HELD <= 2:
            return number
    return None


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Exception:
        return ""
