"""Runs the audit on the corpus in every Python, and prints one table for each.

    table.py [--failures] [--stop] [--only=CASE,CASE] [FLAVOUR|PYTHON ...]      the default is all cases in every Python

A Python whose flavour has no library is skipped by name; `make build FLAVOUR=...` builds one. --failures leaves out
the rows of passed cases. --stop runs no further cases in a Python where one has failed. Exits 1 if a mistake is missed
or misreported, or if a correct twin is reported. The last line is "N passed, N failed, N skipped".
"""

import os
import sys

import pythons

# The number of cases in one process: enough to be fast, and few enough that a crash repeats little work.
TOGETHER = 25


def environment(python):
    """The environment variables for the audit, or None if there is no library."""
    library = os.path.join(pythons.ROOT, "target", "dist", python.flavour, "lib", "libpyrefcore.so")
    return {"PYREFCORE_LIBRARY": library} if os.path.exists(library) else None


def told(findings):
    """Findings as a short text: "2 str" means two references to strings in each run."""
    words = []
    for _, kind, references, objects in findings:
        words.append("%g %s" % (references, kind) if references else "%g objects %s" % (objects, kind))
    return ", ".join(words) or "-"


def row(name, answer):
    """One line of the table."""
    right, wrong = answer.get("right"), answer.get("wrong")
    kinds = sorted({finding[0] for finding in wrong["findings"]}) if wrong else []
    wanted = answer.get("expected", [])
    found = told(wrong["findings"]) if wrong else "-"
    if kinds and wanted and kinds != [wanted[0][0]]:
        found += " (%s)" % ", ".join(kinds)
    return "%-20s %-12s %-46s %-46s %-8s %s" % (
        name, wanted[0][0] if wanted else "", told(wanted), found, "-" if not right else
        "reported" if right["findings"] else "quiet", answer["verdict"])


def table(python, only, failures_only, stops):
    """Prints the table of one Python, and returns how many passed, failed and were skipped."""
    counted = {"passed": 0, "failed": 0, "skipped": 0}
    print("\n%s %s" % (python.flavour, python.path))
    settings = environment(python)
    if settings is None:
        print("skipped: no library; make build FLAVOUR=%s" % python.flavour)
        counted["skipped"] += 1
        return counted
    verdict, lines = pythons.build(python)
    for line in lines:
        print(line)
    counted["skipped"] += sum(line.startswith("skipped") for line in lines)
    counted["failed"] += verdict == "failed"
    if verdict != "built":
        return counted
    results, trouble = pythons.run_all(python, "audited.py", only, environment=settings, together=TOGETHER,
                                       stops=stops)
    if trouble:
        print("FAILED %s" % trouble)
        counted["failed"] += 1
        return counted
    print("%-20s %-12s %-46s %-46s %-8s %s" % ("case", "kind", "references per run", "found", "twin", "verdict"))
    for name, answer in results.items():
        counted[answer["verdict"]] += 1
        if answer["verdict"] != "passed" or not failures_only:
            print(row(name, answer))
        if answer["verdict"] != "passed":
            print("    %s" % answer["reason"])
    sys.stdout.flush()
    return counted


def main(arguments):
    failures_only, stops = "--failures" in arguments, "--stop" in arguments
    only, wanted = pythons.chosen([argument for argument in arguments if argument not in ("--failures", "--stop")])
    found = pythons.found(wanted)
    if not found:
        print("there is no such Python: %s" % (" ".join(wanted) or "none was found"))
        return 2
    for line in pythons.tools():
        print(line)
    counted = [table(python, only, failures_only, stops) for python in found]
    passed, failed, skipped = (sum(one[verdict] for one in counted) for verdict in ("passed", "failed", "skipped"))
    print("\n%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
