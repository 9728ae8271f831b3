"""Proves on every Python, without pyrefcore, that each function of the corpus is wrong and each twin right.

    prove.py [--only=CASE,CASE] [FLAVOUR|PYTHON ...]      the default is all cases in every Python

The last line is "N passed, N failed, N skipped".
"""

import sys

import pythons


def main(arguments):
    only, wanted = pythons.chosen(arguments)
    passed = failed = skipped = 0
    for line in pythons.tools():
        print(line)
    for python in pythons.found(wanted):
        verdict, lines = pythons.build(python)
        print("%s %s" % (python.flavour, python.path))
        for line in lines:
            print("    " + line)
        skipped += verdict == "skipped" or sum(line.startswith("skipped") for line in lines)
        failed += verdict == "failed"
        if verdict != "built":
            continue
        results, trouble = pythons.run_all(python, "proof.py", only)
        if trouble:
            print("    FAILED %s" % trouble)
            failed += 1
        for name, answer in results.items():
            passed += answer["verdict"] == "passed"
            failed += answer["verdict"] == "failed"
            skipped += answer["verdict"] == "skipped"
            if answer["verdict"] != "passed":
                print("    %s %s: %s" % (answer["verdict"].replace("failed", "FAILED"), name, answer["reason"]))
        sys.stdout.flush()
    if not passed and not failed:
        print("FAILED no Python was found")
        failed += 1
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
