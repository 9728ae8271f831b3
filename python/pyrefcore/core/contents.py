"""Reads what a list, a tuple, a dict or a set holds from its memory, without iterating and without running code of any
type.

A container that C code has only begun to fill has empty places. CPython's own iterators crash on those.
"""

from __future__ import annotations

import ctypes
import sysconfig
from os import O_RDONLY, close, open, pread
from typing import Any, Iterator, Optional, Tuple

#: Bytes of an object's head, and of a machine word.
_HEAD = object.__basicsize__
_WORD = ctypes.sizeof(ctypes.c_void_p)
#: The most places of a set that are read. A set may have many more places than elements.
_PLACES = 1 << 12
#: The most bytes that are read of a capsule's name.
_NAME = 64

_next = ctypes.pythonapi["PyDict_Next"]
_next.argtypes = [ctypes.c_void_p] * 4
_next.restype = ctypes.c_int

#: The address of a pointer to an object. The pointer may be null.
Place = int


class Nothing:
    """Stands for an object that can't be used; `text` describes it."""

    def __init__(self, text: str) -> None:
        self.text = text


def word(address: int) -> int:
    """The word at an address that can be read."""
    return ctypes.c_size_t.from_address(address).value


def has_references(address: int) -> bool:
    """Whether an object has a reference. An object without one is dying. A new reference to it, once released, would
    end it again."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        local = ctypes.c_uint32.from_address(address + 12).value
        return local != 0 or ctypes.c_ssize_t.from_address(address + 16).value >> 2 != 0
    # The low 32 bits of the count. From 3.12 on there are no others; earlier no count is a multiple of 2^32.
    return ctypes.c_uint32.from_address(address + _HEAD - 2 * _WORD).value != 0


def type_of(address: int) -> int:
    """The address of an object's type."""
    return word(address + _HEAD - _WORD)


def look(place: Place) -> Any:
    """The object in a place, or a `Nothing`."""
    address = word(place)
    if not address:
        return Nothing("<NULL>")
    if not has_references(address):
        return Nothing("<object without references at 0x%x>" % address)
    return ctypes.py_object.from_address(place).value


def at(address: int) -> Any:
    """The object at an address, or a `Nothing`."""
    place = ctypes.c_void_p(address)
    return look(ctypes.addressof(place))


def items(thing: Any) -> Iterator[Place]:
    """The places of an exact list or tuple."""
    if type(thing) is tuple:
        first = id(thing) + tuple.__basicsize__
    else:
        first = word(id(thing) + _HEAD + _WORD)
    for index in range(len(thing) if first else 0):
        yield first + index * _WORD


def pairs(thing: Any) -> Iterator[Tuple[Place, Place]]:
    """The places of the keys and values of an exact dict."""
    position, key, value = ctypes.c_ssize_t(), ctypes.c_void_p(), ctypes.c_void_p()
    at = [ctypes.addressof(one) for one in (position, key, value)]
    while _next(id(thing), *at):
        yield at[1], at[2]


def elements(thing: Any) -> Iterator[Place]:
    """The places of the elements of an exact set or frozenset."""
    mask, table = (word(id(thing) + _HEAD + index * _WORD) for index in (2, 3))
    for index in range(min(mask + 1, _PLACES) if table else 0):
        place = table + index * 2 * _WORD
        # A removed element leaves a mark whose hash, -1, no element has.
        if word(place) and ctypes.c_ssize_t.from_address(place + _WORD).value != -1:
            yield place


def exports(thing: Any) -> int:
    """The number of buffers of an exact bytearray that were exported and not released."""
    return ctypes.c_int.from_address(id(thing) + _HEAD + 4 * _WORD).value


def name_of_capsule(thing: Any) -> Optional[bytes]:
    """The name of a capsule; None if it has none. Raises OSError if the memory of the name is gone."""
    address = word(id(thing) + _HEAD + _WORD)
    if not address:
        return None
    # The name belongs to C code, which may have freed it. A direct read could crash.
    memory = open("/proc/self/mem", O_RDONLY)
    try:
        return pread(memory, _NAME, address).split(b"\0")[0]
    except OverflowError:
        raise OSError("no address") from None
    finally:
        close(memory)
