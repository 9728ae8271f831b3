"""Runs pyrefcore.check on each function and its twin, in the Python that runs this.

    audited.py [--list] [NAME ...]      prints two JSON objects for each case: its name, and then the findings
"""

import gc
import os
import sys

from case import secure
from every import print_each

#: The runs of the window that ends a check if no count changes in it, by the value of PYREFCORE_TEST_WAY. `pytest
#: --refs` has one run after pytest's own, and none with --refs-thorough.
WAYS = {"pytest": 2, "thorough": 0}


def checked(run):
    """The report of `run`, checked in one of the WAYS, or else as `pyrefcore.check` does."""
    import pyrefcore
    from pyrefcore.core.check import Checking

    quick = WAYS.get(os.environ.get("PYREFCORE_TEST_WAY"))
    if quick is None:
        return pyrefcore.check(run)
    checking = Checking(run, 100, None, 3, None, True, False, lambda _: None, None, quick)
    for _ in checking.steps(first_is_ours=True):
        pass
    return checking.report


def check(case, which):
    """The findings in one function, each [kind, type, references per run, objects per run], and the error if any."""
    run, arguments = case.runner(which)
    report = checked(run)
    if which == "wrong":
        secure()
    del arguments
    findings = [[finding.kind, finding.type, abs(finding.references_per_run), finding.objects_per_run]
                for finding in report.findings]
    return {"findings": findings, "error": report.error, "unsteady": [note for note in report.notes if "grows" in note]}


def expected(case):
    """The wanted findings, in the form of `check`. A finding with references may have any number of objects."""
    return ([[case.kind, kind, references, None] for kind, references in case.found.items()]
            + [[case.kind, kind, 0, objects] for kind, objects in case.objects.items()])


def is_as_expected(wanted, found):
    """Whether both lists have the same findings, in any order."""
    if len(wanted) != len(found):
        return False
    return all(any(one[:3] == other[:3] and one[3] in (None, other[3]) for other in found) for one in wanted)


def answer(case):
    """The row of a case."""
    row = {"expected": expected(case)}
    reason = case.missing()
    if reason:
        return dict(row, verdict="skipped", reason=reason)
    row["right"], row["wrong"] = check(case, "right"), check(case, "wrong")
    reasons = ["the twin is reported: %s" % finding for finding in row["right"]["findings"]]
    reasons += ["%s: %s" % (which, row[which]["error"]) for which in ("right", "wrong") if row[which]["error"]]
    if not is_as_expected(row["expected"], row["wrong"]["findings"]):
        reasons.append("found %s; %s" % (row["wrong"]["findings"], "; ".join(row["wrong"]["unsteady"])))
    return dict(row, verdict="failed" if reasons else "passed", reason="; ".join(reasons))


if __name__ == "__main__":
    # On a debug build `secure` must run before the collector sees an over-released object.
    gc.disable()
    print_each(sys.argv[1:], answer)
