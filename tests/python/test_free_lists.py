"""During a check, dead objects that CPython would put into a free list are held back like all others."""

import pytest
from conftest import program
from test_over_release import DEAD, holds_back

pytestmark = pytest.mark.usefixtures("attached")

PARKED = {
    "list": "lambda: [1, Thing()]",
    "dict": "lambda: {1: Thing()}",
    "tuple": "lambda: (1, Thing())",
    "float": "lambda: float('1.5')",
    "complex": "lambda: complex('1j')",
    "int": "lambda: int('123456')",
    "slice": "lambda: slice(1, Thing())",
    "method": "lambda: types.MethodType(print, Thing())",
    "builtin_function_or_method": "lambda: [].append",
    "Context": "contextvars.Context",
    "list_iterator": "lambda: iter([1])",
    "tuple_iterator": "lambda: iter((1, Thing()))",
}


@pytest.mark.slow
@holds_back
@pytest.mark.parametrize("kind", sorted(PARKED))
def test_an_over_release_of_an_object_that_dies_in_the_same_run_is_found(kind):
    out = program("import contextvars, types\n" + DEAD + """
report = checked(%s, runs=200)
print([(one.kind, one.type, one.references_per_run) for one in report.findings], report.error)
gc.collect()
""" % PARKED[kind])
    # The module of Context differs between versions.
    out = out.replace("_contextvars.", "")
    assert out == "[('over-release', '%s', -1.0)] None\n" % kind


@holds_back
def test_deep_nests_still_die_without_a_deep_stack():
    out = program("""
def works():
    for make in (lambda one: [one], lambda one: (one,), lambda one: {1: one}):
        nest = None
        for _ in range(100000):
            nest = make(nest)
report = pyrefcore.check(works, runs=2)
print(report.findings, report.error)
""")
    assert out == "[] None\n"


@holds_back
def test_deallocators_are_put_back():
    out = program("""
slots = [ctypes.c_void_p.from_address(id(one) + 48) for one in (list, tuple, dict, float, slice, int, type(print))]
before = [slot.value for slot in slots]
during = []
def works():
    during.append([slot.value for slot in slots])
def raises():
    works()
    raise KeyboardInterrupt
pyrefcore.check(lambda: pyrefcore.check(works, runs=2), runs=2)
try:
    pyrefcore.check(raises)
except KeyboardInterrupt:
    pass
print(before == [slot.value for slot in slots], any(before[0] == one[0] for one in during))
""")
    assert out == "True False\n"
