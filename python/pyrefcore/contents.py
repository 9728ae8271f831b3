"""What a list, a tuple, a dict or a set holds: read from its memory, without iterating and without code of anybody's.

A container that C code has only begun to fill has empty places, and CPython's own iterators crash on those.
"""

from __future__ import annotations

import ctypes
import sysconfig
from os import O_RDONLY, close, open, pread
from typing import Any, Iterator, Optional, Tuple

#: Bytes of an object's head, and of what stands behind it in a container with a size.
_HEAD = object.__basicsize__
_WORD = ctypes.sizeof(ctypes.c_void_p)
#: Most places of a set that are looked at: it may have many more than elements.
_PLACES = 1 << 12
#: Most bytes of a capsule's name.
_NAME = 64

_next = ctypes.pythonapi["PyDict_Next"]
_next.argtypes = [ctypes.c_void_p] * 4
_next.restype = ctypes.c_int

#: The address of a place that holds an object, or none.
Place = int


class Nothing:
    """Stands for an object that can't be handed out; `text` says what is there instead."""

    def __init__(self, text: str) -> None:
        self.text = text


def word(address: int) -> int:
    """The word at an address that can be read."""
    return ctypes.c_size_t.from_address(address).value


def has_references(address: int) -> bool:
    """Whether an object has a reference. One without any is dying, and would do so again after a reference to it."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        local = ctypes.c_uint32.from_address(address + 12).value
        return local != 0 or ctypes.c_ssize_t.from_address(address + 16).value >> 2 != 0
    # From 3.12 on the count has 32 bits, in front; earlier no count is a multiple of 2^32.
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
        # Where an element was removed stands a mark, whose hash no element has.
        if word(place) and ctypes.c_ssize_t.from_address(place + _WORD).value != -1:
            yield place


def exports(thing: Any) -> int:
    """How many buffers of an exact bytearray were handed out and not released."""
    return ctypes.c_int.from_address(id(thing) + _HEAD + 4 * _WORD).value


def name_of_capsule(thing: Any) -> Optional[bytes]:
    """The name of a capsule; None where it has none. Raises OSError where its memory is gone."""
    address = word(id(thing) + _HEAD + _WORD)
    if not address:
        return None
    # The name belongs to C code, which may have given it back: read directly it could crash.
    memory = open("/proc/self/mem", O_RDONLY)
    try:
        return pread(memory, _NAME, address).split(b"\0")[0]
    except OverflowError:
        raise OSError("no address") from None
    finally:
        close(memory)
