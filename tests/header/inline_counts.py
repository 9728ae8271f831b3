"""Compares the machine code of pyrefcore's inline functions with CPython's.

    python3 tests/header/inline_counts.py PYREFCORE_INCLUDE_DIR PYTHON_INCLUDE_DIR [CC]

Each folder may be several, joined by colons, if pyrefcore_config.h or pyconfig.h is elsewhere. CFLAGS is added to both
compilations. Prints the instructions of each function, without padding. The exit status is 0 if pyrefcore never needs
more, 1 if a function needs more, and 2 if nothing could be compared.
"""

import os
import re
import shlex
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from harness.commands import ROOT, run  # noqa: E402

SWITCHES = ("Py_DEBUG", "Py_REF_DEBUG", "Py_TRACE_REFS", "Py_GIL_DISABLED")
PADDING = re.compile(r"\t((data16|cs) )*nop[wl]?([ \t]|$)|\txchg +%ax,%ax *$")


def compiled(cc, folders, *options):
    """Compiles with the headers of these folders. Returns what the compiler prints."""
    flags = ["-O2", "-DNDEBUG", *shlex.split(os.environ.get("CFLAGS", ""))]
    include = ["-I" + folder for folder in [*folders, os.path.join(ROOT, "benches")]]
    return run([*shlex.split(cc), *flags, *include, *options])


def macros(cc, folders, header):
    text = compiled(cc, folders, "-dM", "-E", "-x", "c", "-include", header, os.devnull)
    return dict(re.findall(r"^#define (\w+) ?(.*)", text, re.M))


def counts(cc, folders, *options):
    """The number of instructions of each function of inline_bodies.c, in the order of the source."""
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "bodies.o")
        compiled(cc, folders, *options, "-c", "-o", target, os.path.join(HERE, "inline_bodies.c"))
        lines = run(["objdump", "-d", "--no-show-raw-insn", target]).splitlines()
    found = {}
    for line in lines:
        function = re.match(r"[0-9a-f]+ <(.*)>:$", line)
        if function:
            # A part that the compiler moved away counts with its function.
            name = re.sub(r"\.(cold|part)(\.\d+)?$", "", function.group(1))
            found.setdefault(name, 0)
        elif re.match(r" *[0-9a-f]+:\t", line) and not PADDING.search(line):
            found[name] += 1
    return found


def table(ours, theirs, cc=os.environ.get("CC", "cc"), also=()):
    """A line for each function, which ends with MORE if ours has more instructions. `ours` and `theirs` are folders."""
    own, other = macros(cc, ours, "pyrefcore_config.h"), macros(cc, theirs, "patchlevel.h")
    for name in "PY_MAJOR_VERSION", "PY_MINOR_VERSION":
        values = own.get(name), other.get(name)
        assert values[0] == values[1], "%s is %s in pyrefcore.h, and %s in Python.h" % (name, *values)
    switches = ["-D%s=1" % name for name in SWITCHES if name in own]
    ours, theirs = counts(cc, ours, *also), counts(cc, theirs, *also, *switches, "-DAGAINST_PYTHON_H")
    assert ours, "objdump showed no functions"
    row = "%-12s %6s %8s  %s"
    lines = [row % ("function", "ours", "CPython", "")]
    for name, count in ours.items():
        lines.append(row % (name, count, theirs.get(name, "?"), "ok" if count <= theirs.get(name, -1) else "MORE"))
    return "\n".join(lines)


def main(words):
    if len(words) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        # The compiler runs in the project's folder.
        ours, theirs = [[os.path.abspath(folder) for folder in word.split(":")] for word in words[:2]]
        text = table(ours, theirs, *words[2:])
    except (AssertionError, OSError) as problem:
        print("inline_counts.py: %s" % problem, file=sys.stderr)
        return 2
    print(text)
    return 1 if "MORE" in text else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
