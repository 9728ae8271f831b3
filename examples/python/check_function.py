"""Checks two functions for leaked references: one is clean, one keeps a reference at each call.

Expected output:

    clean: no findings
    leaky: leak, 1 reference to __main__.Thing per run
    an example has 1 reference, and 0 of them are visibly held
"""

import ctypes

import pyrefcore

# Stands in for a C extension with a mistake: it adds a reference, and nothing ever releases it.
incref = ctypes.pythonapi.Py_IncRef
incref.argtypes, incref.restype = [ctypes.py_object], None


class Thing:
    pass


def clean():
    return [Thing(), Thing()]


def leaky():
    incref(Thing())


report = pyrefcore.check(clean)
# A report is true where it has no findings, so that a test can write `assert pyrefcore.check(clean)`.
print("clean: no findings" if report else report)

for finding in pyrefcore.check(leaky, runs=20).findings:
    print("leaky: %s, %g reference to %s per run" % (finding.kind, finding.references_per_run, finding.type))
    example = finding.examples[0]
    print("an example has %d reference, and %d of them are visibly held" % (example.refcount, example.explained))
