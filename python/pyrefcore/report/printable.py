"""Makes text printable. A character that breaks a line, moves the cursor or can't be encoded becomes an escape."""

from __future__ import annotations

#: The longest name that is shown, in characters.
LONGEST = 300


def printable(text: str) -> str:
    """The text in printable characters, with Python's escapes for all others. Runs no code of a subclass of str."""
    exact = str.__str__(text)
    return exact if exact.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in exact)


def short(text: str, longest: int = LONGEST) -> str:
    """The printable text, cut to at most `longest` characters."""
    # An escape is longer than its character, so later characters would not be shown.
    shown = printable(str.__str__(text)[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def decoded(text: bytes) -> str:
    """A name from C, which is usually UTF-8."""
    return short(text[: LONGEST + 1].decode("utf-8", "backslashreplace"))
