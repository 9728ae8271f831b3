"""Rewrites tests/header/facts/FLAVOUR.txt from the headers on this machine.

    python3 tests/header/record_facts.py FLAVOUR...     the default is all of them

The exit status is 1 if a flavour has no Python.h here.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import header_facts  # noqa: E402
from harness import flavours  # noqa: E402
from header_python_h import every_python_h, no_python_h  # noqa: E402


def main(names):
    status = 0
    for name in names or flavours.names():
        found = every_python_h(name)
        if not found:
            print("%s: %s" % (name, no_python_h(name)))
            status = 1
            continue
        python_h = found[-1]
        facts = header_facts.recordable(flavours.build(name).include, python_h)
        with open(header_facts.record(name), "w") as file:
            file.write("# CPython %s: what its headers say and do, by record_facts.py\n" % python_h.version)
            file.writelines(fact + "\n" for fact in facts)
        print("%s: recorded from CPython %s" % (name, python_h.version))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
