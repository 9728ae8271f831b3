"""No inline function of pyrefcore.h compiles to more instructions than CPython's."""

import inline_counts


def test_inline_functions_need_no_more_instructions(library, python_h):
    include = library(python_h.flavour.name).include
    # pyconfig.h of a debug build defines Py_DEBUG.
    also = ["-DPy_DEBUG=1"] if "Py_DEBUG" in python_h.switches else []
    text = inline_counts.table([include], python_h.folders, also=also)
    assert not [line for line in text.splitlines() if line.endswith("MORE")], text
