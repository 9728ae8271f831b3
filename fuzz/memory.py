"""Blocks that look like objects: copies of real objects with some changed words.

The audit must read all of them without a crash. If the changed words lead to no memory, a check must find a planted
leak, and must find nothing without one. The reprs are switched off, because a copy's fields are not valid.
"""

import array
import ast
import codecs
import collections
import contextvars
import ctypes
import datetime
import functools
import io
import itertools
import mmap
import operator
import re
import struct
import sys
import types
import weakref

import pyrefcore
from pyrefcore.core import findings, graph, native, windows

WORD = 8
HEAD = object.__basicsize__
#: The size of the collector's head in front of an object.
FRONT = 0 if HEAD == 32 else 16
HAVE_GC = 1 << 14
LARGEST = 512
BLOCKS = 150

malloc, free = ctypes.pythonapi.PyObject_Malloc, ctypes.pythonapi.PyObject_Free
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
free.restype, free.argtypes = None, [ctypes.c_void_p]
incref = ctypes.pythonapi.Py_IncRef
incref.restype, incref.argtypes = None, [ctypes.py_object]


# The safe repr trusts the fields of an object.
graph.safe_repr_at = findings.safe_repr_at = lambda address, unsafe: "?"


class Thing:
    pass


class Slotted:
    __slots__ = ("a", "b", "__weakref__")


def generator():
    yield


async def coroutine():
    pass


def closure(value):
    return lambda: value


def templates():
    """Objects whose fields the audit reads, or whose contents it knows by their type."""
    thing, slotted, numbers = Thing(), Slotted(), [1.5, 2.5]
    slotted.a = thing
    local = contextvars.ContextVar("local", default=thing)
    made = [
        object(), thing, slotted, Thing, type, 1 << 80, 1.5, 2j, "text", "\u1234", b"bytes", bytearray(b"more"), (thing,),
        numbers, {thing: 1}, {}, {1}, frozenset({2}), slice(thing), range(1 << 70), iter(range(3)), iter(numbers),
        reversed(numbers), iter({}), {}.keys(), {}.items(), iter({1}), iter("ab"), iter(b"ab"), iter((1,)), zip((), ()),
        map(len, ()), filter(None, ()), enumerate(()), memoryview(b"abc"), closure(thing), closure(thing).__closure__[0],
        closure(thing).__code__, thing.__init__, numbers.append, len, str.join, object.__init__, dict.__dict__["fromkeys"],
        type.__dict__["__mro__"], Slotted.__dict__["a"], property(len), classmethod(len), staticmethod(len), super(Thing, thing),
        generator(), weakref.ref(thing), weakref.proxy(thing), types.SimpleNamespace(a=thing), types.MappingProxyType({}),
        sys, sys.flags, sys.float_info, sys._getframe(), collections.deque([thing]), collections.OrderedDict(a=thing),
        collections.defaultdict(list), itertools.count(thing.__hash__()), itertools.repeat(thing), itertools.chain([]),
        itertools.product([1]), itertools.groupby([]), itertools.islice([], 2), functools.partial(len, thing),
        functools.lru_cache()(closure), functools.cmp_to_key(len)(thing), operator.itemgetter(1), operator.attrgetter("a"),
        operator.methodcaller("a"), re.compile("a+"), re.match("a", "a"), struct.Struct("I"), array.array("d", [1]),
        datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc), datetime.timezone(datetime.timedelta(hours=1), "zone"),
        datetime.time(1), datetime.timedelta(1), io.StringIO("a"), io.BytesIO(b"a"), io.TextIOWrapper(io.BytesIO(b"a")),
        mmap.mmap(-1, 4096), local, contextvars.copy_context(), ctypes.c_int(3), ctypes.py_object(thing), ctypes.c_int * 3,
        codecs.getincrementaldecoder("utf-8")(), ast.parse("1"), ValueError(thing), Exception.__subclasses__, NotImplemented, ...,
    ]  # fmt: skip
    started = coroutine()
    made += [started, started.__await__()]
    # More objects of the types whose memory the audit reads itself.
    read = [{}, {1: thing}, {str(n): n for n in range(20)}, {n: n for n in range(20)}, dict.fromkeys(range(300)), thing.__dict__]
    read += [frozenset(range(n)) for n in (0, 3, 30)] + [closure(thing).__code__, len, str.join, range(9), Thing, Slotted]
    return made + 4 * read


def edges():
    """The addresses where readable memory ends."""
    with open("/proc/self/maps") as maps:
        ranges = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps if " r" in line]
    starts = {start for start, _ in ranges}
    return [end for _, end in ranges if end not in starts and end < 1 << 47]


EDGES = edges()


def number(rng):
    """A word that leads nowhere."""
    return rng.choice(
        (
            lambda: 0,
            lambda: rng.randrange(64),
            lambda: 0x1000 + rng.randrange(1 << 12),
            lambda: (1 << 64) - 1 - rng.randrange(1 << 12),
            lambda: 1 << rng.randrange(48, 64),
            lambda: rng.getrandbits(16) << 48 | rng.getrandbits(47) | 1 << 63,
        )
    )()


def word(rng, real):
    """A word that may lead anywhere."""
    address = id(rng.choice(real))
    return rng.choice(
        (
            lambda: number(rng),
            lambda: number(rng),
            lambda: address,
            lambda: address + rng.choice((-16, -8, 1, 4, 8, 16, 24)),
            lambda: id(type(rng.choice(real))),
            lambda: rng.randrange(1 << 47),
            lambda: 1 << rng.randrange(64),
            lambda: rng.getrandbits(64),
            lambda: address | (1 << 63),
            lambda: rng.choice(EDGES) - 8 * rng.randrange(40),
        )
    )()


def fake(rng, real, leads_anywhere):
    """The address of a block with a changed copy of an object."""
    op = rng.choice(real)
    front = FRONT if type(op).__flags__ & HAVE_GC else 0
    try:
        size = object.__sizeof__(op)
    except (TypeError, ReferenceError):
        size = HEAD
    # Copies whole words: at least the head, and at most LARGEST bytes.
    size = min(max(size, HEAD), LARGEST) // WORD * WORD
    data = bytearray(ctypes.string_at(id(op) - front, front + size))
    # Most copies get one to five changed words. In the other copies about half of the words change.
    places = range(0, len(data), WORD)
    few = rng.random() < 0.7
    for place in rng.sample(places, min(len(places), rng.randrange(1, 6))) if few else places:
        if few or rng.random() < 0.5:
            new = word(rng, real) if leads_anywhere else number(rng)
            struct.pack_into("<Q", data, place, new & (1 << 64) - 1)
    if leads_anywhere and rng.random() < 0.3:
        struct.pack_into("<Q", data, front + HEAD - WORD, id(type(rng.choice(real))))
    block = malloc(len(data))
    ctypes.memmove(block, bytes(data), len(data))
    return block


def leak():
    incref(Thing())


def nothing():
    pass


def look():
    """Audits, and looks at the neighbours of the examples."""
    core = native.library()
    with windows.Snapshot() as snapshot, windows.listed(core.pyrefcore_over_released(snapshot)) as found:
        examples = [one.examples[n].object for one in found for n in range(one.examples_count)]
        around = graph.Neighbourhood(examples[:20])
        around.look()
        around.close()


def checked(function):
    """The findings of a check, or its error."""
    report = pyrefcore.check(function, runs=3)
    return report.error or [(one.kind, one.type, one.references_per_run) for one in report.findings]


def one(rng):
    real = templates()
    is_checked = rng.random() < 0.25
    blocks = [fake(rng, real, not is_checked) for _ in range(BLOCKS)]
    # Freed blocks keep old words, and other blocks may point to them.
    for block in blocks[::5]:
        free(block)
    del blocks[::5]
    look()
    if is_checked:
        for function, expected in ((leak, [("leak", "memory.Thing", 1.0)]), (nothing, [])):
            told = checked(function)
            assert told == expected, (function.__name__, told)
    for block in blocks:
        free(block)
