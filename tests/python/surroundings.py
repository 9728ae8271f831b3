"""The state of a process that a check must leave unchanged."""

import ctypes
import gc
import os
import signal
import sys
import threading
import warnings

#: Pins would raise the object's count.
SENTINEL = [object()]


class Allocator(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("ctx", "malloc", "calloc", "realloc", "free")]


def _allocator(domain):
    found = Allocator()
    ctypes.pythonapi.PyMem_GetAllocator(domain, ctypes.byref(found))
    return [getattr(found, name) for name, _ in Allocator._fields_]


def _switch(function):
    """The state of a switch of the library: switches it off, and on again if it was on."""
    was_on = function(0)
    if was_on:
        function(was_on)
    return was_on


def state():
    """The state by name, for `changed`."""
    from pyrefcore import attached
    from pyrefcore.core import native

    core = native.library()
    return {
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_debug(), list(gc.callbacks)),
        "tracing": (sys.gettrace(), sys.getprofile()),
        "thread tracing": (threading._trace_hook, threading._profile_hook),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "signals": [signal.getsignal(one) for one in signal.Signals],
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "streams": [sys.stdin, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__],
        "hooks": [sys.excepthook, sys.displayhook, sys.unraisablehook, sys.breakpointhook, threading.excepthook],
        "interval": sys.getswitchinterval(),
        "recursion": sys.getrecursionlimit(),
        "descriptors": sorted(os.listdir("/proc/self/fd")),
        "folder": os.getcwd(),
        "allocators": [_allocator(domain) for domain in range(3)],
        "births": _switch(core.pyrefcore_audit_births),
        "quarantine": _switch(core.pyrefcore_audit_quarantine),
        "memory": _switch(core.pyrefcore_audit_memory),
        "pins": sys.getrefcount(SENTINEL[0]),
        "attached": attached(),
    }


def changed(before):
    """The parts of the state that have changed, by name."""
    now = state()
    return {name: (before[name], now[name]) for name in now if before[name] != now[name]}
