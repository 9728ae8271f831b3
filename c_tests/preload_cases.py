"""The cases of preload.sh: each runs the tested Python in a child and looks at what it printed."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import preload_common as common

INSIDE = os.path.join(common.HERE, "preload_inside.py")
TRACER = """
static long heard_[4];
int tracer(void *op, int event, void *data) {
    if (data != (void *) 4242) heard_[3]++;
    if (op) heard_[event & 1]++;
    return 0;
}
long heard(int event) { return heard_[event & 3]; }
"""
EMBEDDER = """
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
    void *python = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    if (!python || argc < 3) { puts(dlerror()); return 3; }
    void (*begin)(int) = (void (*)(int)) dlsym(python, "Py_InitializeEx");
    int (*run)(const char *) = (int (*)(const char *)) dlsym(python, "PyRun_SimpleString");
    int (*end)(void) = (int (*)(void)) dlsym(python, "Py_FinalizeEx");
    begin(0);
    int bad = run(argv[2]);
    return bad ? 4 : end() ? 5 : 0;
}
"""


class Skip(Exception):
    """Why a case can't be run here."""


class Wrong(Exception):
    """What a case found."""


CASES = []


def case(kinds="shared", since=(3, 8), until=(3, 99)):
    """Registers a case for the Pythons of some kinds: shared, static or both; from a version to another."""
    def register(function):
        CASES.append((function.__name__, kinds, (since, until), function))
        return function
    return register


def need(condition, what, *results):
    if not condition:
        shown = [what]
        for result in results:
            shown.append("status: %s" % result.status)
            for name, text in (("out", result.out), ("err", result.err)):
                shown += ["%s: %s" % (name, line[:200]) for line in text.splitlines()[-16:]]
        raise Wrong("\n     ".join(shown))


class Tested:
    """One Python and the library of its flavour."""

    def __init__(self, python, library, folder):
        self.python, self.library, self.folder = python, library, folder
        self.known = {}

    def run(self, *arguments, words=None, report=None, preload=True, timeout=120, cwd=None, command=None, **extra):
        """Runs the Python, or a command, with or without the library."""
        preload = self.library if preload is True else preload or None
        environment = common.clean_environment(
            LD_PRELOAD=preload, PYREFCORE=words, PYREFCORE_REPORT=report, PYTHONHASHSEED="0", **extra)
        return common.run(command or [self.python.path, *arguments], environment, timeout, cwd or self.folder)

    def inside(self, what, *arguments, flags=(), **options):
        """Runs a function of preload_inside.py; without the library where it is not preloaded."""
        library = self.library if options.get("preload", True) and not options.pop("alone", False) else "-"
        return self.run("-B", *flags, INSIDE, library, what, *arguments, **options)

    def plain(self, what, *arguments):
        """What the same function prints without the library."""
        if (what, arguments) not in self.known:
            self.known[what, arguments] = self.inside(what, *arguments, preload=False)
        return self.known[what, arguments]

    def expect(self, what, expected, *arguments, **options):
        options.setdefault("words", "live")
        result = self.inside(what, *arguments, **options)
        need((result.status, result.out, result.err) == (0, expected, ""), "%s prints something else" % what, result)

    def expect_as_plain(self, what, *arguments, **options):
        plain = self.plain(what, *arguments)
        need(plain.status == 0, "%s fails without the library" % what, plain)
        self.same(plain, self.inside(what, *arguments, alone=True, **options))

    @staticmethod
    def same(plain, preloaded):
        before, after = ((r.out + "\0" + r.err).splitlines() for r in (plain, preloaded))
        different = [pair for pair in zip(before + [""] * 9, after + [""] * 9) if pair[0] != pair[1]]
        need((plain.status, before) == (preloaded.status, after),
             "differs from a plain run (status %s and %s): %s" % (
                 plain.status, preloaded.status, "".join("\n     < %s\n     > %s" % pair for pair in different[:6])))

    def compiled(self, name, source, *flags):
        """A helper written in C."""
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise Skip("there is no C compiler")
        target, text = os.path.join(self.folder, name), os.path.join(self.folder, name + ".c")
        with open(text, "w") as file:
            file.write(source)
        subprocess.run([compiler, text, "-o", target, *flags], check=True, env=common.clean_environment())
        return target

    def need_births(self):
        if self.python.version == (3, 8):
            raise Skip("3.8 does not call _Py_NewReference by name, so births are not seen")


def one_line(result):
    return result.err.count("\n") == 1 and result.err.startswith("pyrefcore: ")


BABBLE = """
import sys, warnings, json, re
print("out", json.dumps([1.5, None]), re.sub("a+", "b", "caat"))
print("err", file=sys.stderr)
warnings.warn("mind")
sys.exit(3)
"""


@case("both")
def silent(t):
    """Without a word in the environment nothing can be seen of the library."""
    plain = t.run("-c", BABBLE, preload=False)
    need(plain.status == 3 and "mind" in plain.err, "the script is wrong", plain)
    t.same(plain, t.run("-c", BABBLE))


@case("both")
def is_inside(t):
    """The tests test something: the library is in the process, and its symbols come first."""
    code = "import ctypes; print('libpyrefcore' in open('/proc/self/maps').read(), hasattr(ctypes.pythonapi, 'pyrefcore_mark'))"
    need(t.run("-c", code).out.startswith("True"), "the library was not loaded")
    need(t.run("-c", code, preload=False).out.startswith("False"), "a plain run is not plain")


CHILDREN = """
import os, subprocess, sys
print("own", os.environ.get("LD_PRELOAD"), flush=True)
show = "print('child', __import__('os').environ.get('LD_PRELOAD'), 'libpyrefcore' in open('/proc/self/maps').read())"
subprocess.call([sys.executable, "-c", show])
subprocess.call(["sh", "-c", "echo sh $LD_PRELOAD; if grep -q libpyrefcore /proc/self/maps; then echo in; else echo out; fi"])
child = os.fork()
if child == 0:
    os.execv(sys.executable, [sys.executable, "-c", show])
os.waitpid(child, 0)
os.system("echo system $LD_PRELOAD")
"""


@case("both")
def children_are_left_alone(t):
    plain = t.run("-c", CHILDREN, preload=False)
    need(plain.status == 0 and "own None" in plain.out and "child None False" in plain.out, "the script is wrong", plain)
    t.same(plain, t.run("-c", CHILDREN))


@case("both")
def children_inherit_when_asked(t):
    result = t.run("-c", CHILDREN, words="children")
    lib = t.library
    expected = "own %s\nchild %s True\nsh %s\nin\nchild %s True\nsystem %s\n" % ((lib,) * 5)
    need((result.status, result.out, result.err) == (0, expected, ""), "children do not inherit", result)


@case("both")
def other_preloads_are_kept(t):
    other = t.compiled("other.so", "int preloaded_too;", "-shared", "-fPIC")
    code = "import os; print(os.environ.get('LD_PRELOAD'), 'other.so' in open('/proc/self/maps').read())"
    for preload in ("%s:%s", "%s %s", "%s::%s:"):
        for pair in ((t.library, other), (other, t.library)):
            result = t.run("-c", code, preload=preload % pair)
            need(result.out == "%s True\n" % other and not result.err, "another preload was lost", result)
    # A name without a folder is found on the search path.
    folder, name = os.path.split(os.path.realpath(t.library))
    result = t.run("-c", code + "; print('libpyrefcore' in open('/proc/self/maps').read())",
                   preload="%s:%s" % (name, other), LD_LIBRARY_PATH=folder)
    need(result.out == "%s True\nTrue\n" % other, "a bare name stays", result)


@case("both")
def unknown_word(t):
    for words in ("lively", "live,lively", "lively,children"):
        result = t.run("-c", "print('goes on')", words=words)
        need(result.status == 0 and result.out == "goes on\n" and one_line(result) and "lively" in result.err,
             "PYREFCORE=%s" % words, result)
    result = t.run("-c", "print('goes on')", words="")
    need((result.out, result.err) == ("goes on\n", ""), "an empty PYREFCORE", result)


@case("both")
def wrong_flavour(t):
    tried = 0
    for flavour in ("cp38", "cp39", "cp310", "cp311", "cp312", "cp313"):
        library = None if flavour == t.python.flavour else t.others.get(flavour)
        if library is None:
            continue
        tried += 1
        for words in (None, "live", "children"):
            result = t.run("-c", "print('began')", preload=library, words=words, report="stderr")
            names = ["CPython %s.%s" % (f[2:3], f[3:].split("-")[0]) for f in (flavour, t.python.flavour)]
            need(result.status == 2 and not result.out and one_line(result) and all(name in result.err for name in names),
                 "%s was preloaded" % flavour, result)
    if not tried:
        raise Skip("no other flavour has been built")


@case("both")
def inert_elsewhere(t):
    for command in (["ls", "/"], ["ls", "/no such folder"], ["sh", "-c", "echo one; echo two >&2; exit 9"], ["true"]):
        plain = t.run(command=command, preload=False)
        for words in (None, "live,trace", "lively"):
            t.same(plain, t.run(command=command, words=words, report="stderr"))
    # The shell is left alone, and the Python that it starts is not.
    code = "import os; print('libpyrefcore' in open('/proc/self/maps').read(), os.environ.get('LD_PRELOAD'))"
    result = t.run(command=["sh", "-c", 'echo begin; "$0" -c "$1"; exit 4', t.python.path, code])
    need((result.status, result.out, result.err) == (4, "begin\nTrue None\n", ""), "a shell between", result)


@case()
def python_comes_later(t):
    """A program that loads CPython when it likes works as it does without the library, or is told."""
    program = t.compiled("embedder", EMBEDDER, "-ldl")
    maps = t.run("-c", "print([l.split()[-1] for l in open('/proc/self/maps') if 'libpython3.' in l][0])").out.strip()
    home = t.run("-c", "import sys; print(sys.base_prefix)").out.strip()
    code = ("import tracemalloc, gc\ntracemalloc.start()\nkept = [tuple([n, gc]) for n in range(5000)]\ndel kept[4000:]\n"
            "again = tuple([1, gc])\nprint(tracemalloc.get_object_traceback(again))\ngc.collect()\nprint([[n] for n in range(3)])")
    plain = t.run(command=[program, maps, code], preload=False, PYTHONHOME=home)
    need(plain.status == 0 and "[[0], [1], [2]]" in plain.out, "the program is wrong", plain)
    for words in (None, "live"):
        t.same(plain, t.run(command=[program, maps, code], words=words, PYTHONHOME=home))
    for flavour, library in sorted(t.others.items()):
        result = t.run(command=[program, maps, code], preload=library, PYTHONHOME=home)
        need(result.status == 2 and one_line(result) and not result.out, "%s was preloaded" % flavour, result)


def check_report(t, text, born=True):
    need(re.search(r"^pyrefcore \S+ \(%s\)$" % t.python.flavour, text, re.M), "no heading: %r" % text)
    need(text.count("pyrefcore ") == 1, "more than one report: %r" % text)
    numbers = dict(re.findall(r"^  (born|died|alive) +(\d+)", text, re.M))
    if not born:
        need(set(numbers) == {"born", "died"} and "note:" in text, "births, deaths or the note are missing: %r" % text)
        return numbers
    need(set(numbers) == {"born", "died", "alive"}, "births, deaths or the living are missing: %r" % text)
    alive = [int(n) for n in re.findall(r"^ {8} +(\d+)  ", text, re.M)]
    need(sum(alive) == int(numbers["alive"]), "the types do not add up: %r" % text)
    if born:
        need(int(numbers["born"]) > 5000 and int(numbers["died"]) > 5000, "too few: %r" % numbers)
        need(int(numbers["born"]) >= int(numbers["alive"]), "more alive than were born: %r" % numbers)
        need(int(numbers["born"]) >= int(numbers["died"]), "more died than were born: %r" % numbers)
        replaced = text.split("replaced in the interpreter and in extensions:")[-1].split(":")[0]
        need("_Py_Dealloc" in replaced and "_Py_NewReference" in replaced, "what was replaced is missing: %r" % text)
    return numbers


@case()
def report_to_stderr(t):
    code = "print('ran'); x = [object() for _ in (None,) * 3000]; raise SystemExit(7)"
    result = t.run("-c", code, report="stderr")
    need(result.status == 7 and result.out == "ran\n", "the program was disturbed", result)
    check_report(t, result.err, born=t.python.version > (3, 8))
    more = t.run("-c", code.replace("3000", "9000"), report="stderr", words="live")
    t.need_births()
    born = [int(re.search(r"born +(\d+)", r.err)[1]) for r in (result, more)]
    need(6000 <= born[1] - born[0] <= 6400, "6000 more objects are not 6000 more births: %r" % born)


@case()
def report_to_file(t):
    path = os.path.join(t.folder, "report.txt")
    with open(path, "w") as file:
        file.write("an older report\n" * 1000)
    result = t.run("-c", "print('ran')", report=path)
    need((result.status, result.out, result.err) == (0, "ran\n", ""), "the program was disturbed", result)
    with open(path) as file:
        check_report(t, file.read(), born=t.python.version > (3, 8))


@case()
def report_beside_the_start(t):
    """A relative path means where the program was started, wherever it goes later."""
    start, later = (os.path.join(t.folder, name) for name in ("start", "later"))
    os.makedirs(start), os.makedirs(later)
    result = t.run("-c", "import os; os.chdir(%r)" % later, report="report.txt", cwd=start)
    need((result.status, result.err) == (0, ""), "the program was disturbed", result)
    need(not os.listdir(later), "the report followed the program")
    with open(os.path.join(start, "report.txt")) as file:
        check_report(t, file.read(), born=t.python.version > (3, 8))


@case("both")
def report_that_can_not_be_written(t):
    for path in (os.path.join(t.folder, "no such folder", "report"), t.folder, "/dev/full"):
        plain = t.run("-c", "print('ran'); raise SystemExit(7)", preload=False)
        result = t.run("-c", "print('ran'); raise SystemExit(7)", report=path)
        need((result.status, result.out) == (plain.status, plain.out) == (7, "ran\n") and one_line(result) and path in result.err,
             "PYREFCORE_REPORT=%s" % path, result)
    gone = os.path.join(t.folder, "gone")
    os.mkdir(gone)
    result = t.run("-c", "import shutil; shutil.rmtree(%r); raise SystemExit(7)" % gone, report=os.path.join(gone, "report"))
    need(result.status == 7 and one_line(result), "the folder went away", result)


@case()
def report_of_the_parent_only(t):
    path = os.path.join(t.folder, "parents.txt")
    result = t.inside("fork_and_leave", report=path)
    need((result.status, result.out, result.err) == (0, "child 5\nchild 6\n", ""), "forks were disturbed", result)
    with open(path) as file:
        check_report(t, file.read(), born=t.python.version > (3, 8))
    result = t.inside("fork_and_leave", report="stderr")
    check_report(t, result.err, born=t.python.version > (3, 8))
    code = ("import multiprocessing as m\nif __name__ == '__main__':\n"
            "    with m.get_context('fork').Pool(2) as pool: print(sum(pool.map(abs, range(100))))")
    result = t.run("-W", "ignore", "-c", code, report="stderr")
    need(result.out == "4950\n", "a pool was disturbed", result)
    check_report(t, result.err, born=t.python.version > (3, 8))


@case()
def report_names_birth_sites(t):
    t.need_births()
    result = t.inside("leak", words="trace", report="stderr")
    need(result.status == 0, "the program was disturbed", result)
    check_report(t, result.err)
    found = re.search(r"^ +12345  Thing\n +1234\d of them born at\n((?: {24}.*\n)+)", result.err, re.M)
    need(found, "12345 leaked things are not named", result)
    need(re.match(r" *_?Py\w+", found[1]), "the innermost frame is not one of the interpreter's", result)
    without = t.inside("leak", words="live", report="stderr")
    need(re.search(r"^ +12345  Thing$", without.err, re.M) and "born at" not in without.err, "without trace", without)


def live_case(what, expected, since=(3, 9), **options):
    """A case that runs a function with the live table on and knows what it prints."""
    def check(t):
        t.need_births()
        t.expect(what, expected, **options)
    check.__name__ = "live_" + what + options.pop("suffix", "")
    check.__doc__ = expected
    CASES.append((check.__name__, "shared", (since, (3, 99)), check))


KINDS = "Thing Slotted Text list dict tuple bytes float int set function bytearray str".split()
EXACT = "".join("%s True True True True\n" % name for name in KINDS)
MODEL = "".join("%s ok\n" % name for name in sorted(
    "float bytes bytearray list dict set complex Thing Slotted".split()))
CHURN = "left behind: {}\nin all: True True\n"
TABLE = "gc.get_objects() outside the table: {}\n"
PRECISE = "1000 500 (7, 507) 0 0\n"

FUNCTIONS = {"precise": PRECISE, "exact": EXACT, "churn": CHURN, "model": MODEL, "collector": TABLE + "held: True\n",
             "resized": "moved out of the table: {}\ncounted: {}\nleft: {}\n"}
for suffix, functions, options in (
    ("", FUNCTIONS, {}),
    ("_malloc", FUNCTIONS, {"PYTHONMALLOC": "malloc"}),
    ("_debug", FUNCTIONS, {"PYTHONMALLOC": "debug"}),
    ("_malloc_debug", ("churn", "resized"), {"PYTHONMALLOC": "malloc_debug"}),
    ("_dev", ("precise", "collector"), {"flags": ("-X", "dev")}),
    ("_tracemalloc", ("precise", "model"), {"flags": ("-X", "tracemalloc=2")}),
    ("_trace", ("precise",), {"words": "live,trace", "timeout": 300}),
):
    for what in functions:
        live_case(what, FUNCTIONS[what], suffix=suffix, **options)
live_case("phantoms", "True 2500\n")
live_case("resurrect", "saved 50 alive 50\nalive 0\nsaved 30 alive 30\nalive 0\n")
live_case("threads", "3200\n0\n" + TABLE)
live_case("threads", "3200\n0\n" + TABLE, suffix="_malloc", PYTHONMALLOC="malloc")
live_case("fork", "child 0 parent 100\n")


@case()
def live_subinterpreters(t):
    t.need_births()
    flags = ("-W", "ignore")
    plain = t.inside("subinterpreters", preload=False, flags=flags)
    need(plain.status == 0 and plain.out == "done\n", "the script is wrong", plain)
    for words in (None, "live"):
        result = t.inside("subinterpreters", flags=flags, words=words) if words else t.run(
            "-B", *flags, INSIDE, "-", "subinterpreters")
        need(result.status == 0 and result.out == (TABLE if words else "") + "done\n", "PYREFCORE=%s" % words, result)
        need("True" not in result.err, "objects of interpreters that have ended stay in the table", result)


@case()
def switched_on_later(t):
    """The table is as exact when it is switched on in a running interpreter."""
    t.need_births()
    t.expect("switch", "born since: 30\nborn since: 30\n" + CHURN + "left: 0\n" + CHURN, words=None)


@case("both")
def deep_chains(t):
    for words in (None, "live"):
        t.expect("deep", "gone\n", words=words)


@case("both")
def tracemalloc(t):
    """tracemalloc says exactly what it says without the library."""
    for words in (None, "live"):
        t.expect_as_plain("tracemalloc", words=words)


@case("both")
def dev_mode(t):
    """-X dev finds nothing to warn of."""
    plain = t.run("-X", "dev", "-c", BABBLE, preload=False)
    for words in (None, "live"):
        t.same(plain, t.run("-X", "dev", "-c", BABBLE, words=words))


@case("both", since=(3, 13))
def ref_tracer(t):
    """A tracer that somebody else sets hears everything."""
    helper = t.compiled("tracer.so", TRACER, "-shared", "-fPIC")
    plain = t.plain("ref_tracer", helper)
    need(plain.status == 0 and "later True named True 4242 wrong data 0" in plain.out, "the script is wrong", plain)
    for words, report in ((None, None), ("live", None), (None, os.path.join(t.folder, "report")), ("live,trace", None)):
        t.expect_as_plain("ref_tracer", helper, words=words, report=report)


@case("static")
def static_says_so(t):
    result = t.run("-c", "print('ran'); raise SystemExit(7)", report="stderr", words="live")
    need(result.status == 7 and result.out == "ran\n", "the program was disturbed", result)
    need("note: this interpreter binds its own calls directly" in result.err, "no note", result)


@case("static")
def static_with_everything_on(t):
    for words in ("live", "live,trace"):
        result = t.inside("churn", words=words, report=os.path.join(t.folder, "report"))
        need(result.status == 0 and not result.err, "a static interpreter was disturbed", result)


@case(until=(3, 8))
def unseen_births_are_noted(t):
    """3.8 makes objects without calling anybody: the report says that it does not know."""
    result = t.run("-c", "pass", report="stderr")
    need("note:" in result.err, "no note", result)


def test(python, t, options, counts):
    kind = "shared" if python.replaceable else "static"
    for name, kinds, (since, until), function in CASES:
        if options.k and not re.search(options.k, name):
            continue
        if kinds not in (kind, "both") or not since <= python.version <= until:
            continue
        where = "%s %s" % (python.name, name)
        t.folder = tempfile.mkdtemp(prefix="preload-")
        began = time.monotonic()
        try:
            function(t)
            counts["passed"] += 1
            if options.v:
                print("ok   %s (%.1f s)" % (where, time.monotonic() - began), flush=True)
        except Skip as why:
            counts["skipped"] += 1
            print("skip %s: %s" % (where, why), flush=True)
        except Wrong as wrong:
            counts["failed"] += 1
            print("FAIL %s: %s" % (where, wrong), flush=True)
        finally:
            shutil.rmtree(t.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(prog="preload.sh")
    parser.add_argument("-v", action="store_true", help="name the cases that pass too")
    parser.add_argument("-k", metavar="CASE", help="only the cases whose name matches this expression")
    parser.add_argument("flavours", nargs="*", metavar="FLAVOUR")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    pythons = [p for p in common.find_pythons() if not options.flavours or p.flavour in options.flavours]
    libraries = {p.flavour: common.library(p.flavour) for p in pythons}
    libraries = {flavour: library for flavour, library in libraries.items() if library}
    for python in pythons:
        if python.flavour not in libraries:
            print("skip %s: there is no library of this flavour" % python.name)
            counts["skipped"] += 1
            continue
        t = Tested(python, libraries[python.flavour], None)
        t.others = {flavour: library for flavour, library in libraries.items() if flavour != python.flavour}
        if options.flavours:
            staged = os.environ.get("PYREFCORE_DIST") or os.path.join(common.ROOT, "target", "dist")
            for flavour in ("cp311", "cp312"):
                path = os.path.join(staged, flavour, "lib", "libpyrefcore.so")
                if flavour != python.flavour and os.path.exists(path):
                    t.others[flavour] = path
        before = dict(counts)
        test(python, t, options, counts)
        print("%s: %s" % (python.name, ", ".join("%d %s" % (counts[k] - before[k], k) for k in counts)), flush=True)
    for kind, missing in (("replaceable", not any(p.replaceable for p in pythons)),
                          ("static", all(p.replaceable for p in pythons))):
        if missing and not options.flavours:
            print("skip %s: there is no %s Python on this machine" % (kind, kind))
            counts["skipped"] += 1
    print("%d passed, %d failed, %d skipped" % tuple(counts.values()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
