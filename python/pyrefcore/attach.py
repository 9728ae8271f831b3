"""Seeing every object that is made from now on: the library's hook in the interpreter's allocator."""

from __future__ import annotations

from . import native
from .native import NotSupported


def attach() -> None:
    """Begins to watch which blocks of memory hold objects; twice is fine. Raises NotSupported with the reason."""
    why_not = native.library().pyrefcore_audit_attach()
    if why_not is not None:
        raise NotSupported(why_not.decode("utf-8", "replace"))


def detach() -> bool:
    """Stops watching. False where somebody else's allocator stands in front, and the hook stays as a passage."""
    return bool(native.library().pyrefcore_audit_detach() == 0)


def attached() -> bool:
    """Whether objects are being watched; False as well where they can't be."""
    try:
        return bool(native.library().pyrefcore_audit_is_attached())
    except NotSupported:
        return False
