"""Each run leaks one object of each of seventy types, in a process with many imported packages. All leaks are found."""

import ast
import os
import sys

import conftest
import pytest

pytestmark = pytest.mark.usefixtures("attached")

# A type, and an expression that makes an object of it which no other object holds.
PLANTED = """
object: object()
list: [None]
tuple: tuple([Thing, None, number()])
dict: {"key": None}
set: {None}
frozenset: frozenset([number()])
str: "text %d" % number()
bytes: b"bytes %d" % number()
bytearray: bytearray(b"bytes")
int: 1 << (100 + number() % 7)
float: number() / 7
complex: complex(number(), 1)
range: range(1, 1000 + number() % 7)
slice: slice(number(), 7)
function: lambda: None
method: Thing().method
builtin_function_or_method: [].append
method-wrapper: Thing().__str__
property: property(None)
classmethod: classmethod(print)
staticmethod: staticmethod(print)
super: super(Thing, Thing())
memoryview: memoryview(b"bytes")
enumerate: enumerate(())
zip: zip((), ())
map: map(print, ())
filter: filter(print, ())
reversed: reversed("text")
list_iterator: iter([None])
tuple_iterator: iter((None, None))
dict_keyiterator: iter({"key": None})
dict_values: {"key": None}.values()
set_iterator: iter({None})
generator: (one for one in ())
module: types.ModuleType("planted")
SimpleNamespace: types.SimpleNamespace()
mappingproxy: types.MappingProxyType({})
ValueError: ValueError(None)
KeyError: KeyError(None)
OSError: OSError(number(), "text")
ReferenceType: weakref.ref(Thing)
WeakSet: weakref.WeakSet()
deque: collections.deque()
defaultdict: collections.defaultdict(list)
OrderedDict: collections.OrderedDict()
Counter: collections.Counter()
ChainMap: collections.ChainMap()
partial: functools.partial(print)
count: itertools.count(number())
chain: itertools.chain(())
cycle: itertools.cycle([None])
islice: itertools.islice((), 1)
date: datetime.date(2000, 1, 1 + number() % 7)
datetime: datetime.datetime(2000, 1, 1 + number() % 7)
timedelta: datetime.timedelta(number())
Decimal: decimal.Decimal(number())
Fraction: fractions.Fraction(number(), 7)
array: array.array("d")
Struct: struct.Struct("ii")
StringIO: io.StringIO()
BytesIO: io.BytesIO()
Random: random.Random(1)
Pattern: (re.purge(), re.compile("planted"))[1]
PurePosixPath: pathlib.PurePosixPath("/planted")
UUID: uuid.UUID(int=number())
attrgetter: operator.attrgetter("name")
itemgetter: operator.itemgetter(number())
Element: xml.etree.ElementTree.Element("planted")
c_long: ctypes.c_long(number())
lock: threading.Lock()
Context: contextvars.Context()
"""

PROGRAM = conftest.PRELUDE + """
import array, asyncio, argparse, collections, concurrent.futures, contextvars, csv, ctypes, datetime, decimal, difflib, email
import fractions, functools, html, http.client, io, itertools, json, logging, multiprocessing, operator, os, pathlib, pickle
import random, re, sqlite3, ssl, struct, tempfile, threading, types, typing, unittest, urllib.request, uuid, weakref, xml.dom
import xml.etree.ElementTree, zipfile
for name in ("numpy", "pytest", "_pytest.pytester", "xdist"):
    try:
        __import__(name)
    except ImportError:
        pass
from pyrefcore.core import caches, native, windows
windows.ZEROES = %r
class Thing:
    def method(self): pass
number = itertools.count(10 ** 6).__next__
names, makers = zip(*[line.split(": ", 1) for line in %r.strip().split(chr(10))])
makers = [eval("lambda: " + maker) for maker in makers]
caches.warm()
RUNS = 20
def run():
    for make in makers:
        incref(make())
# As a check does, without a look at the neighbours of each example, which would take minutes.
pyrefcore.attach()
counted = windows.Windows(run, 4)
counted.begin(False)
counted.snapshot()
counted.run(1)
counted.hold()
for _ in range(4):
    counted.run(RUNS)
    counted.snapshot()
found = {}
with counted.compared(0, 4) as findings:
    for one in findings:
        if one.kind == native.LEAK:
            found[one.type_name.decode().split(".")[-1]] = [one.references[at] for at in range(3)]
counted.close()
# So it is called up to 3.8.
found.setdefault("ReferenceType", found.get("weakref"))
print([(name, found.get(name)) for name in names if found.get(name) != [RUNS] * 3])
"""


@pytest.mark.slow
@pytest.mark.parametrize("zeroes", [True, False])
@pytest.mark.parametrize("perturb", [None, "165"])
def test_every_planted_leak_is_found(zeroes, perturb):
    surroundings = {"PYTHONPATH": os.pathsep.join([conftest.PACKAGE] + sys.path)}
    if perturb:
        surroundings["MALLOC_PERTURB_"] = perturb
    done = conftest.python("-W", "ignore", "-c", PROGRAM % (zeroes, PLANTED), **surroundings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ast.literal_eval(done.stdout) == []
