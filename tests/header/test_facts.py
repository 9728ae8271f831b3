"""pyrefcore.h and CPython's own headers agree: layouts, constants, types, and the results of inline functions.

SEED chooses the random words that inline functions count from.
"""

import os
import random
import re

import pytest

import header_facts
from header_facts import comparable, difference
from header_names import IDENTIFIER, own_names

each_compiler = pytest.mark.parametrize("compiler", ["gcc", "clang"], indirect=True)
RECORD = "python3 tests/header/record_facts.py %s"


@pytest.fixture(scope="module")
def seed():
    return int(os.environ.get("SEED") or random.SystemRandom().getrandbits(32))


def test_each_name_of_the_header_is_compared(library, flavour):
    mentioned = set()
    for file in "facts.c", "behave_operations.h":
        with open(os.path.join(header_facts.HERE, file)) as text:
            mentioned.update(IDENTIFIER.findall(text.read()))
    forgotten = [
        "%s %s" % (kind, name)
        for kind, name, _ in own_names(library(flavour).include)
        # Py_X runs _Py_X and _Py_X_impl.
        if kind in ("macro", "field", "inline") and not mentioned.intersection({name, re.sub("_impl$", "", name[1:])})
    ]
    assert not forgotten, "facts.c and behave_operations.h don't mention these names of pyrefcore.h"


@each_compiler
def test_layouts_constants_and_types_agree(library, python_h, compiler):
    include = library(python_h.flavour.name).include
    theirs = header_facts.their_facts(compiler, include, python_h)
    ours = header_facts.our_facts(compiler, include, python_h.defines)
    wrong = difference(*comparable(ours, theirs), name=python_h.label)
    assert not wrong, wrong


@pytest.mark.parametrize(
    "compiler, flags",
    [
        pytest.param("gcc", ["-O2", "-DNDEBUG"], id="gcc"),
        pytest.param("clang", ["-O2", "-DNDEBUG"], id="clang"),
        pytest.param("gcc", ["-O0"], id="gcc-with-assertions"),
    ],
    indirect=["compiler"],
)
def test_inline_functions_behave_alike(library, python_h, compiler, flags, seed):
    our_options = ["-I" + library(python_h.flavour.name).include, *python_h.defines]
    sides = our_options, [header_facts.THEIRS, *python_h.options]

    def both(in_full=False):
        return [header_facts.behaviour([compiler, *flags, *options], seed, in_full) for options in sides]

    ours, theirs = both()
    if ours != theirs:
        pytest.fail("with SEED=%d:\n%s" % (seed, difference(*both(in_full=True), name=python_h.label)))


def test_the_recorded_facts_are_those_of_this_python_h(library, python_h):
    name = python_h.flavour.name
    if not os.path.exists(header_facts.record(name)):
        pytest.skip("%s has no recorded facts; %s writes them" % (name, RECORD % name))
    theirs = header_facts.recordable(library(name).include, python_h)
    wrong = difference(header_facts.recorded(name), theirs, python_h.label, own="the record")
    assert not wrong, "%s renews the record\n%s" % (RECORD % name, wrong)


@each_compiler
def test_the_header_agrees_with_recorded_facts(library, flavour, compiler):
    if not os.path.exists(header_facts.record(flavour)):
        pytest.skip("%s has no recorded facts; %s writes them from a Python.h" % (flavour, RECORD % flavour))
    include = library(flavour).include
    command = [compiler, *header_facts.RECORDED_FLAGS, "-I" + include]
    ours = header_facts.our_facts(compiler, include)
    ours += header_facts.behaviour(command, header_facts.RECORDED_SEED)
    wrong = difference(*comparable(ours, header_facts.recorded(flavour)), name="the record")
    assert not wrong, wrong
