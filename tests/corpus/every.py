"""All cases whose modules are built."""

import importlib.util

import cases
import cases_bindings


def cases_here():
    found = list(cases.CASES)
    for name, more in ("corpus_cython", cases_bindings.CYTHON), ("corpus_pybind11", cases_bindings.PYBIND11):
        if importlib.util.find_spec(name):
            found += more
    return found
