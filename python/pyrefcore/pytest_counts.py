"""Whether a test failed because it, or C code that it called, looked at a reference count that the guard has raised."""

from __future__ import annotations

import re
from typing import Any, List, Optional

#: References that the guard holds to each object (`REFERENCES` in src/audit/pins.rs).
HELD = (1 << 20) + 7
#: More references than that has hardly anything that a test asks for.
MOST = 5000

_NUMBER = re.compile(r"(?<![\w.])\d{7,}(?![\w.])")


def cause(error: Optional[BaseException]) -> Optional[str]:
    """What shows that a count was the cause of an error, in a few words; None where nothing does."""
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
    """`ndarray.resize` refuses where there are more references than it expects, and others do so in such words."""
    text = _text(error)
    return type(error) in (ValueError, RuntimeError, BufferError, SystemError) and (
        ("resize" in text and "reference" in text) or "refcount" in text or "refcheck" in text or "reference count" in text
    )


def _held_number(error: Exception) -> Optional[int]:
    """A number in its text, or among the variables of the function that raised it, that only a guarded object's count is."""
    numbers = [int(text) for text in _NUMBER.findall(_text(error))[:100]]
    traceback: Any = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is not None:
        numbers += [one for one in list(traceback.tb_frame.f_locals.values()) if type(one) is int]
    for number in numbers:
        # Once by each of two checks, at most.
        if number >= HELD and number % HELD < MOST and number // HELD <= 2:
            return number
    return None


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Exception:
        return ""
