"""Cases of run.sh: the library's effects on the process, its children and other preloads."""

import os
from tested import Skip, case, need, one_line

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

BABBLE = """
import sys, warnings, json, re
print("out", json.dumps([1.5, None]), re.sub("a+", "b", "caat"))
print("err", file=sys.stderr)
warnings.warn("mind")
sys.exit(3)
"""


@case("both")
def silent(t):
    """Without PYREFCORE in the environment the library has no visible effect."""
    plain = t.run("-c", BABBLE, preload=False)
    need(plain.status == 3 and "mind" in plain.err, "the script is wrong", plain)
    t.same(plain, t.run("-c", BABBLE))


@case("both")
def is_inside(t):
    """The preload works: the library is in the process, and its symbols are global."""
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


def title(flavour):
    """The start of the library's name for a flavour; its debug options follow."""
    version = flavour.split("-")[0][2:]
    return "CPython %s.%s" % (version[0], version[1:].replace("t", " (free-threaded"))


@case("both")
def wrong_flavour(t):
    tried = 0
    for flavour, library in sorted(t.others.items()):
        if library is None or "-" in flavour or not t.told_apart(flavour):
            continue
        tried += 1
        for words in (None, "live", "children"):
            result = t.run("-c", "print('began')", preload=library, words=words, report="stderr")
            names = [title(flavour), title(t.python.flavour)]
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
    # The library does nothing in the shell, but works in the Python that the shell starts.
    code = "import os; print('libpyrefcore' in open('/proc/self/maps').read(), os.environ.get('LD_PRELOAD'))"
    result = t.run(command=["sh", "-c", 'echo begin; "$0" -c "$1"; exit 4', t.python.path, code])
    need((result.status, result.out, result.err) == (4, "begin\nTrue None\n", ""), "a shell between", result)


@case()
def python_comes_later(t):
    """A program that loads CPython later works as it does without the library. With a wrong flavour it ends."""
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
        if not t.told_apart(flavour):
            continue
        result = t.run(command=[program, maps, code], preload=library, PYTHONHOME=home)
        need(result.status == 2 and one_line(result) and not result.out, "%s was preloaded" % flavour, result)
