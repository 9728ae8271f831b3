"""The preloaded library leaves the process, its children and other preloads as they are without it."""

import os

import pytest

from preload.tested import is_one_line

BABBLE = """
import sys, warnings, json, re
print("out", json.dumps([1.5, None]), re.sub("a+", "b", "caat"))
print("err", file=sys.stderr)
warnings.warn("mind")
sys.exit(3)
"""

CHILDREN = """
import os, subprocess, sys
print("own", os.environ.get("LD_PRELOAD"), flush=True)
show = "print('child', __import__('os').environ.get('LD_PRELOAD'), 'libpyrefcore' in open('/proc/self/maps').read())"
subprocess.call([sys.executable, "-c", show])
subprocess.call(["sh", "-c", "echo sh $LD_PRELOAD; grep -q libpyrefcore /proc/self/maps && echo in || echo out"])
child = os.fork()
if child == 0:
    os.execv(sys.executable, [sys.executable, "-c", show])
os.waitpid(child, 0)
os.system("echo system $LD_PRELOAD")
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

EMBEDDED = """
import tracemalloc, gc
tracemalloc.start()
kept = [tuple([n, gc]) for n in range(5000)]
del kept[4000:]
again = tuple([1, gc])
print(tracemalloc.get_object_traceback(again))
gc.collect()
print([[n] for n in range(3)])
"""


@pytest.mark.parametrize("flags, words", [((), None), (("-X", "dev"), None), (("-X", "dev"), "live")])
def test_a_program_prints_and_warns_as_without_the_library(tested, flags, words):
    plain = tested.run(*flags, "-c", BABBLE, preload=False)
    assert plain.status == 3 and "mind" in plain.err, "the script is wrong"
    assert tested.run(*flags, "-c", BABBLE, words=words) == plain


def test_the_library_is_in_the_process_and_its_symbols_are_global(tested):
    code = (
        "import ctypes; print('libpyrefcore' in open('/proc/self/maps').read(), "
        "hasattr(ctypes.pythonapi, 'pyrefcore_mark'))"
    )
    assert tested.run("-c", code).out == "True True\n"
    assert tested.run("-c", code, preload=False).out == "False False\n"


def test_children_are_left_alone(tested):
    plain = tested.run("-c", CHILDREN, preload=False)
    assert plain.status == 0 and "own None" in plain.out and "child None False" in plain.out, "the script is wrong"
    assert tested.run("-c", CHILDREN) == plain


def test_children_inherit_the_library_when_asked(tested):
    expected = "own %s\nchild %s True\nsh %s\nin\nchild %s True\nsystem %s\n" % ((tested.library,) * 5)
    assert tested.run("-c", CHILDREN, words="children") == (0, expected, "")


@pytest.fixture
def other(tested):
    """Another library to preload."""
    return tested.compiled("other.so", "int preloaded_too;", "-shared", "-fPIC")


SHOW_OTHER = "import os; print(os.environ.get('LD_PRELOAD'), 'other.so' in open('/proc/self/maps').read())"


@pytest.mark.parametrize("form", ["%s:%s", "%s %s", "%s::%s:"])
def test_other_preloads_are_kept(tested, other, form):
    for pair in (tested.library, other), (other, tested.library):
        result = tested.run("-c", SHOW_OTHER, preload=form % pair)
        assert (result.out, result.err) == ("%s True\n" % other, "")


def test_another_preload_is_kept_beside_a_name_on_the_search_path(tested, other):
    folder, name = os.path.split(os.path.realpath(tested.library))
    code = SHOW_OTHER + "; print('libpyrefcore' in open('/proc/self/maps').read())"
    result = tested.run("-c", code, preload="%s:%s" % (name, other), LD_LIBRARY_PATH=folder)
    assert result.out == "%s True\nTrue\n" % other


@pytest.mark.parametrize("words", ["lively", "live,lively", "lively,children"])
def test_an_unknown_word_is_named_and_the_program_goes_on(tested, words):
    result = tested.run("-c", "print('goes on')", words=words)
    assert (result.status, result.out) == (0, "goes on\n")
    assert is_one_line(result) and "lively" in result.err


def test_an_empty_word_is_no_word(tested):
    assert tested.run("-c", "print('goes on')", words="") == (0, "goes on\n", "")


def title(flavour):
    """The start of the library's name for a flavour; its debug options follow."""
    version = flavour.split("-")[0][2:]
    return "CPython %s.%s" % (version[0], version[1:].replace("t", " (free-threaded"))


@pytest.mark.parametrize("words", [None, "live", "children"])
def test_a_library_of_another_flavour_ends_the_process(tested, others, words):
    for flavour in others:
        if "-" not in flavour:
            result = tested.run("-c", "print('began')", preload=others[flavour], words=words, report="stderr")
            assert (result.status, result.out) == (2, "")
            assert is_one_line(result)
            assert title(flavour) in result.err and title(tested.flavour.name) in result.err


@pytest.mark.parametrize("words", [None, "live,trace", "lively"])
@pytest.mark.parametrize(
    "command",
    [["ls", "/"], ["ls", "/no such folder"], ["sh", "-c", "echo one; echo two >&2; exit 9"], ["true"]],
    ids=["lists", "fails", "writes", "ends"],
)
def test_a_program_without_a_cpython_works_as_without_the_library(tested, command, words):
    plain = tested.run(command=command, preload=False)
    assert tested.run(command=command, words=words, report="stderr") == plain


def test_the_library_works_in_a_python_that_a_shell_starts(tested):
    code = "import os; print('libpyrefcore' in open('/proc/self/maps').read(), os.environ.get('LD_PRELOAD'))"
    command = ["sh", "-c", 'echo begin; "$0" -c "$1"; exit 4', tested.python, code]
    assert tested.run(command=command) == (4, "begin\nTrue None\n", "")


@pytest.fixture
def embedded(tested):
    """A function: runs a program that loads CPython when it has started."""
    program = tested.compiled("embedder", EMBEDDER, "-ldl")
    code = "print([line.split()[-1] for line in open('/proc/self/maps') if 'libpython3.' in line][0])"
    libpython = tested.run("-c", code).out.strip()
    home = tested.run("-c", "import sys; print(sys.base_prefix)").out.strip()

    def run(**options):
        return tested.run(command=[program, libpython, EMBEDDED], PYTHONHOME=home, **options)

    return run


@pytest.mark.hosts(kind="replaceable")
def test_a_program_may_load_cpython_later(embedded):
    plain = embedded(preload=False)
    assert plain.status == 0 and "[[0], [1], [2]]" in plain.out, "the program is wrong"
    for words in None, "live":
        assert embedded(words=words) == plain


@pytest.mark.hosts(kind="replaceable")
def test_a_program_that_loads_another_flavour_later_ends(embedded, others, library):
    # In a free-threaded flavour the type is in another place.
    for other in [*others.values(), library("cp313t").shared]:
        result = embedded(preload=other)
        assert (result.status, result.out) == (2, "")
        assert is_one_line(result)
