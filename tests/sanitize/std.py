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
# The functions that std.c wraps.
WRAPPED = {
    "LOCK": re.compile(r"sys4sync5mutex5futex.*5Mutex14lock_contended(17h[0-9a-f]*E)?$"),
    "READ": re.compile(r"sys4sync6rwlock5futex.*6RwLock14read_contended(17h[0-9a-f]*E)?$"),
    "WRITE": re.compile(r"sys4sync6rwlock5futex.*6RwLock15write_contended(17h[0-9a-f]*E)?$"),
    "ONCE": re.compile(r"sys4sync4once5futex.*4Once4call(17h[0-9a-f]*E)?$"),
}
ORDERS = re.compile(r"3std3sys4sync|3std6thread")
# These are called after the release and order nothing.
WAKE = re.compile(r"(5Mutex4wake|6RwLock22wake_writer_or_readers)(17h|$)")


def _symbols(*paths):
    return [line.split() for line in run(["readelf", "--wide", "--syms", *paths], status=None).splitlines()]


def wrapped():
    """The names of those functions, or None if this std has one of them elsewhere."""
    folder = run(["rustc", "--print", "target-libdir"]).strip()
    symbols = _symbols(*glob.glob(os.path.join(folder, "libstd-*.rlib")))
    names = {words[7] for words in symbols if len(words) > 7 and words[3] == "FUNC"}
    found = {what: [name for name in names if WRAPPED[what].search(name)] for what in WRAPPED}
    return {what: found[what][0] for what in found} if all(len(found[what]) == 1 for what in found) else None


def link_words(names):
    """Compiles std.c, and returns the words that link it around the functions."""
    old, new = os.path.join(ROOT, OBJECT), os.path.join(ROOT, OBJECT + ".new")
    os.makedirs(os.path.dirname(old), exist_ok=True)
    command = [*CC, *"-O1 -g -fPIC -fno-builtin -Wall -Wextra -Werror -c tests/sanitize/std.c -o".split(), new]
    for what, name in names.items():
        command += ["-DREAL_%s=__real_%s" % (what, name), "-DWRAP_%s=__wrap_%s" % (what, name)]
    with open(old + ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run(command)
        # make does not know that the libraries hold this object.
        if not os.path.exists(old) or not filecmp.cmp(old, new, shallow=False):
            shutil.rmtree(os.path.join(ROOT, OUT, "dist"), ignore_errors=True)
        os.replace(new, old)
    return [OBJECT] + ["-Wl,--wrap=" + name for name in names.values()]


def unheard(library):
    """The functions of std that order memory, that the instrumented code calls, and that std.c does not wrap."""
    found, is_ours = set(), True
    for words in _symbols(library.static):
        if words[:1] == ["File:"]:
            is_ours = "(std-" not in words[1]
        elif is_ours and len(words) > 7 and words[6] == "UND" and ORDERS.search(words[7]) and not WAKE.search(words[7]):
            found.add(words[7])
    return sorted(found.difference(wrapped().values()))
