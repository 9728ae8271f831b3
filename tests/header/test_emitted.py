"""The libraries export each symbol of counting that a real Python.h declares, or that code compiled with it needs.

flavours/left_out.txt has the exceptions. What flavours/symbols.txt says about CPython is true of real CPythons.
"""

import pytest

from harness import pythons
from harness.commands import run
from harness.flavours import Flavour
from harness.plugin import chosen
from header_emitted import ASSERTIONS, OPTIMIZED, declared, emitted, least_minor, limited, public
from header_lists import Build, reasons, symbols, without_reason
from header_objects import exports

pytestmark = pytest.mark.tier("here")

# Prints the file that holds a CPython: a libpython, or the interpreter.
HOLDER = """import sys
with open("/proc/self/maps") as maps:
    files = [line.split(None, 5)[-1].rstrip("\\n") for line in maps]
print(([name for name in files if "/libpython" in name] + [sys.executable])[0])"""
EXCEPTIONS = "flavours/left_out.txt has the exceptions, with reasons"


def missing(library, wanted):
    """Says what the library lacks of the wanted symbols."""
    ours, left, name = exports(library.shared), reasons("left_out.txt"), library.flavour.name
    absent = [one for one in wanted if one not in ours and one not in left]
    other = [one for one in wanted if ours.get(one, wanted[one]) != wanted[one]]
    return ["%s is not exported by %s" % (one, name) for one in absent] + [
        "%s is exported by %s and is no %s" % (one, name, "function" if wanted[one] == "F" else "variable")
        for one in other
    ]


# ---- Headers ----


@pytest.mark.parametrize("flags", [OPTIMIZED, ASSERTIONS], ids=["optimized", "with-assertions"])
def test_the_library_exports_the_needs_of_compiled_code(library, python_h, flags):
    needed = emitted(python_h, *flags)
    assert needed.get("_Py_Dealloc") == "F", "nothing was emitted"
    assert not missing(library(python_h.flavour.name), needed), EXCEPTIONS


def test_the_library_exports_the_declarations_of_python_h(library, python_h):
    names = declared(python_h)
    assert names.get("Py_DecRef") == "F", "no declarations were found"
    assert not missing(library(python_h.flavour.name), names), EXCEPTIONS


def loaders(config, flavour, limit):
    """The chosen flavours that can load an extension which was compiled with that limit."""
    if flavour.switches:
        return [flavour.name]
    others = [Flavour(name) for name in chosen(config).flavours]
    return [one.name for one in others if not one.is_free_threaded and one.minor >= least_minor(limit)]


def test_each_library_exports_the_needs_of_code_of_a_limited_api(library, python_h, limit, pytestconfig):
    needed = emitted(python_h, *limited(python_h.flavour, limit), *OPTIMIZED)
    if needed is None:
        return
    assert needed.get("_Py_Dealloc") == "F", "nothing was emitted"
    for name in loaders(pytestconfig, python_h.flavour, limit):
        assert not missing(library(name), needed), EXCEPTIONS


def test_the_library_exports_the_declarations_of_a_limited_api(library, python_h, limit):
    options = limited(python_h.flavour, limit)
    if emitted(python_h, *options, *OPTIMIZED) is None:
        return
    names = declared(python_h, *options)
    assert names.get("Py_DecRef") == "F", "no declarations were found"
    assert not missing(library(python_h.flavour.name), names), EXCEPTIONS


def test_the_list_says_which_symbols_are_in_public_headers(python_h):
    flavour, found = python_h.flavour, public(python_h)
    ours = [one for one in symbols() if one.concerns(flavour)]
    hidden = [one.name for one in ours if one.is_public(flavour) is True and one.name not in found]
    assert not hidden, "no public header names them; flavours/symbols.txt should say why they are exported"
    shown = [one.name for one in ours if one.is_public(flavour) is False and one.name in found]
    assert not shown, "a public header names them; flavours/symbols.txt says that none does"


# ---- Libraries ----


def holder(host):
    return run([host.python, "-I", "-S", "-c", HOLDER]).strip()


def test_the_list_says_which_symbols_cpython_exports(cpython):
    build, theirs = Build(cpython.flavour), exports(holder(cpython))
    assert theirs.get("_Py_Dealloc") == "F", "its exports can't be read"
    concerned = [one for one in symbols() if one.concerns(build)]
    there = [one for one in concerned if one.is_in_cpython(build) is True]
    assert not [one.name for one in there if one.name not in theirs], "it doesn't export these"
    assert not [one.name for one in there if theirs[one.name] != one.kind], "these have the other kind there"
    absent = [one for one in concerned if one.is_in_cpython(build) is False]
    assert not [one.name for one in absent if one.name in theirs], "it exports these"


# ---- flavours/left_out.txt ----


def test_each_symbol_left_out_has_a_reason():
    assert not without_reason("left_out.txt")


def test_no_symbol_left_out_is_exported(library, flavour):
    ours = exports(library(flavour).shared)
    assert not [name for name in reasons("left_out.txt") if name in ours]


@pytest.mark.tier("all")
def test_each_symbol_left_out_is_in_a_header_or_a_library(python_h_of_all):
    wanted = set().union(*map(public, python_h_of_all), *(exports(holder(host)) for host in pythons.hosts()))
    assert not [name for name in reasons("left_out.txt") if name not in wanted], "no program needs these"
