"""Text that stays where it is written: what breaks a line, moves the cursor or can't be encoded stands as an escape."""

from __future__ import annotations

#: A name that is longer says no more.
LONGEST = 300


def printable(text: str) -> str:
    """The text in printable characters, as Python's own escapes where it has others. Runs no code of a subclass."""
    exact = str.__str__(text)
    return exact if exact.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in exact)


def short(text: str, longest: int = LONGEST) -> str:
    """The same in at most so many characters."""
    # An escape is longer than its character, so no more than these can be of use.
    shown = printable(str.__str__(text)[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def decoded(text: bytes) -> str:
    """A name from C, of which UTF-8 is only the custom."""
    return short(text[: LONGEST + 1].decode("utf-8", "backslashreplace"))
