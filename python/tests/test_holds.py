"""What CPython's own objects hold is explained: keeping more and more of them is no finding, and nothing is missing."""

import subprocess
import sys

import pytest

import held_families
import held_streams  # noqa: F401 - adds its families
from conftest import python

RUNS = 60


@pytest.mark.parametrize("name", sorted(held_families.FAMILIES))
def test_what_is_kept_is_explained(name, attached):
    found = unexplained(held_families.FAMILIES[name])
    assert not found, found


def unexplained(make):
    """What changes by the same in each window while more and more objects are kept."""
    from pyrefcore import caches
    from pyrefcore.windows import Windows

    kept = [None] * (8 * RUNS)
    free = iter(range(len(kept)))

    def run():
        kept[next(free)] = make()

    windows = Windows(run, 4)
    try:
        windows.run(2 * RUNS)
        for window in range(4):
            if window:
                windows.run(RUNS)
            caches.clear()
            windows.snapshot()
        with windows.compared(0, 4) as findings:
            return [
                (one.kind, one.type_name, [one.references[at] for at in range(3)]) for one in findings
            ]
    finally:
        windows.close()


# As many modules as there are, and an object of each family.
QUIET = """
import importlib, sys
sys.path.insert(0, {tests!r})
import held_families
import held_streams
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

# Before 3.10 Python does not know the names of its modules.
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
