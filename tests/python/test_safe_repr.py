"""The safe repr recognises builtin types and never runs code of the program."""

import math
import sys

import pytest
from pyrefcore.core.safe_repr import DEPTH, ELEMENTS, LENGTH, safe_repr, type_name


class Touched(Exception):
    pass


def refuse(*_):
    raise Touched


def minefield():
    """A class and an instance of it that raise on every use."""

    class Meta(type):
        __name__ = __module__ = property(refuse)
        __hash__ = __eq__ = __repr__ = __str__ = refuse
        __instancecheck__ = __subclasscheck__ = __getattribute__ = refuse

    class Minefield(metaclass=Meta):
        __repr__ = __str__ = __hash__ = __eq__ = __len__ = __bool__ = __iter__ = __getattribute__ = __format__ = refuse
        __class__ = property(refuse)

    return Minefield, Minefield()


@pytest.mark.parametrize(
    "thing",
    [
        None,
        True,
        3,
        -5,
        1.5,
        math.inf,
        2j,
        "a'b",
        b"\0",
        bytearray(b"x"),
        [],
        [1, [2]],
        (),
        (1,),
        (1, 2),
        {},
        {1: "a"},
        set(),
        {1},
        frozenset(),
        frozenset([1]),
        [None, {"k": (1,)}],
    ],
)
def test_builtins_are_shown_as_their_repr(thing):
    assert safe_repr(thing) == repr(thing)


def test_code_of_the_program_is_not_run():
    cls, mine = minefield()
    shown = "<%s.minefield.<locals>.Minefield object at 0x%x>" % (__name__, id(mine))
    assert safe_repr(mine) == shown
    assert safe_repr([mine]) == "[%s]" % shown
    assert safe_repr({1: mine}) == "{1: %s}" % shown
    assert safe_repr(cls) == "<class %s.minefield.<locals>.Minefield>" % __name__


def test_a_subclass_of_a_builtin_is_no_builtin():
    class Text(str):
        __repr__ = __str__ = __len__ = __getitem__ = refuse

    class Dict(dict):
        __iter__ = items = __len__ = refuse

    for thing in (Text("x"), Dict(a=1)):
        assert safe_repr(thing).startswith("<%s." % __name__)


def test_a_type_whose_names_are_no_text():
    odd = type("Odd", (), {"__module__": minefield()[1]})
    assert type_name(odd) == "Odd"
    assert type_name(str) == "str"


def test_functions_modules_and_code_have_names():
    assert "test_functions_modules" in safe_repr(test_functions_modules_and_code_have_names)
    assert safe_repr(sys) == "<module sys>"
    assert safe_repr(len) == "<built-in function len>"
    assert "refuse" in safe_repr(refuse.__code__)
    assert safe_repr(type(sys)("name")) == "<module name>"
    assert safe_repr(type(sys).__new__(type(sys))) == "<module ?>"


def test_length_and_depth_are_bounded():
    for thing in ("x" * 10**6, list(range(10**5)), {n: n for n in range(1000)}, [["y" * 100] * 9] * 9, 1 << 10**6):
        assert len(safe_repr(thing)) <= LENGTH
    deep = []
    for _ in range(10**5):
        deep = [deep]
    assert safe_repr(deep) == "[" * (DEPTH + 1) + "..." + "]" * (DEPTH + 1)
    loop = []
    loop.append(loop)
    assert len(safe_repr(loop)) <= LENGTH
    assert safe_repr(list(range(ELEMENTS + 1))).endswith("... (%d)]" % (ELEMENTS + 1))


def test_an_unsafe_repr_is_bounded_and_guarded():
    class Long:
        def __repr__(self):
            return "x" * 10**6

    assert len(safe_repr(Long(), unsafe=True)) == LENGTH
    shown = safe_repr(minefield()[1], unsafe=True)
    assert "Minefield object" in shown and "raises" in shown and "Touched" in shown


@pytest.mark.parametrize("others, name", [(63, "late"), (64, "?")])
def test_the_name_of_a_module_is_among_its_first_entries(others, name):
    import types

    module = types.ModuleType("late")
    module.__dict__.clear()
    module.__dict__.update({"other%d" % number: None for number in range(others)}, __name__="late")
    assert name in safe_repr(module) and ("late" in safe_repr(module)) == (name == "late")
