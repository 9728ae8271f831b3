"""Compares the exports of a flavour's shared library with flavours/symbols.txt.

    python3 tests/header/exported.py FLAVOUR...

Prints nothing if they agree. Otherwise prints the differences and how to remove them, and the exit status is 1.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import flavours  # noqa: E402
from header_lists import symbols  # noqa: E402
from header_objects import exports  # noqa: E402

ADVICE = """{flavour}: - stands in flavours/symbols.txt, + is exported
{lines}
If the export is meant, review it against CPython and write it into flavours/symbols.txt;
if it is not, mend the cfg in src/capi/cpython/mod.rs. Then: python3 tests/header/exported.py {flavour}"""
NO_BRANCH = """flavours/branches.txt has no flavour for these branches of src/capi/cpython/mod.rs:
{lines}"""


def unbuilt():
    """Says which lines of flavours/symbols.txt concern no flavour of flavours/branches.txt. "" means: none."""
    checked = [flavours.Flavour(name) for name in flavours.branches()]
    left = [symbol.line for symbol in symbols() if not any(symbol.is_in(flavour) for flavour in checked)]
    return NO_BRANCH.format(lines="\n".join(left)) if left else ""


def difference(library):
    """Says how the exports of a library differ from flavours/symbols.txt. "" means: in nothing."""
    wanted = {"%s %s" % (one.name, one.kind) for one in symbols() if one.is_in(library.flavour)}
    found = {"%s %s" % pair for pair in exports(library.shared).items()}
    assert wanted, "flavours/symbols.txt has no symbol for %s" % library.flavour.name
    lines = ["-" + one for one in sorted(wanted - found)] + ["+" + one for one in sorted(found - wanted)]
    return ADVICE.format(flavour=library.flavour.name, lines="\n".join(lines)) if lines else ""


def main(names):
    problems = [unbuilt()] + [difference(flavours.build(name)) for name in names]
    print("".join(problem + "\n" for problem in problems if problem), end="")
    return 1 if any(problems) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
