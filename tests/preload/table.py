"""Calls of the library from the tested Python, and the classes of the test objects."""

import ctypes
import gc
import sys

LIBRARY = sys.argv[1]
VISIT_TYPE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p)
VISIT_OBJECT = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

core = None
if LIBRARY != "-":
    core = ctypes.PyDLL(LIBRARY)
    core.pyrefcore_mark.restype = ctypes.c_uint64
    core.pyrefcore_live_count.restype = ctypes.c_ssize_t
    core.pyrefcore_live_count.argtypes = [ctypes.c_uint64]
    core.pyrefcore_live_types.argtypes = [ctypes.c_uint64, VISIT_TYPE, ctypes.c_void_p]
    core.pyrefcore_live_visit.argtypes = [ctypes.c_uint64, VISIT_OBJECT, ctypes.c_void_p]
    core.pyrefcore_births.restype = core.pyrefcore_deaths.restype = ctypes.c_uint64


def types(since=0):
    """The number of live objects of each type."""
    found = {}

    def visit(name, objects, _):
        name = name.decode() if name else "?"
        found[name] = found.get(name, 0) + objects
        return 0

    assert core.pyrefcore_live_types(since, VISIT_TYPE(visit), None) == 0
    return found


def addresses(since=0):
    """The addresses of the live objects."""
    room = (ctypes.c_size_t * (core.pyrefcore_live_count(since) + 100000))()
    used = [0]

    def visit(op, _):
        room[used[0]] = op
        used[0] += 1
        return 0

    assert core.pyrefcore_live_visit(since, VISIT_OBJECT(visit), None) == 0
    return set(room[:used[0]])


def quiet():
    """Makes the objects that are only made once, so that they are not made later."""
    for _ in range(3):
        types(core.pyrefcore_mark())
        gc.collect()


class Thing:
    pass


class Slotted:
    __slots__ = ("a", "__weakref__")


class Text(str):
    pass
