"""pyrefcore.h has each name of CPython's own headers of counting, in the same form.

These headers are object.h, cpython/object.h and refcount.h. flavours/header_left_out.txt has the exceptions.
test_facts.py compares the type and the effect of each name.
"""

import pytest

from header_lists import reasons, without_reason
from header_names import CC, forms, matches, preprocessed

LIST = "header_left_out.txt"


def our_names(library):
    return forms(preprocessed(CC, "#include <pyrefcore.h>\n", "-dD", "-I" + library.include), r"pyrefcore\.h$")


def their_names(python_h):
    text = preprocessed(CC, "#include <Python.h>\n", "-dD", *python_h.options)
    names = forms(text, r"(^|/)(object|refcount|cpython/object)\.h$")
    assert ("_Py_Dealloc", "function") in names, "its names can't be read"
    return names


def lacking(ours, theirs):
    """The names of `theirs` that are not in `ours` in the same form."""
    # A function may replace a macro with parameters, because a caller uses both in the same way.
    functions = {name for name, form in ours if form == "function"}
    return sorted(
        (name, form)
        for name, form in theirs - ours
        if not (form.startswith("macro") and form != "macro" and name in functions)
    )


def test_the_header_has_each_name_of_counting(library, python_h):
    ours = our_names(library(python_h.flavour.name))
    patterns = reasons(LIST)
    lacks = [one for one in lacking(ours, their_names(python_h)) if not matches(one[0], patterns)]
    other = [one for one in sorted(ours) if one[0] in dict(lacks)]
    assert not lacks, "of these, pyrefcore.h has %s; flavours/%s has the exceptions, with reasons" % (other, LIST)


def test_each_name_left_out_has_a_reason():
    assert not without_reason(LIST)


@pytest.mark.tier("all")
def test_each_name_left_out_is_in_a_header(library, python_h_of_all):
    used = set()
    for python_h in python_h_of_all:
        for name, _ in lacking(our_names(library(python_h.flavour.name)), their_names(python_h)):
            used.update(matches(name, reasons(LIST)))
    assert not [pattern for pattern in reasons(LIST) if pattern not in used], "no header has these names"
