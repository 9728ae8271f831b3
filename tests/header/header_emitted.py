"""The symbols of counting that a Python.h declares, and those that code compiled with it needs."""

import functools
import os
import re
import tempfile

from harness import flavours
from harness.commands import run
from header_names import CC, preprocessed
from header_objects import undefined

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "emitted.c")
# Names that concern counting. A Python.h declares about 1300 other names.
COUNTING = re.compile(
    "[Rr]ef(cnt|count|Total|erence|Tracer)|REFCNT|IncRef|DecRef|INCREF|DECREF|NewRef|Dealloc|Trash|Immortal|Finalizer"
    "|[Tt]race[Mm]alloc|_AssertFailed|Unique|AllObjects|PyObject_(New|Init)|TotalRefs|LocalRefcount|GetThreadLocal"
    "|ClearWeakRefsNo|GetObjects|_(inc|dec)_count|^Py_(Is|TYPE|SIZE|IS_|SET_)"
)
OPTIMIZED, ASSERTIONS = ("-O2", "-DNDEBUG"), ("-O0",)


def limits(flavour):
    """Py_LIMITED_API of each version up to the flavour's, and one between two versions.

    That of 3.11 counts as that of 3.10 does."""
    minors = {flavours.Flavour(name).minor for name in flavours.names()} - {11}
    every = ["0x030A00A7"] + ["0x03%02X0000" % minor for minor in sorted(minors)]
    return [limit for limit in every if least_minor(limit) <= flavour.minor]


def least_minor(limit):
    return int(limit, 16) >> 16 & 0xFF


def limited(flavour, limit):
    """The compiler's options for a limited API."""
    opaque = ["-DOPAQUE_OBJECTS"] if flavour.is_free_threaded else []
    return tuple(["-DPy_LIMITED_API=" + limit] + opaque)


@functools.lru_cache(maxsize=None)
def emitted(python_h, *options):
    """The undefined symbols of emitted.c, with their kinds. None if the headers refuse such a compilation."""
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "emitted.o")
        command = [*CC, "-c", "-fPIC", "-w", *python_h.options, *options, SOURCE, "-o", target]
        text = run(command, status=None)
        if os.path.exists(target):
            return undefined(target)
    # Debug builds and free-threaded builds of some versions have no limited API.
    assert "#error" in text and python_h.flavour.switches, text
    return None


@functools.lru_cache(maxsize=None)
def declared(python_h, *options):
    """The functions and variables of counting that a Python.h declares, with their kinds."""
    marks = ["-DPyAPI_FUNC(T)=PYREFCORE_FUNCTION T", "-DPyAPI_DATA(T)=PYREFCORE_DATA T"]
    text = preprocessed(CC, "#include <Python.h>\n", "-P", *marks, *python_h.options, *options).replace("\n", " ")
    found = {}
    for kind, part in re.findall(r"PYREFCORE_(FUNCTION|DATA) (.*?)(?=PYREFCORE_|$)", text):
        pattern = r"(_?Py\w*) *\(" if kind == "FUNCTION" else r"(\w+) *(?:\[[^]]*\])* *;"
        name = re.search(pattern, part)
        if name and COUNTING.search(name.group(1)):
            found[name.group(1)] = kind[0]
    return found


@functools.lru_cache(maxsize=None)
def public(python_h):
    """All symbols of counting that a Python.h declares or its code needs, with and without limits."""
    found = {*emitted(python_h, *OPTIMIZED), *emitted(python_h, *ASSERTIONS), *declared(python_h)}
    for limit in limits(python_h.flavour):
        options = limited(python_h.flavour, limit)
        needed = emitted(python_h, *options, *OPTIMIZED)
        if needed is not None:
            found.update(needed, declared(python_h, *options))
    return found
