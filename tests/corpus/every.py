"""All cases whose modules are built."""

import importlib.util
import json
import os

import cases
import cases_bindings


def cases_here():
    found = list(cases.CASES)
    for name, more in ("corpus_cython", cases_bindings.CYTHON), ("corpus_pybind11", cases_bindings.PYBIND11):
        if importlib.util.find_spec(name):
            found += more
    return found


def print_each(names, answer):
    """Prints two JSON objects for each named case: its name, and then the answer. Prints only names for `--list`. Ends the
    process."""
    for case in cases_here():
        if names and names != ["--list"] and case.name not in names:
            continue
        # Printed before the case runs, so that a crash has a name.
        print(json.dumps({"name": case.name}), flush=True)
        if names != ["--list"]:
            print(json.dumps(dict(answer(case), name=case.name)), flush=True)
    # A normal exit would end over-released objects.
    os._exit(0)
