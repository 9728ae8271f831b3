"""Caches that fill and empty as code runs, brought to the same state before each snapshot."""

from __future__ import annotations

import sys
from gc import collect
from typing import Any, Callable


def warm() -> None:
    """Fills what CPython fills at first use: short strings, short bytes, small integers."""
    every = bytes(range(256))
    for number in range(256):
        every[number : number + 1]
        chr(number)


def clear(oldest: int = 2) -> None:
    """Empties what `regrtest -R` empties, as far as a program can't tell, and collects garbage up to that generation.

    What regrtest also resets, although programs notice (pointer types of ctypes, known MIME types, installed URL
    openers, warning filters, source lines of generated code), stays: those are Python containers, and what a
    container holds is visible anyway.
    """
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        _quietly(getattr(stream, "flush", None))
    _of("re", "purge")
    _of("_strptime", "_regex_cache", "clear")
    _of("urllib.parse", "clear_cache")
    _of("filecmp", "_cache", "clear")
    _of("struct", "_clearcache")
    _of("fractions", "_hash_algorithm", "cache_clear")
    _of("inspect", "_shadowed_dict_from_weakref_mro_tuple", "cache_clear")
    _of("importlib.metadata", "FastPath", "__new__", "cache_clear")
    for cleanup in getattr(sys.modules.get("typing"), "_cleanups", ()):
        _quietly(cleanup)
    try:
        # A finalizer may leave garbage of its own.
        if collect(oldest):
            collect(oldest)
    except Exception:
        # Some C type's `tp_traverse` has raised it.
        pass
    _clear_internal()


def _of(module: str, *names: str) -> None:
    """Calls what a module that is already imported has under these names, if it has it."""
    found: Any = sys.modules.get(module)
    for name in names:
        found = getattr(found, name, None)
    _quietly(found)


def _quietly(function: Any) -> None:
    if function is not None:
        try:
            function()
        except Exception:
            # A cache that can't be emptied, or a stream that is closed, is only less quiet.
            pass


# Attribute names and types are parked in the type cache. From 3.13 on there is a newer name for emptying it.
_clear_internal: Callable[[], None]
if sys.version_info >= (3, 13):
    _clear_internal = sys._clear_internal_caches
else:
    _clear_internal = sys._clear_type_cache
