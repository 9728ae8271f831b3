"""The functions and structs of the shared library, through ctypes with the GIL held. It has no policy, only names and
types."""

from __future__ import annotations

import ctypes
import functools
import glob
import importlib.machinery
import os
import re
import sys
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_ssize_t, c_uint, c_void_p
from typing import Any

from ..support import NotSupported
from . import host

#: The variable that names the library, if it is not beside this file.
VARIABLE = "PYREFCORE_LIBRARY"

LEAK = 1
OVER_RELEASE = 2
UNSTEADY = 3
GROWTH = 4
MEMORY = 5


class Frame(ctypes.Structure):
    _fields_ = [
        ("address", c_size_t),
        ("function", c_char_p),
        ("file", c_char_p),
        ("line", c_uint),
        ("library", c_char_p),
        ("offset", c_size_t),
    ]


class Example(ctypes.Structure):
    _fields_ = [("object", c_void_p), ("refcount", c_ssize_t), ("explained", c_ssize_t), ("died", c_int), ("bytes", c_size_t)]


class Folded(ctypes.Structure):
    _fields_ = [("type_name", c_char_p), ("objects", c_ssize_t)]


class Finding(ctypes.Structure):
    _fields_ = [
        ("kind", c_int),
        ("ob_type", c_void_p),
        ("type_name", c_char_p),
        ("windows", c_size_t),
        ("references", POINTER(c_ssize_t)),
        ("objects", POINTER(c_ssize_t)),
        ("examples_count", c_size_t),
        ("examples", POINTER(Example)),
        ("folded_count", c_size_t),
        ("folded", POINTER(Folded)),
        ("blocks", POINTER(c_ssize_t)),
        ("bytes", POINTER(c_ssize_t)),
    ]


class Culprit(ctypes.Structure):
    _fields_ = [("delta", c_int), ("what", c_int), ("rule", c_int)]


class Edge(ctypes.Structure):
    _fields_ = [("source", c_void_p), ("target", c_void_p)]


# The library calls these back while the GIL is held; so they are made with PYFUNCTYPE.
FRAME_VISITOR = ctypes.PYFUNCTYPE(c_int, POINTER(Frame), c_void_p)
EDGE_VISITOR = ctypes.PYFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p)

# Objects and snapshots are passed as addresses: ctypes must neither hold nor count them.
_PROTOTYPES = {
    "pyrefcore_flavour": (c_char_p, []),
    "pyrefcore_audit_attach": (c_char_p, []),
    "pyrefcore_audit_detach": (c_int, []),
    "pyrefcore_audit_is_attached": (c_int, []),
    "pyrefcore_audit_births": (c_int, [c_int]),
    "pyrefcore_audit_births_of": (None, [c_void_p]),
    "pyrefcore_audit_quarantine": (c_int, [c_int]),
    "pyrefcore_audit_zeroing": (c_int, [c_int]),
    "pyrefcore_audit_memory": (c_int, [c_int]),
    "pyrefcore_birth_stack": (c_int, [c_void_p, FRAME_VISITOR, c_void_p]),
    "pyrefcore_first_used_stack": (c_int, [c_void_p, FRAME_VISITOR, c_void_p]),
    "pyrefcore_birth_line": (c_int, [c_void_p, FRAME_VISITOR, c_void_p]),
    "pyrefcore_memory_stack": (c_int, [c_void_p, FRAME_VISITOR, c_void_p]),
    "pyrefcore_memory_line": (c_int, [c_void_p, FRAME_VISITOR, c_void_p]),
    "pyrefcore_snapshot_take": (c_void_p, []),
    "pyrefcore_snapshot_drop": (None, [c_void_p]),
    # The argument is the address for the new snapshot. So no interrupt can come between the call and the store of its
    # result.
    "pyrefcore_snapshot_try": (c_char_p, [c_void_p]),
    "pyrefcore_snapshot_clear": (None, [c_void_p]),
    "pyrefcore_snapshot_objects": (c_size_t, [c_void_p]),
    "pyrefcore_snapshot_references": (c_size_t, [c_void_p]),
    "pyrefcore_snapshot_c_heap": (c_ssize_t, [c_void_p]),
    "pyrefcore_snapshot_pin": (c_size_t, [c_void_p]),
    "pyrefcore_snapshot_unpin": (None, [c_void_p]),
    "pyrefcore_guard_look": (c_int, []),
    "pyrefcore_guard_why_not": (c_char_p, []),
    "pyrefcore_guard_allow": (None, [c_size_t]),
    "pyrefcore_guard_held": (c_size_t, []),
    "pyrefcore_guard_lost": (c_size_t, []),
    "pyrefcore_guard_c_heap": (c_ssize_t, []),
    "pyrefcore_guard_end": (None, []),
    # An address here, too. For an array of another length ctypes makes another type, in the middle of a check.
    "pyrefcore_compare": (c_void_p, [c_void_p, c_size_t]),
    "pyrefcore_is_quiet": (c_int, [c_void_p, c_void_p]),
    "pyrefcore_over_released": (c_void_p, [c_void_p]),
    "pyrefcore_findings_count": (c_size_t, [c_void_p]),
    "pyrefcore_findings_get": (POINTER(Finding), [c_void_p, c_size_t]),
    "pyrefcore_findings_drop": (None, [c_void_p]),
    "pyrefcore_who_open": (c_char_p, []),
    "pyrefcore_who_begin": (c_char_p, []),
    "pyrefcore_who_end": (c_char_p, []),
    "pyrefcore_who_watch": (c_char_p, [POINTER(c_void_p), c_size_t]),
    "pyrefcore_who_judge": (c_size_t, [c_size_t, c_int, c_int, POINTER(Culprit), c_size_t]),
    "pyrefcore_who_frames": (c_int, [c_size_t, FRAME_VISITOR, c_void_p]),
    "pyrefcore_who_close": (None, []),
    "pyrefcore_neighbours": (c_size_t, [POINTER(c_void_p), c_size_t, c_size_t, POINTER(Edge)]),
    "pyrefcore_edges_drop": (None, [POINTER(Edge), c_size_t]),
    "pyrefcore_referrers": (c_int, [POINTER(c_void_p), c_size_t, EDGE_VISITOR, c_void_p]),
    "pyrefcore_referents": (c_int, [c_void_p, EDGE_VISITOR, c_void_p]),
}


def path() -> str:
    """The library's file: the one that PYREFCORE_LIBRARY names, or the one in this package. Raises NotSupported.

    The variable is ignored in a program with more rights than its user, such as a set-user-id program.
    """
    named = None if _has_more_rights() else os.environ.get(VARIABLE)
    if named:
        if not os.path.isfile(named):
            raise NotSupported("%s names %s, which is no file" % (VARIABLE, named))
        return named
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    mine = os.path.join(here, "libpyrefcore" + importlib.machinery.EXTENSION_SUFFIXES[0])
    if os.path.isfile(mine):
        return mine
    # `library` refuses a file that was built for another Python.
    found = sorted(glob.glob(os.path.join(glob.escape(here), "libpyrefcore*.so*")))
    if not found:
        raise NotSupported(
            "the package pyrefcore holds no library here; install its wheel, or set %s to libpyrefcore.so" % VARIABLE
        )
    return found[0]


def _has_more_rights() -> bool:
    # AT_SECURE in <elf.h>.
    at_secure = 23
    ask = ctypes.CDLL(None).getauxval
    ask.restype, ask.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
    return bool(ask(at_secure))


@functools.lru_cache(maxsize=None)
def library() -> Any:
    """The library, loaded once, with every function's types set. Raises NotSupported if it can't be used."""
    file = path()
    # The file name may give the flavour before the library is loaded. Afterwards the library itself gives it.
    named = re.match(r"libpyrefcore-(cp.+?)\.so", os.path.basename(os.path.realpath(file)))
    if named:
        _compare_flavours(named.group(1))
    try:
        loaded = ctypes.PyDLL(file)
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(loaded, name)
            function.restype = result
            function.argtypes = arguments
    except (OSError, AttributeError) as error:
        raise NotSupported("%s can't be used: %s" % (file, error)) from None
    _compare_flavours(loaded.pyrefcore_flavour().decode("ascii", "replace"))
    return loaded


def _compare_flavours(theirs: str) -> None:
    ours = host.flavour()
    if theirs != ours:
        raise NotSupported(
            "this pyrefcore was built for %s, and this Python is %s: install the pyrefcore that belongs to %s"
            % (theirs, ours, sys.executable or "this Python")
        )
