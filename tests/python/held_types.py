"""Families of held_families.py: types made at run time, their instances and descriptors. Each holds a new object."""

import ctypes

from held_families import Plain, family, plain, simple, text, word


@family
def types_made():
    return type(word(), (Plain,), {"__slots__": (word(),), "__doc__": text(), word(): property(plain)})


@family
def instances_of_types_made():
    made = types_made()
    return [made, made(), made()]


@family
def type_with_subclass():
    base = type(word(), (), {})
    return type(word(), (base,), {})


@family
def instance_of_type_made():
    made = type(word(), (), {})()
    setattr(made, word(), text())
    return made


@family
def instance_with_keys_of_another_type():
    made = instance_of_type_made()
    # vars() makes a dictionary, which keeps the keys that it shares with other instances of that type.
    vars(made)
    made.__class__ = Plain
    return made


class Method(ctypes.Structure):
    """CPython's `PyMethodDef`. A slot's `wrapperbase` also begins with the name."""

    _fields_ = [("name", ctypes.c_char_p), ("method", ctypes.c_void_p), ("flags", ctypes.c_long)] + [
        ("rest", ctypes.c_void_p * 5)
    ]


def describe(how, *more):
    """A descriptor made by a C function, and its definition, which must live as long as the descriptor."""
    make = ctypes.pythonapi[how]
    make.restype = ctypes.py_object
    no_arguments = 4
    given = Method(word().encode(), None, no_arguments)
    made = make(ctypes.py_object(Plain), ctypes.byref(given), *more)
    return [made, made.__qualname__, given]


simple(
    method_descriptor=lambda: describe("PyDescr_NewMethod"),
    class_method_descriptor=lambda: describe("PyDescr_NewClassMethod"),
    wrapper_descriptor=lambda: describe("PyDescr_NewWrapper", None),
)


@family
def slot_with_own_type():
    made = Slotted()
    made.held = Slotted
    return made


class Slotted:
    __slots__ = ("held",)


@family
def subclass_of_builtin():
    return type(word(), (dict, Plain), {word(): text()})({text(): text()})
