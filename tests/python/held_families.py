"""Objects of CPython's own types, by the name of the family. Each holds a new object that no other object holds.

A maker takes no arguments and returns the objects to keep. A family that a Python lacks is absent.
"""

import ast
import asyncio
import cProfile
import collections
import contextvars
import csv
import ctypes
import datetime
import decimal
import functools
import io
import itertools
import json
import operator
import os
import pickle
import queue
import re
import struct
import symtable
import sys
import threading
import time
import types
import typing
import weakref
import xml.etree.ElementTree as ElementTree

NUMBERS = itertools.count(10**20)
FAMILIES = {}


def text():
    """A new string."""
    return "text %d" % next(NUMBERS)


def word():
    return "word_%d" % next(NUMBERS)


def number():
    return next(NUMBERS)


def family(make):
    FAMILIES[make.__name__] = make
    return make


def simple(**makers):
    FAMILIES.update(makers)


def plain(*_arguments, **_keywords):
    """A function that holds nothing, for objects that need a function."""


class Plain:
    """Instances have a dictionary and can be referred to weakly."""


class Asked:
    """Instances have a dictionary before they have attributes."""

    def __init__(self):
        self.__dict__
        self.name = text()
        self.plain = Plain()


@family
def dictionary_asked_for():
    return Asked()


@family
def dictionary_that_outlives_its_instance():
    return Asked().__dict__


@family
def dictionary_of_another():
    made = Asked()
    made.__dict__ = Asked().__dict__
    return made


SOURCE = """
def %s(a_%s, *, b=%d.25):
    'text %d'
    c_%s = a_%s.d_%s
    def inner(): return a_%s, c_%s, %d
    return inner
"""


@family
def code():
    return compile(SOURCE.replace("%s", word()).replace("%d", str(number())), text(), "exec")


@family
def code_asked():
    made = code().co_consts
    function = next(one for one in made if isinstance(one, types.CodeType))
    inner = next(one for one in function.co_consts if isinstance(one, types.CodeType))
    asked = [[one.co_code, one.co_varnames, one.co_cellvars, one.co_freevars] for one in (function, inner)]
    return [function, inner, asked, function.co_lnotab if sys.version_info < (3, 12) else None]


@family
def code_only():
    asked = code_asked()
    return asked[0]


@family
def function():
    namespace = {}
    exec(SOURCE.replace("%s", word()).replace("%d", str(number())), namespace)
    del namespace["__builtins__"]
    return namespace.popitem()[1]


@family
def lines_of_code():
    return code().co_lines() if sys.version_info >= (3, 10) else None


@family
def positions_of_code():
    return code().co_positions() if sys.version_info >= (3, 11) else None


@family
def generator():
    def make():
        yield text()

    made = make()
    next(made)
    made.__name__, made.__qualname__ = text(), text()
    return made


@family
def generator_exhausted():
    made = fresh("def make(): yield %d")
    list(made)
    return made


def fresh(source):
    """The result of `make` in newly compiled source."""
    namespace = {}
    exec(source % number(), namespace)
    return namespace["make"]()


def run_out(made):
    """Sends to a coroutine until it ends."""
    try:
        while True:
            made.send(None)
    except (StopIteration, StopAsyncIteration):
        pass


@family
def coroutine_exhausted():
    made = fresh("async def make(): return %d")
    run_out(made)
    return made


@family
def async_generator_exhausted():
    made = fresh("async def make(): yield %d")
    run_out(made.asend(None))
    run_out(made.asend(None))
    return made


@family
def coroutine():
    async def make():
        return text()

    depth = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(2)
    made = make()
    sys.set_coroutine_origin_tracking_depth(depth)
    made.__name__ = text()
    made.close()
    return made


@family
def async_generator():
    async def make():
        yield text()

    made = make()
    made.__name__ = text()
    return [made, made.asend(text())]


simple(
    range=lambda: range(number(), number() + number(), number()),
    range_iterator=lambda: iter(range(number(), number() * 8, number())),
    slice=lambda: slice(text(), text(), text()),
    module=lambda: types.ModuleType(text(), text()),
    bytearray=lambda: bytearray(text().encode()),
    frozenset=lambda: frozenset([text(), text(), number()]),
    frozenset_with_marks=lambda: frozenset(["a", "b", text()]) ^ frozenset(["a", "b"]),
    frozenset_long=lambda: frozenset(text() for _ in range(20)),
    set=lambda: {text(), text()},
    nested_tuple=lambda: ((text(), 1.5), (number(), (text(),))),
    dict=lambda: {text(): text(), number(): text()},
    dict_views=lambda: [{text(): 1}.keys(), iter({text(): 1}.items())],
    enumerate=lambda: enumerate([text()], number()),
    iterators=lambda: [iter(text()), iter([text()]), iter((text(),)), reversed([text()]), iter(plain, text())],
    mapping_proxy=lambda: types.MappingProxyType({text(): text()}),
    simple_namespace=lambda: types.SimpleNamespace(**{word(): text()}),
    property=lambda: property(functools.partial(plain, text()), doc=text()),
    method=lambda: types.MethodType(plain, text()),
    bound_builtin=lambda: text().join,
    bound_slot=lambda: [text()].__add__,
    static_and_class_method=lambda: [staticmethod(Plain()), classmethod(Plain())],
    generic_alias=lambda: list[text()] if sys.version_info >= (3, 9) else typing.List[int],
    union=lambda: (int | list[text()]) if sys.version_info >= (3, 10) else None,
    super=lambda: super(Plain, Plain()),
    memoryview=lambda: [memoryview(text().encode()), memoryview(bytearray(text().encode()))[1:]],
    weak_references=lambda: [Plain()] + [weakref.ref(Plain, functools.partial(plain, text()))],
    weak_proxy=lambda: weakref.proxy(Plain, functools.partial(plain, text())),
    cell=lambda: (lambda held: lambda: held)(text()),
    exceptions=lambda: [OSError(number(), text(), text()), SystemExit(text()), UnicodeTranslateError(text(), 0, 1, text())],
    ast=lambda: ast.parse("name_%d + %d" % (number(), number())),
)


@family
def weakly_referred_ordered_dict():
    made = collections.OrderedDict([(text(), text())])
    return [made, weakref.ref(made), iter(made), made.items(), reversed(made.items())]


@family
def traceback():
    try:
        raise ValueError(text())
    except ValueError as error:
        return error.with_traceback(error.__traceback__)


simple(
    context_variable=lambda: contextvars.ContextVar(text(), default=text()),
    context_variable_plain=lambda: contextvars.ContextVar(text()),
    context=lambda: contextvars.copy_context(),
    pattern=lambda: re.compile("(?P<%s>a)" % word()),
    match=lambda: re.match("(.*)", text()),
    match_asked=lambda: [one for one in [re.match("(t)(.*)", text())] if one.regs],
    pattern_scanner=lambda: re.compile("b").scanner(text()),
    timezone=lambda: datetime.timezone(datetime.timedelta(seconds=1 + number() % 80000), text()),
    time=lambda: datetime.time(1, 2, 3),
    time_with_zone=lambda: datetime.time(1, tzinfo=FAMILIES["timezone"]()),
    datetime=lambda: datetime.datetime.now(),
    datetime_with_zone=lambda: datetime.datetime.now(FAMILIES["timezone"]()),
    datetime_subclass=lambda: Moment(2000, 1, 1, tzinfo=FAMILIES["timezone"]()),
    date=lambda: datetime.date(2000, 1, 1),
    struct=lambda: struct.Struct("%di" % (number() % 1000)),
    struct_iterator=lambda: struct.iter_unpack("i", (text() * 4)[: 4 * 4].encode()),
    decimal_context=lambda: decimal.Context(prec=9),
    decimal_context_manager=lambda: decimal.localcontext(decimal.Context(prec=9)),
    decimal_number=lambda: decimal.Decimal(number()),
    partial=lambda: functools.partial(plain, text(), **{word(): text()}),
    compare_key=lambda: functools.cmp_to_key(plain)(text()),
    compare_key_maker=lambda: functools.cmp_to_key(functools.partial(plain, text())),
    item_getter=lambda: [operator.itemgetter(text()), operator.itemgetter(text(), text())],
    attribute_getter=lambda: operator.attrgetter(word() + "." + word()),
    method_caller=lambda: operator.methodcaller(word(), text(), **{word(): text()}),
    structseq=lambda: time.localtime(number() % 10**9),
    structseq_long=lambda: os.stat("/"),
    structseq_made=lambda: os.stat_result([number() for _ in range(19)]),
    symbol_table=lambda: symtable.symtable("def %s(a): return a" % word(), text(), "exec"),
    deque=lambda: [collections.deque([text()]), iter(collections.deque([text()]))],
    default_dict=lambda: collections.defaultdict(functools.partial(plain, text()), {text(): text()}),
    queue=lambda: queue.SimpleQueue(),
    lock=lambda: [threading.Lock(), threading.RLock()],
    future=lambda: LOOP.create_future(),
    csv=lambda: [csv.reader([text()]), csv.writer(io.StringIO(), lineterminator=text())],
    json=lambda: json.scanner.make_scanner(json.JSONDecoder(parse_float=functools.partial(plain, text()))),
    pickler=lambda: pickle.Pickler(io.BytesIO()),
    unpickler=lambda: pickle.Unpickler(io.BytesIO(text().encode())),
    element=lambda: ElementTree.Element(word(), {word(): text()}),
    ctypes=lambda: [ctypes.c_char_p(text().encode()), ctypes.py_object(text()), (ctypes.c_char_p * 2)(text().encode())],
    type_variable=lambda: typing.TypeVar(word(), bound=list),
    type_variables=lambda: [
        getattr(typing, kind)(word(), *more)
        for kind, more in (("TypeVarTuple", ()), ("ParamSpec", ()), ("TypeAliasType", (int,)))
        if hasattr(typing, kind)
    ],
)


class Moment(datetime.datetime):
    pass


LOOP = asyncio.new_event_loop()


@family
def lru_cache():
    @functools.lru_cache(maxsize=4)
    def made(_):
        return text()

    for _ in range(3):
        made(text())
    return made


@family
def lru_cache_unbounded():
    @functools.lru_cache(maxsize=None)
    def made(_):
        return text()

    made(text())
    return made


@family
def profiler():
    made = cProfile.Profile()
    made.enable()
    function()
    made.disable()
    return made


@family
def thread_local():
    made = threading.local()
    made.held = text()
    return made


@family
def iterators_of_itertools():
    return [
        itertools.chain([text()], [text()]),
        itertools.repeat(text()),
        itertools.count(number(), number()),
        itertools.islice([text()], 3),
        itertools.accumulate([text()], plain),
        itertools.product([text()], [text()]),
        itertools.tee([text()])[1],
        next(itertools.groupby([text()])),
        next(itertools.permutations([text(), text()])),
    ]


@family
def format_parsers():
    import _string

    return [_string.formatter_parser(text()), _string.formatter_field_name_split(word() + ".a")[1]]


@family
def abstract_class():
    import abc

    made = abc.ABCMeta(word(), (), {})
    made.register(int)
    issubclass(Plain, made)
    issubclass(bool, made)
    return made


if sys.version_info >= (3, 12):
    exec(
        "@family\ndef type_alias():\n    names = {}\n    exec('type %s[T_%d] = list[T_%d]' % ((word(),) + (next(NUMBERS),) * 2), names)\n"
        "    del names['__builtins__']\n    return names\n"
    )

    @family
    def symbol_table_of_generics():
        return symtable.symtable("class %s[T]:\n    __a: T" % word(), text(), "exec")
if sys.version_info >= (3, 14):
    exec("@family\ndef template():\n    return t'a{text()!r:>9}b'\n")
