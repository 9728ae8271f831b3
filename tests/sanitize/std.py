"""Links std.c around the functions of Rust's std that order memory, because std is not instrumented."""

import fcntl
import filecmp
import glob
import os
import re
import shutil

from c_tests.programs import CC

from harness.commands import ROOT, run

OUT = "target/sanitize/thread"
OBJECT = OUT + "/std.o"
WRAPPED = [
    re.compile(r"sys4sync5mutex5futex.*5Mutex14lock_contended(17h[0-9a-f]*E)?$"),
    re.compile(r"sys4sync4once5futex.*4Once4call(17h[0-9a-f]*E)?$"),
]
ORDERS = re.compile(r"3std3sys4sync|3std6thread")
# Mutex::wake is called after the release and orders nothing.
WAKE = re.compile(r"5Mutex4wake(17h|$)")


def _symbols(*paths):
    return [line.split() for line in run(["readelf", "--wide", "--syms", *paths], status=None).splitlines()]


def wrapped():
    """The names of the functions that std.c wraps: a mutex's lock, and Once::call. This std may have them elsewhere."""
    folder = run(["rustc", "--print", "target-libdir"]).strip()
    symbols = _symbols(*glob.glob(os.path.join(folder, "libstd-*.rlib")))
    names = {words[7] for words in symbols if len(words) > 7 and words[3] == "FUNC"}
    return [name for wanted in WRAPPED for name in names if wanted.search(name)]


def link_words(lock, once):
    """Compiles std.c, and returns the words that link it around the two functions."""
    old, new = os.path.join(ROOT, OBJECT), os.path.join(ROOT, OBJECT + ".new")
    os.makedirs(os.path.dirname(old), exist_ok=True)
    command = [*CC, *"-O1 -g -fPIC -fno-builtin -Wall -Wextra -Werror -c tests/sanitize/std.c -o".split(), new]
    for macro, name in (("LOCK", lock), ("ONCE", once)):
        command += ["-DREAL_%s=__real_%s" % (macro, name), "-DWRAP_%s=__wrap_%s" % (macro, name)]
    with open(old + ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run(command)
        # make does not know that the libraries hold this object.
        if not os.path.exists(old) or not filecmp.cmp(old, new, shallow=False):
            shutil.rmtree(os.path.join(ROOT, OUT, "dist"), ignore_errors=True)
        os.replace(new, old)
    return [OBJECT, "-Wl,--wrap=" + lock, "-Wl,--wrap=" + once]


def unheard(library):
    """The functions of std that order memory, that the instrumented code calls, and that std.c does not wrap."""
    found, is_ours = set(), True
    for words in _symbols(library.static):
        if words[:1] == ["File:"]:
            is_ours = "(std-" not in words[1]
        elif is_ours and len(words) > 7 and words[6] == "UND" and ORDERS.search(words[7]) and not WAKE.search(words[7]):
            found.add(words[7])
    return sorted(found.difference(wrapped()))
