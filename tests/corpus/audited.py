"""Runs pyrefcore.check on each function and its twin, in the Python that runs this.

    audited.py [--list] [NAME ...]      prints two JSON objects a case: its name, and then what was found
"""

import gc
import json
import os
import sys

from case import secure
from every import cases_here

def check(case, which):
    """What is found in one function: [kind, type, references per run, objects per run] each, and what went wrong."""
    import pyrefcore

    run, arguments = case.runner(which)
    report = pyrefcore.check(run)
    if which == "wrong":
        secure()
    del arguments
    findings = [[finding.kind, finding.type, abs(finding.references_per_run), finding.objects_per_run]
                for finding in report.findings]
    return {"findings": findings, "error": report.error, "unsteady": [note for note in report.notes if "grows" in note]}


def expected(case):
    """What must be found, as `check` has it; without objects where references tell."""
    return ([[case.kind, kind, references, None] for kind, references in case.found.items()]
            + [[case.kind, kind, 0, objects] for kind, objects in case.objects.items()])


def is_as_expected(wanted, found):
    """Whether the same findings are in both, in any order."""
    if len(wanted) != len(found):
        return False
    return all(any(one[:3] == other[:3] and one[3] in (None, other[3]) for other in found) for one in wanted)


def answer(case):
    """The row of a case."""
    row = {"name": case.name, "expected": expected(case)}
    reason = case.missing()
    if reason:
        return dict(row, verdict="skipped", reason=reason)
    row["right"], row["wrong"] = check(case, "right"), check(case, "wrong")
    reasons = ["the twin is reported: %s" % finding for finding in row["right"]["findings"]]
    reasons += ["%s: %s" % (which, row[which]["error"]) for which in ("right", "wrong") if row[which]["error"]]
    if not is_as_expected(row["expected"], row["wrong"]["findings"]):
        reasons.append("found %s; %s" % (row["wrong"]["findings"], "; ".join(row["wrong"]["unsteady"])))
    return dict(row, verdict="failed" if reasons else "passed", reason="; ".join(reasons))


def main(names):
    # On a debug build an over-released object must be secured before the collector sees it.
    gc.disable()
    for case in cases_here():
        if names and names != ["--list"] and case.name not in names:
            continue
        # Said before it runs, so that a crash has a name.
        print(json.dumps({"name": case.name}), flush=True)
        if names != ["--list"]:
            print(json.dumps(answer(case)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
    # What was over-released mustn't be ended.
    os._exit(0)
