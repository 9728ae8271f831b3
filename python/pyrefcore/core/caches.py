"""Brings caches that fill and empty as code runs to the same state before each snapshot."""

from __future__ import annotations

import functools
import sys
from gc import collect
from typing import Any, Callable


@functools.lru_cache(maxsize=None)
def warm() -> None:
    """Fills caches that CPython fills at first use: short strings, short bytes, small integers. They stay filled."""
    every = bytes(range(256))
    for number in range(256):
        every[number : number + 1]
        chr(number)


def clear(oldest: int = 2) -> None:
    """Empties the caches that `regrtest -R` empties, if a program can't notice it, and collects garbage up to that
    generation.

    regrtest also resets things that programs notice: pointer types of ctypes, known MIME types, installed URL openers,
    warning filters, source lines of generated code. These stay. They are in Python containers, and references from
    containers are visible anyway.
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
        # A finalizer may leave new garbage.
        if collect(oldest):
            collect(oldest)
    except Exception:
        # The `tp_traverse` of some C type has raised the exception.
        pass
    _clear_internal()


def _of(module: str, *names: str) -> None:
    """Calls the function with this path of names in a module, if the module is already imported and has it."""
    found: Any = sys.modules.get(module)
    for name in names:
        found = getattr(found, name, None)
    _quietly(found)


def _quietly(function: Any) -> None:
    if function is not None:
        try:
            function()
        except Exception:
            # If a cache can't be emptied, or a stream is closed, windows are only less quiet.
            pass


# The type cache keeps attribute names and types. From 3.13 on, the function that empties it has a newer name.
_clear_internal: Callable[[], None]
if sys.version_info >= (3, 13):
    _clear_internal = sys._clear_internal_caches
else:
    _clear_internal = sys._clear_type_cache
