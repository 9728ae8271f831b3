"""What an object is, in a few words, without running any code of its type."""

from __future__ import annotations

import types
from typing import Any, Iterable, Iterator

#: Longest text, in characters; most elements of a container; deepest nesting.
LENGTH = 120
ELEMENTS = 6
DEPTH = 3

# These read a type's own fields. `cls.__name__`, `hash(cls)` and `cls == other` would run a metaclass's code, which
# is why types are only compared with `is` here.
_MODULE = vars(type)["__module__"].__get__
_QUALNAME = vars(type)["__qualname__"].__get__
_MODULE_DICT = vars(types.ModuleType)["__dict__"].__get__


def type_name(cls: type) -> str:
    """The name of a type as "module.Type", or as "Type" where the module is builtins or not known."""
    name = _text_of(_QUALNAME, cls, "?")
    module = _text_of(_MODULE, cls, "")
    return name if module in ("", "builtins") else "%s.%s" % (module, name)


def safe_repr(thing: Any, unsafe: bool = False) -> str:
    """A text of at most LENGTH characters. Only with `unsafe` may it run the object's own `__repr__`; one that raises
    is named beside the plain text."""
    try:
        return _short(repr(thing) if unsafe else _known(thing, DEPTH))
    except Exception as error:
        return "%s, whose repr raises %s" % (_plain(thing), type_name(type(error)))


def _known(thing: Any, depth: int) -> str:
    kind = type(thing)
    if thing is None or kind is bool or kind is float or kind is complex:
        return repr(thing)
    if kind is int:
        # A long integer takes quadratic time in decimal, or is refused.
        return repr(thing) if thing.bit_length() < 256 else "<int of %d bits>" % thing.bit_length()
    if kind is str or kind is bytes or kind is bytearray:
        return repr(thing) if len(thing) <= LENGTH else "%r... (%d)" % (thing[: LENGTH // 2], len(thing))
    if kind is list:
        return "[%s]" % _elements(thing, depth)
    if kind is tuple:
        return "(%s%s)" % (_elements(thing, depth), "," if len(thing) == 1 else "")
    if kind is dict:
        return "{%s}" % _joined((_pair(pair, depth) for pair in thing.items()), len(thing), depth)
    if kind is set and thing:
        return "{%s}" % _elements(thing, depth)
    if kind is set or kind is frozenset:
        return "%s(%s)" % (kind.__name__, "{%s}" % _elements(thing, depth) if thing else "")
    return _named(thing, kind)


def _elements(things: Any, depth: int) -> str:
    return _joined((_known(thing, depth - 1) for thing in things), len(things), depth)


def _pair(pair: Any, depth: int) -> str:
    return "%s: %s" % (_known(pair[0], depth - 1), _known(pair[1], depth - 1))


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
    # The type `type` answers this from its own C code; isinstance would ask the object for its __class__.
    if issubclass(kind, type):
        return "<class %s>" % type_name(thing)
    if kind is types.FunctionType:
        return "<function %s.%s at 0x%x>" % (_exact(thing.__module__), _exact(thing.__qualname__), id(thing))
    if kind is types.BuiltinFunctionType:
        return "<built-in function %s>" % _exact(thing.__name__)
    if kind is types.ModuleType:
        return "<module %s>" % _exact((_MODULE_DICT(thing) or {}).get("__name__"))
    if kind is types.CodeType:
        return "<code %s, %s:%d>" % (thing.co_name, thing.co_filename, thing.co_firstlineno)
    return _plain(thing)


def _plain(thing: Any) -> str:
    return "<%s object at 0x%x>" % (type_name(type(thing)), id(thing))


def _exact(name: Any) -> str:
    return name if type(name) is str else "?"


def _text_of(descriptor: Any, cls: type, otherwise: str) -> str:
    try:
        text = descriptor(cls)
    except Exception:
        return otherwise
    return text if type(text) is str else otherwise


def _short(text: str) -> str:
    return text if len(text) <= LENGTH else text[: LENGTH - 3] + "..."
