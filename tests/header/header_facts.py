"""What pyrefcore.h and CPython's headers say and do: layouts, constants, types, and the results of inline functions.

facts.c prints the first three, and behave.c the last, for each header that they are compiled with.
"""

import functools
import os
import tempfile

from harness.commands import run
from header_names import IDENTIFIER, own_names

HERE = os.path.dirname(os.path.abspath(__file__))
FACTS, BEHAVE = os.path.join(HERE, "facts.c"), os.path.join(HERE, "behave.c")
THEIRS = "-DAGAINST_PYTHON_H"
INCLUDE = os.path.join(HERE, "facts_include.h")
RANDOM_WORDS = 3000
RECORDED_SEED = 1
RECORDED_FLAGS = ("-O2", "-DNDEBUG")


def _printed(command, *arguments):
    """The lines that a compiled program prints. Signed counts wrap (-fwrapv), as in CPython's own builds."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "program")
        run([*command, "-std=c11", "-fwrapv", "-o", program])
        return run([program, *arguments]).splitlines()


def _statements(names, declared=None):
    """The names as C for facts.c. A name that is not in `declared` is undeclared there."""
    for kind, name, of in names:
        if kind == "constant":
            yield "#ifdef {0}\nCONSTANT({0});\n#else\nUNDECLARED({0});\n#endif\n".format(name)
        elif kind in ("function", "type"):
            if declared is None or name in declared:
                yield "%s(%s, %s);\n" % (kind.upper(), name, of)
            else:
                yield "UNDECLARED(%s%s);\n" % (name, "()" if kind == "function" else "")


def _facts(command, names, declared=None):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "facts_names.inc"), "w") as file:
            file.writelines(_statements(names, declared))
        return _printed([*command, "-I" + folder, FACTS])


def our_facts(compiler, include, defines=()):
    """The facts of the pyrefcore.h in a folder."""
    return _facts([compiler, "-I" + include, *defines], own_names(include))


def _their_facts(compiler, include, *options):
    command = [compiler, THEIRS, *options]
    declared = IDENTIFIER.findall(run([*command, "-w", "-E", "-P", INCLUDE]))
    return _facts(command, own_names(include), set(declared))


def key(fact):
    return fact.split(" ", 1)[0]


@functools.lru_cache(maxsize=None)
def their_facts(compiler, include, python_h):
    """The facts of a Python.h about the names of the pyrefcore.h in a folder.

    Facts that the public headers lack come from the internal ones."""
    public = _their_facts(compiler, include, *python_h.options)
    if python_h.flavour.minor < 9:
        return public
    known = {key(fact): fact for fact in public if not fact.endswith("undeclared")}
    every = _their_facts(compiler, include, "-DWITH_INTERNALS", *python_h.options, *python_h.internals)
    return [known.get(key(fact), fact) for fact in every]


def comparable(ours, theirs):
    """Both lists without the functions that CPython declares nowhere."""
    nowhere = {key(fact) for fact in theirs if fact.endswith("() undeclared")}
    return [[fact for fact in facts if key(fact) not in nowhere] for facts in (ours, theirs)]


def behaviour(command, seed, in_full=False):
    """What inline functions do. `command` is a compiler with its flags and with the options of a header."""
    digest = [] if in_full else ["digest"]
    return _printed([*command, BEHAVE], str(seed), str(RANDOM_WORDS), *digest)


def record(flavour):
    """The file with recorded facts, for a machine that lacks the Python.h. Its first line says whose they are."""
    return os.path.join(HERE, "facts", flavour + ".txt")


def recorded(flavour):
    with open(record(flavour)) as file:
        return file.read().splitlines()[1:]


def recordable(include, python_h):
    """The lines to be recorded, which come from gcc."""
    command = ["gcc", *RECORDED_FLAGS, THEIRS, *python_h.options]
    return their_facts("gcc", include, python_h) + behaviour(command, RECORDED_SEED)


def difference(ours, theirs, name, own="pyrefcore"):
    """The first lines that differ, - ours and + theirs, or ""."""
    if ours == theirs:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, side) for side in ("ours", "theirs")]
        for path, lines in zip(paths, (ours, theirs)):
            with open(path, "w") as file:
                file.writelines(line + "\n" for line in lines)
        text = run(["diff", "-U0", "--label", own, "--label", name, *paths], status=1)
    return "\n".join([line for line in text.splitlines() if not line.startswith("@@")][:40])
