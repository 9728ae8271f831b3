"""Runs pyrefcore.check with `who` on each faulty function, in the Python that runs this.

    named.py [--list] [NAME ...]      prints two JSON objects for each case: its name, and then who was named
"""

import gc
import os
import subprocess
import sys

from case import secure
from every import print_each

import expected_lines


#: A mistake outside of all functions, such as a slot that is missing: the function that made the reference is right.
MAKERS = {"session": "new_session"}


def names_by_address():
    """The functions of the corpus by address, from the file with symbols that WHO_SYMBOLS names."""
    listed = subprocess.run(["nm", "--defined-only", "-S", os.environ["WHO_SYMBOLS"]], check=True,
                            stdout=subprocess.PIPE, universal_newlines=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [(int(row[0], 16), int(row[1], 16), row[3]) for row in rows if len(row) == 4 and row[2] in "tT"]


def function_at(offset):
    """The function that contains an address of the stripped corpus."""
    return [name for start, size, name in names_by_address() if start <= offset < start + size]


def shown(culprit, case):
    """A named function or a candidate: what is known of it, and whether it is right."""
    known = culprit.to_dict()
    names = [known.get("function") or ""] + known.get("inlined", [])
    if "WHO_SYMBOLS" in os.environ and "corpus." in known.get("library", ""):
        names = function_at(int(known["offset"], 16))
        known["function"] = ", ".join(names)
    known["is_right"] = any("_wrong" in name or name == MAKERS.get(case.name) for name in names)
    known["line_is_right"] = expected_lines.judge(known)
    known["text"] = expected_lines.text_of(known)
    return known


def answer(case):
    """The row of a case: the findings, and the functions that were named for them."""
    import pyrefcore

    reason = case.missing()
    if reason:
        return {"verdict": "skipped", "reason": reason}
    run, arguments = case.runner("wrong")
    report = pyrefcore.check(run, who=True)
    secure()
    del arguments
    return {
        "verdict": "found" if report.findings else "missed",
        "named": [shown(one, case) for finding in report.findings for one in finding.unmatched],
        "candidates": [shown(one, case) for finding in report.findings for one in finding.candidates],
        "notes": [note for note in report.notes if "not named" in note],
    }


if __name__ == "__main__":
    # On a debug build `secure` must run before the collector sees an over-released object.
    gc.disable()
    print_each(sys.argv[1:], answer)
