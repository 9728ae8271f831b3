"""The audit knows what CPython's own objects hold: a growing number of them is no finding, and no count is too low."""

import ctypes
import datetime
import sys
import weakref

import pytest

import held_elsewhere  # noqa: F401 - adds its families
import held_families
import held_frames  # noqa: F401 - adds its family
import held_streams  # noqa: F401 - adds its families
import held_types  # noqa: F401 - adds its families
from conftest import incref, python

RUNS = 60


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(held_families.FAMILIES))
def test_each_holder_is_explained(name, attached):
    found = unexplained(held_families.FAMILIES[name])
    assert not found, found


def unexplained(make):
    """The findings, except growth, while a growing number of objects is kept."""
    from pyrefcore.core import caches, native
    from pyrefcore.core.windows import Windows

    kept = [None] * (8 * RUNS)
    free = iter(range(len(kept)))

    def run():
        kept[next(free)] = make()

    windows = Windows(run, 4, guard=False)
    try:
        # The first snapshot is not compared.
        windows.snapshot()
        windows.run(2 * RUNS)
        for window in range(4):
            if window:
                windows.run(RUNS)
            caches.clear()
            windows.snapshot()
        with windows.compared(0, 4) as findings:
            return [
                (one.kind, one.type_name, [one.references[at] for at in range(3)])
                for one in findings
                if one.kind != native.GROWTH
            ]
    finally:
        windows.close()


def held_by(holder):
    """The objects that an object visibly holds."""
    from pyrefcore.core import contents, native

    found = []
    visitor = native.EDGE_VISITOR(lambda source, target, _: found.append(contents.at(target)) or 0)
    native.library().pyrefcore_referents(id(holder), visitor, None)
    return found


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the interpreter holds it for them")
def test_holders_of_the_interpreters_types_are_seen(attached):
    held = held_by(int)
    for one in (int.__mro__, int.__bases__):
        assert any(other is one for other in held), held
    tables = [one for one in held if type(one) is dict]
    assert any(one.get("bit_length") is int.__dict__["bit_length"] for one in tables), tables
    references = [one for table in tables for one in table.values() if type(one) is weakref.ref]
    assert bool in [one() for one in references], tables


@pytest.mark.slow
@pytest.mark.parametrize("leaked", [lambda: datetime.time(1, 2), lambda: datetime.datetime(2000, 1, 1)])
def test_times_without_a_zone_are_objects_although_they_end_early(leaked, attached):
    report = attached.check(lambda: incref(leaked()), runs=10)
    assert [(one.type, one.objects_per_run) for one in report.findings] == [
        ("datetime.%s" % type(leaked()).__name__, 1.0)
    ], str(report)


@pytest.mark.slow
def test_memory_behind_a_time_without_a_zone_is_not_read(attached):
    malloc, free = ctypes.pythonapi.PyObject_Malloc, ctypes.pythonapi.PyObject_Free
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    free.restype, free.argtypes = None, [ctypes.c_void_p]
    leaked, kept = held_families.Plain(), []
    size = datetime.datetime.__basicsize__

    def run():
        # The next time objects reuse these blocks, and end before the last word.
        blocks = [malloc(size) for _ in range(30)]
        for block in blocks:
            ctypes.c_size_t.from_address(block + size - 8).value = id(leaked)
        for block in blocks:
            free(block)
        kept.extend([datetime.datetime(2000, 1, 1) for _ in blocks])
        incref(leaked)

    report = attached.check(run, runs=10)
    assert [(one.type, one.references_per_run) for one in report.findings] == [("held_families.Plain", 1.0)], str(report)


class Spec(ctypes.Structure):
    """CPython's `PyType_Spec`."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.c_void_p),
    ]


def test_fields_that_an_extension_shows_to_no_visitor_may_hold(attached):
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype = ctypes.py_object
    no_slots, head = ctypes.create_string_buffer(16), object.__basicsize__
    # Such a type uses only CPython's functions. Only its size shows that it has a field.
    spec = Spec(b"hidden.Hidden", head + 8, 0, 0, ctypes.addressof(no_slots))
    hidden, kept = make(ctypes.byref(spec)), []

    def run():
        thing = held_families.Plain()
        incref(thing)
        kept.append(hidden())
        ctypes.c_size_t.from_address(id(kept[-1]) + head).value = id(thing)

    report = attached.check(run, runs=10)
    assert report.ok, str(report)


# Imports all modules of the standard library, and makes objects of each family.
QUIET = """
import importlib, sys
sys.path.insert(0, {tests!r})
import held_elsewhere
import held_families
import held_frames  # noqa: F401 - adds its family
import held_streams
import held_types
names = sorted(getattr(sys, "stdlib_module_names", ())) or {names!r}.split()
for name in names:
    if name not in ("antigravity", "this", "idlelib", "turtledemo") and not name.startswith("_test"):
        try:
            importlib.import_module(name)
        except BaseException:
            pass
import pyrefcore
kept = [make() for _ in range(3) for make in held_families.FAMILIES.values()]
import pyrefcore
report = pyrefcore.audit()
for finding in report.findings:
    print(finding.type, [(one.repr, one.refcount, one.explained) for one in finding.examples])
print("modules", len(sys.modules) > 150, "end")
"""

# Before 3.10 there is no sys.stdlib_module_names.
NAMES = """
abc aifc argparse array ast asynchat asyncio asyncore base64 bdb binascii bisect bz2 calendar cgi chunk cmath cmd code
codecs codeop collections colorsys compileall concurrent.futures configparser contextlib contextvars copy copyreg
cProfile crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest email encodings enum
errno faulthandler fcntl filecmp fileinput fnmatch formatter fractions ftplib functools gc getopt getpass gettext glob
grp gzip hashlib heapq hmac html html.parser http.client http.server imaplib imghdr imp inspect io ipaddress itertools
json keyword lib2to3 linecache locale logging logging.config lzma mailbox mailcap marshal math mimetypes mmap
modulefinder multiprocessing multiprocessing.pool netrc nis nntplib numbers opcode operator optparse os ossaudiodev
parser pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty
pwd py_compile pyclbr pydoc pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets
select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 ssl stat
statistics string stringprep struct subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib
tempfile termios textwrap threading time timeit token tokenize trace traceback tracemalloc tty types typing
unicodedata unittest unittest.mock urllib.request uu uuid venv warnings wave weakref webbrowser wsgiref.simple_server
xdrlib xml.dom.minidom xml.etree.ElementTree xml.sax xmlrpc.client zipapp zipfile zipimport zlib
"""


def test_nothing_of_the_standard_library_is_missing(attached):
    import os

    here = os.path.dirname(os.path.abspath(__file__))
    done = python("-W", "ignore", "-c", QUIET.format(tests=here, names=NAMES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("modules True end\n"), done.stdout + done.stderr
    assert done.stdout.count("\n") == 1, done.stdout
