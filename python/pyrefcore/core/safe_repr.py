"""Describes an object in a few words, without running any code of its type."""

from __future__ import annotations

import ctypes
import types
from typing import Any, Iterable, Iterator

from ..report.printable import decoded, short
from .contents import (
    Nothing,
    at,
    elements,
    exports,
    has_references,
    items,
    look,
    name_of_capsule,
    pairs,
    type_of,
    word,
)

#: Longest text, in characters; most elements of a container; deepest nesting.
LENGTH = 120
ELEMENTS = 6
DEPTH = 3

# These read a type's own fields. `cls.__name__`, `hash(cls)` and `cls == other` would run a metaclass's code. So types
# are only compared with `is` here.
_FLAGS = vars(type)["__flags__"].__get__
_QUALNAME = vars(type)["__qualname__"].__get__
_DICT = vars(type)["__dict__"].__get__
_MODULE_DICT = vars(types.ModuleType)["__dict__"].__get__

#: Flags of a type: it was made at run time and is complete; its instances are types.
_COMPLETE = 1 << 9 | 1 << 12
_HAS_TYPES = 1 << 31
_TP_NAME = object.__basicsize__ + ctypes.sizeof(ctypes.c_ssize_t)
_CAPSULE = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "PyCapsule_Type"))
#: The most entries of a module's dictionary that are searched for its name.
_ENTRIES = 64


def type_name(cls: type) -> str:
    """The name of a type as "module.Type", or as "Type" if the module is builtins or not known."""
    if _FLAGS(cls) & _COMPLETE == _COMPLETE:
        name, module = _QUALNAME(cls), _module_of(cls)
        if type(name) is str:
            return short(name if module in ("", "builtins") else "%s.%s" % (module, name))
    return _c_name(id(cls))


def type_name_at(address: int) -> str:
    """The name of the type at an address. The type may have no reference."""
    return type_name(at(address)) if has_references(address) else _c_name(address)


def is_type(address: int) -> bool:
    """Whether the object at an address is a type."""
    kind = type_of(address)
    return has_references(kind) and bool(_FLAGS(at(kind)) & _HAS_TYPES)


def _c_name(address: int) -> str:
    """The name of a type made in C, which may be any text or missing."""
    place = word(address + _TP_NAME)
    name = decoded(ctypes.string_at(place)) if place else "?"
    return name[len("builtins.") :] if name.startswith("builtins.") else name


def _module_of(cls: type) -> str:
    # A lookup would compare the name with other keys, and so run their code.
    for key, value in _DICT(cls).items():
        if type(key) is str and key == "__module__":
            return value if type(value) is str else ""
    return ""


def safe_repr(thing: Any, unsafe: bool = False) -> str:
    """A text of at most LENGTH printable characters. Only with `unsafe` may it run the object's own `__repr__`. If that
    raises, the exception is named beside the plain text."""
    try:
        return short(repr(thing) if unsafe else _known(thing, DEPTH), LENGTH)
    except BaseException as error:
        # An exception of the program's `__repr__` is shown. Without `unsafe` no such code runs, so an interrupt is a
        # real one.
        if not unsafe and not issubclass(type(error), Exception):
            raise
        why = ", whose repr raises " + short(type_name(type(error)), LENGTH // 3)
        return short(_plain(thing), LENGTH - len(why)) + why


def safe_repr_at(address: int, unsafe: bool = False) -> str:
    """A text for the object at an address. The object may have no reference."""
    if has_references(address):
        return safe_repr(at(address), unsafe)
    return short("<%s object without references at 0x%x>" % (type_name_at(type_of(address)), address), LENGTH)


def _known(thing: Any, depth: int) -> str:
    kind = type(thing)
    if kind is Nothing:
        return thing.text
    if thing is None or kind is bool or kind is float or kind is complex:
        return repr(thing)
    if kind is int:
        # A long integer takes quadratic time in decimal, or Python refuses to convert it.
        return repr(thing) if thing.bit_length() < 256 else "<int of %d bits>" % thing.bit_length()
    if kind is str or kind is bytes:
        return _text(thing)
    if kind is bytearray:
        buffers = exports(thing)
        return _text(thing) + (" with %d buffers that were not released" % buffers if buffers else "")
    if kind is memoryview:
        return "<memoryview of %s>" % _known(thing.obj, max(depth - 1, 0))
    if kind is list:
        return "[%s]" % _all(items(thing), len(thing), depth)
    if kind is tuple:
        return "(%s%s)" % (_all(items(thing), len(thing), depth), "," if len(thing) == 1 else "")
    if kind is dict:
        return "{%s}" % _joined((_pair(pair, depth) for pair in pairs(thing)), len(thing), depth)
    if kind is set and thing:
        return "{%s}" % _all(elements(thing), len(thing), depth)
    if kind is set or kind is frozenset:
        return "%s(%s)" % (kind.__name__, "{%s}" % _all(elements(thing), len(thing), depth) if thing else "")
    return _named(thing, kind)


def _text(thing: Any) -> str:
    return repr(thing) if len(thing) <= LENGTH else "%r... (%d)" % (thing[: LENGTH // 2], len(thing))


def _all(places: Iterable[int], count: int, depth: int) -> str:
    return _joined((_known(look(place), depth - 1) for place in places), count, depth)


def _pair(pair: Any, depth: int) -> str:
    return "%s: %s" % (_known(look(pair[0]), depth - 1), _known(look(pair[1]), depth - 1))


def _joined(texts: Iterable[str], count: int, depth: int) -> str:
    if depth == 0:
        return "..." if count else ""
    return ", ".join(_first(texts, count))


def _first(texts: Iterable[str], count: int) -> Iterator[str]:
    for index, text in enumerate(texts):
        if index == ELEMENTS:
            yield "... (%d)" % count
            return
        yield text


def _named(thing: Any, kind: type) -> str:
    # isinstance would read the object's `__class__`, which may be code.
    if _FLAGS(kind) & _HAS_TYPES:
        return "<class %s>" % type_name(thing)
    if kind is types.FunctionType:
        return "<function %s.%s at 0x%x>" % (_exact(thing.__module__), _exact(thing.__qualname__), id(thing))
    if kind is types.BuiltinFunctionType:
        return "<built-in function %s>" % _exact(thing.__name__)
    if kind is types.ModuleType:
        return "<module %s>" % _name_of_module(thing)
    if kind is types.CodeType:
        return "<code %s, %s:%d>" % (_exact(thing.co_name), _exact(thing.co_filename), thing.co_firstlineno)
    if id(kind) == _CAPSULE:
        return "<capsule %s at 0x%x>" % (_name_of_capsule(thing), id(thing))
    return _plain(thing)


def _name_of_capsule(thing: Any) -> str:
    try:
        name = name_of_capsule(thing)
    except OSError:
        return "whose name is gone"
    return "without a name" if name is None else '"%s"' % decoded(name)


def _name_of_module(module: types.ModuleType) -> str:
    names = _MODULE_DICT(module)
    for (key, value), _ in zip(pairs(names) if type(names) is dict else (), range(_ENTRIES)):
        name = look(key)
        if type(name) is str and name == "__name__":
            return _exact(look(value))
    return "?"


def _plain(thing: Any) -> str:
    return "<%s object at 0x%x>" % (type_name(type(thing)), id(thing))


def _exact(name: Any) -> str:
    return name if type(name) is str else "?"
