"""The table of cases in C. The comments of the C files describe the mistakes."""

import contextvars
import datetime
import io
import math
import sys
import types
import weakref

import corpus
from case import leak, name_of, over, spare, text

ONE = (3, 12), "an immortal object has no count from 3.12 on"
INTERNED = (3, 12), "what PyUnicode_InternInPlace returns is immortal from 3.12 on"


class Thing:
    """A class with an attribute and a method."""

    name = "thing"

    def flush(self):
        return None


class Refused(Exception):
    """The exception of the callbacks."""


def refuse():
    raise Refused("refused")


def refusing():
    """A function that raises a new exception class, and that class, which is a spare."""
    error = type("Refused", (Exception,), {})

    def callback():
        raise error

    return callback, spare(error)


def three():
    yield 1
    yield 2
    yield 3


async def wait():
    return None


def a_text():
    return (text(),)


def a_spare_text():
    return (spare(text()),)


def one_of(thing, *arguments):
    """The same instance of a type in each run; the last argument is a dict that keeps it."""
    made = arguments[-1]
    if thing not in made:
        made[thing] = spare(thing(*arguments[:-1]))
    return made[thing]


def raised():
    try:
        refuse()
    except Refused as error:
        return error


def a_module(name="victim"):
    return types.ModuleType(name)


def registered():
    sys.modules["corpus_victim"] = spare(a_module("corpus_victim"))
    return (text("corpus_victim"),)


def hooked():
    sys.corpus_hook = spare(Thing())
    return ()


def in_context():
    variable, value = contextvars.ContextVar("corpus"), text()
    variable.set(value)
    return variable, value


def put_and_forget(function, mapping, key, value):
    mapping[key] = value
    function(mapping, key)


def call_here(function):
    return function()


def joined_to_itself(function):
    link = function()
    link.join(link)


def joined_to_list(function):
    link = function()
    link.join([link])


def with_attribute(function):
    function().colour = 1


def argument(number=0):
    return lambda arguments: arguments[number]


ARGUMENTS = [
    leak("measure", "str", a_text, watched=argument()),
    over("greeting", "str", a_spare_text, watched=argument()),
    leak("pair", "str", a_text),
    over("wrapped", "str", a_spare_text, watched=argument()),
    over("pack", "str", a_spare_text, watched=argument()),
    over("nothing", "NoneType", lambda: (spare(None),), lambda function, _: function(),
         watched=lambda arguments: None, immortal=ONE),
    leak("either", "NoneType", watched=lambda arguments: None, immortal=ONE),
    leak("same", "bool", a_text, watched=lambda arguments: True, immortal=ONE),
    leak("seven", "int", watched=lambda arguments: 7, immortal=ONE),
    leak("offset", "int", lambda: (int("1" + "0" * 20),), watched=argument()),
    leak("area", "float", lambda: (1.5, 2.5)),
    leak("path_length", "bytes", lambda: (text("some/path"),)),
    leak("titled", "str", lambda: (text("Who"), "not a number"), raises=TypeError),
    leak("checksum", "bytearray", lambda: (bytearray(b"samples"),), watched=argument()),
    leak("first_byte", "bytes", lambda: (bytes(bytearray(b"samples")),), watched=argument()),
]

CONTAINERS = [
    leak("settings", "int"),
    leak("index_by", {"str": 1, "float": 1}, a_text),
    leak("lines", {"str": 3}, a_text),
    leak("points", "tuple"),
    leak("stamp", "bytes", lambda: (Thing(),)),
    leak("register", "list", lambda: ({},)),
    leak("cell", "tuple", lambda: ({},)),
    leak("singleton", "str", a_text),
    over("place", "str", lambda: ([], 5, spare(text())), raises=IndexError, watched=argument(2)),
    over("amend", "str", lambda: ((1, 2), spare(text())), raises=SystemError, watched=argument(1)),
    over("twice", "str", a_spare_text, watched=argument()),
    leak("overwrite", "str", a_text),
]

ITEMS = [
    over("head", "str", lambda: ([spare(text())],), watched=lambda arguments: arguments[0][0]),
    over("last", "str", lambda: ((1, spare(text())),), watched=lambda arguments: arguments[0][1]),
    over("lookup", "str", lambda: ({"key": spare(text())}, "key"), watched=lambda arguments: arguments[0]["key"]),
    over("remembered", "str", lambda: ({"key": spare(text())}, "key", None),
         watched=lambda arguments: arguments[0]["key"]),
    over("sizes", {"str": 2}, lambda: (dict.fromkeys("ab", spare(text())),),
         watched=lambda arguments: arguments[0]["a"]),
    over("ends", {"str": 2}, lambda: ([spare(text())] * 2,), watched=lambda arguments: arguments[0][0]),
    leak("third", "str", lambda: ([1, 2, text()],), watched=lambda arguments: arguments[0][2]),
    leak("has_colour", "str", lambda: ({"colour": text()},), watched=lambda arguments: arguments[0]["colour"]),
    leak("count_items", "list", lambda: ({"colour": 1},)),
    leak("drop_one", "str", lambda: ([text()],), watched=lambda arguments: arguments[0][0]),
    leak("tail", "list", lambda: ([1, 2, 3],)),
    leak("shorten", "str", a_text),
]

ITERATION = [
    leak("total", "list_iterator", lambda: ([text(), text()],)),
    leak("longest", {"str": 3}, lambda: ([text()] * 3,), watched=lambda arguments: arguments[0][0]),
    leak("contains", "str", lambda: (["no", text(), "no"],), watched=lambda arguments: arguments[0][1]),
    leak("how_many", "list", lambda: ({1, 2, 3},)),
    leak("first_of", "generator", lambda: (three,)),
    leak("cancel", "coroutine", lambda: (wait,)),
    leak("compiles", "code", lambda: (text("1 + 2"),)),
    leak("execute", "list", lambda: ({},)),
    leak("caller_line", "frame", tuple, call_here, since=(3, 9)),
    leak("caller_code", "code", tuple, call_here, since=(3, 9), watched=lambda arguments: call_here.__code__),
]

ERRORS = [
    leak("parse", "list", a_text, raises=TypeError),
    over("convert", name_of(Thing), lambda: (spare(Thing()),), raises=TypeError, watched=argument()),
    leak("attempt", {"type": 1, name_of(Refused): 1, "traceback": 1}, lambda: (refuse,)),
    over("cleanup", "type", refusing, lambda function, callback, _: function(callback), raises=Exception,
         watched=argument(1)),
    leak("refuse", name_of(Refused), lambda: (Refused,), raises=Refused),
    over("ignore", "type", refusing, lambda function, callback, _: function(callback), watched=argument(1)),
    leak("special", "type", raises=Exception),
    over("because", name_of(Refused), lambda: (Refused(), spare(Refused())), watched=argument(1)),
    leak("was_raised", "traceback", lambda: (raised(),), watched=lambda arguments: arguments[0].__traceback__),
]

MODULES = [
    leak("publish", "str", lambda: ({},), raises=(TypeError, SystemError)),
    leak("set_limits", "list", lambda: (a_module(),)),
    leak("set_name", "str", lambda: (a_module(),), since=(3, 10)),
    over("names", "dict", lambda: (lambda module: (module, spare(module.__dict__)))(a_module()),
         lambda function, module, names: function(module), watched=argument(1)),
    leak("root", "module", lambda: (2.5,), watched=lambda arguments: math),
    leak("logarithm", "builtin_function_or_method", lambda: (2.5,), watched=lambda arguments: math.log2),
    over("ensure", "module", registered, watched=lambda arguments: sys.modules["corpus_victim"]),
    over("loaded", "dict", lambda: ("math", spare(sys.modules)), lambda function, name, _: function(name),
         watched=argument(1)),
    over("hook", name_of(Thing), hooked, watched=lambda arguments: sys.corpus_hook),
    over("thread_dict", "dict", lambda: (spare(corpus.thread_dict_right()),),
         lambda function, _: function(), watched=argument()),
    leak("session", "dict"),
]

CALLBACKS = [
    leak("notify", "tuple", lambda: (lambda *arguments: None,)),
    leak("forward", "dict", lambda: (lambda **keywords: None,),
         lambda function, callback: function(callback, colour=1)),
    leak("fire", "list", lambda: (lambda number: [number],)),
    leak("forget", "str", lambda: ({}, "key", text()), put_and_forget, watched=argument(2)),
    leak("report", "str", lambda: (lambda *arguments: None,)),
    leak("tick", "float", lambda: (lambda *arguments: None,)),
    leak("flush", "method", lambda: (Thing(),)),
    leak("has_close", "builtin_function_or_method", lambda: (io.StringIO(),)),
    leak("on_change", "function", lambda: (lambda: None,), watched=argument()),
    over("on_close", "function", lambda: (spare(lambda: None),), watched=argument()),
    leak("subscribe", "builtin_function_or_method", lambda: ({}, Thing())),
    leak("current", "str", in_context, lambda function, variable, value: function(variable), watched=argument(1)),
    leak("enter", name_of(contextvars.Token), lambda: (contextvars.ContextVar("corpus"),)),
]

WEAKREFS = [
    leak("watch", name_of(weakref.ref), lambda: (Thing(), lambda reference: None)),
    leak("stand_in", name_of(weakref.ProxyType), lambda: (Thing(),),
         watched=lambda arguments: weakref.getweakrefs(arguments[0])),
    leak("is_alive", name_of(Thing), lambda: (lambda thing: (weakref.ref(thing), thing))(Thing()),
         lambda function, reference, thing: function(reference), watched=argument(1)),
    over("target_name", name_of(Thing), lambda: (lambda thing: (weakref.ref(thing), thing))(spare(Thing())),
         lambda function, reference, thing: function(reference), watched=argument(1), until=(3, 12)),
    leak("handle", "PyCapsule"),
    leak("parcel", "str", a_text, watched=argument()),
    leak("is_contiguous", "memoryview", lambda: (b"samples",)),
    leak("middle", "slice", lambda: ([1, 2, 3],)),
    leak("tomorrow", name_of(datetime.timedelta), lambda: (datetime.date(2024, 2, 28),)),
]

TEXT = [
    leak("encoded_size", "bytes", a_text),
    leak("symbol", "str", a_text, watched=lambda arguments: sys.intern("symbol_" + arguments[0]), immortal=INTERNED),
    leak("listing", "str", lambda: (["one", "two"],)),
    leak("repeat", {"str": 3}, a_text),
    leak("terminated", "bytes", lambda: (b"line",)),
    leak("label", "str", a_text),
]

BOXES = [
    over("Box.value (get)", "str", lambda: (lambda value: (corpus.Box(value), value))(spare(text())),
         lambda function, box, value: function.__get__(box), function="Box.value", watched=argument(1)),
    leak("Box.value (set)", "str", lambda: (corpus.Box(1), text()),
         lambda function, box, value: function.__set__(box, value), function="Box.value", watched=argument(1)),
    over("Box.replace", "str", lambda: (corpus.Box(1), spare(text())), watched=argument(1)),
    leak("Box.refill", "str", lambda: (corpus.Box(1), text()), watched=argument(1)),
    over("Box.chain", "corpus.Box", lambda: (spare(corpus.Box(1)),), watched=argument()),
    leak("Forgetful", "str", a_text, watched=argument()),
    leak("Account", "str", lambda: (text(), {}),
         lambda function, value, made: function.__init__(made.setdefault(function, function(1)), value),
         watched=argument()),
    leak("Strict", "corpus.Strict", a_text, raises=TypeError),
]

SLOTS = [
    over("Version", "NotImplementedType", lambda: (spare(NotImplemented),), lambda function, _: function(1) == 3,
         watched=lambda arguments: NotImplemented, immortal=ONE),
    over("Stream", "corpus.Stream", lambda: (1, {}), lambda function, *made: iter(one_of(function, *made)),
         watched=lambda arguments: list(arguments[1].values())),
    leak("Again", "str", lambda: ([text()],), lambda function, values: next(function(values)),
         watched=lambda arguments: arguments[0][0]),
    over("Row", "str", lambda: ([spare(text())],), lambda function, values: function(values)[0],
         watched=lambda arguments: arguments[0][0]),
    leak("Person", "tuple", a_text, lambda function, value: hash(function(value))),
    over("Samples", "corpus.Samples", lambda: (1, {}),
         lambda function, *made: memoryview(one_of(function, *made)).release(),
         watched=lambda arguments: list(arguments[1].values())),
    leak("Lazy", "str", lambda: ({"lazy_colour": 1},), lambda function, values: function(values).colour),
    leak("Namespace", "dict", tuple, with_attribute),
]

CYCLES = [
    leak("Untraversed", "corpus.Untraversed", tuple, joined_to_itself),
    leak("Blind", "list", tuple, joined_to_list),
    leak("Knot", {}, tuple, joined_to_itself, objects={"corpus.Knot": 1}),
    leak("untracked", "corpus.Blind"),
    leak("node_type", "type", since=(3, 9)),
]

TYPES = [
    leak("Handle", "type", watched=lambda arguments: [corpus.Handle_wrong, corpus.Handle_right]),
    leak("type_size", "type"),
    leak("derive", "tuple", lambda: (Thing,)),
    leak("place_of", "float", a_text),
    leak("kind_of", "type", lambda: (type("Other", (), {})(),), watched=lambda arguments: type(arguments[0])),
    over("type_of", "type", lambda: (spare(type("Other", (), {}))(),), watched=lambda arguments: type(arguments[0])),
]

CASES = (ARGUMENTS + CONTAINERS + ITEMS + ITERATION + ERRORS + MODULES + CALLBACKS + WEAKREFS + TEXT + BOXES + SLOTS
         + CYCLES + TYPES)
