"""Words in and around objects that are no references: they are neither followed nor counted."""

import os
import sys

import conftest
import extension
import pytest
from conftest import program


SECOND_WORD = """
kept = [object() for _ in range(4000)]
thing = next(one for one in kept if id(one) % 16 == 0)
report = pyrefcore.check(lambda: incref(ctypes.c_void_p.from_address(id(thing) + 8)))
print([(one.kind, one.type, one.references_per_run) for one in report.findings])
"""


def test_the_second_word_of_an_object(attached):
    """A leaked pointer to the second word leads to no object, so nothing is counted or shown there."""
    assert program(SECOND_WORD) == "[('leak', 'ctypes.c_void_p', 1.0)]\n"


INTEGERS = """
import ctypes
incref = ctypes.pythonapi.Py_IncRef
incref.argtypes, incref.restype = [ctypes.py_object], None
class Mark: pass
marks = [Mark() for _ in range(54)]
mixed = []
for _ in range(200):
    mixed.append(odd_words.Int(SIGN 10**1000))
    mixed.append(tuple(marks))
"""


@pytest.mark.parametrize("sign", "+-")
def test_the_length_of_an_integer(attached, sign):
    """The memory behind an instance does not belong to it, so addresses there explain no reference."""
    report = extension.check("odd_words", INTEGERS.replace("SIGN", sign), "incref(marks[0])")
    told = [(one["kind"], one["type"], one["references_per_run"]) for one in report["findings"]]
    assert told == [("leak", "__main__.Mark", 1)], report


@pytest.mark.skipif(sys.version_info < (3, 12), reason="weak references are never managed")
def test_weak_references_in_front_of_an_object(attached):
    """The field is as far behind the object's start as the list of weak references is in front of it. It holds."""
    setup = "class Thing: pass\nkept = []"
    assert extension.check("odd_words", setup, "kept.append(odd_words.Weak(Thing()))")["findings"] == []


LIAR = """
import gc, odd_words, pyrefcore
class Held: pass
kept = [odd_words.liar(Held()) for _ in range(1000)]
pyrefcore.attach()
# The collector would follow the lies.
gc.disable()
odd_words.lie(True)
report = pyrefcore.audit()
from pyrefcore.core import native
held = []
visitor = native.EDGE_VISITOR(lambda holder, other, _: held.append(other) or 0)
native.library().pyrefcore_referents(id(kept[0]), visitor, None)
odd_words.lie(False)
print([(one.kind, one.type) for one in report.findings], len(held))
"""


def test_a_traverse_that_visits_addresses_without_objects(attached):
    done = conftest.python("-c", LIAR, PYTHONPATH=os.pathsep.join([conftest.PACKAGE, extension.build("odd_words")]))
    assert done.stdout == "[] 1\n", done.stdout + done.stderr
