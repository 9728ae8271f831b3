"""Looks once at every object that is alive, and finds one that was released too often before it causes a crash.

Expected output:

    before: no findings
    after: over-release, 1 reference to __main__.Thing is missing
    a list visibly holds it
"""

import ctypes

import pyrefcore

# Stands in for a C extension with a mistake: it releases a reference that it does not own.
decref = ctypes.pythonapi.Py_DecRef
decref.argtypes, decref.restype = [ctypes.py_object], None


class Thing:
    pass


things = [Thing()] * 9
print("before: no findings" if pyrefcore.audit() else "before: findings")

decref(things[0])
report = pyrefcore.audit()
for finding in report.findings:
    print("after: %s, %g reference to %s is missing" % (finding.kind, -finding.references_per_run, finding.type))
    print("a %s visibly holds it" % finding.examples[0].referrers[0].type)

# The reference is given back, so that the list can die.
ctypes.pythonapi.Py_IncRef(ctypes.py_object(things[0]))
