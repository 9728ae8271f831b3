"""Compiles the C programs of this folder, and runs them. The sanitizers and the portable build test with them too."""

import glob
import os
import re
import shlex

import pytest

from harness.commands import ROOT, run

CC = shlex.split(os.environ.get("CC", "gcc"))
FLAGS = ["-Ic_tests/support", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"]
FLAGS += shlex.split(os.environ.get("CFLAGS", ""))
LINKS = ("shared", "static")


def _found():
    """Each program's sources, relative to ROOT. NAME_a.c and NAME_b.c together are one program."""
    found = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "c_tests", "*", "*.c"))):
        name = re.sub("_[ab]$", "", os.path.basename(path)[:-2])
        found.setdefault(name, []).append(os.path.relpath(path, ROOT))
    return found


SOURCES = _found()


def _starts_threads(sources):
    """Whether the sources, or the headers of support/ that they include, name pthread_create."""
    for path in sources:
        with open(os.path.join(ROOT, path)) as file:
            text = file.read()
        headers = ["c_tests/support/" + name for name in re.findall(r'#include "(\w+\.h)"', text)]
        if "pthread_create" in text or _starts_threads(headers):
            return True
    return False


THREADED = [program for program in SOURCES if _starts_threads(SOURCES[program])]


def compile_sources(sources, path, library, link="shared", flags=()):
    """Compiles a program that uses the library, which is linked as `link` says."""
    how = ["-DLINKED_STATICALLY"] if link == "static" else []
    what = library.link_static if link == "static" else library.link_shared + ["-lpthread"]
    run([*CC, *FLAGS, *flags, *how, "-I" + library.include, *sources, "-o", path, *what])


def compile_program(program, link, library, folder, flags=()):
    """Compiles a program of this folder, and returns its path."""
    path = os.path.join(folder, "%s.%s" % (program, link))
    compile_sources(SOURCES[program], path, library, link, flags)
    return path


def check_program(path, under=(), env=None, seconds=120):
    """Runs a program with the command `under`. The program's own exit status decides."""
    # The command `timeout` ends the program's children too, and what they wrote is shown.
    text = run(["timeout", seconds, *under, path], env=env, timeout=seconds + 60)
    skipped = re.search("^skipped: (.*)", text, re.MULTILINE)
    if skipped:
        pytest.skip(skipped.group(1))
