"""The symbols of libraries and object files."""

import re

from harness.commands import run


def exports(file):
    """The exported names of a library or program. F is the kind of a function, D that of a variable."""
    found = {}
    for line in run(["nm", "-D", "--defined-only", file]).splitlines():
        _, letter, name = line.split()
        found[name.split("@")[0]] = "F" if letter in "TWi" else "D"
    return found


def undefined(file):
    """The symbols that an object file needs from Python, with their kinds. A called symbol is a function."""
    names = [line.split()[-1] for line in run(["nm", "-u", file]).splitlines()]
    found = {name: "D" for name in names if re.match("_?Py", name)}
    for line in run(["readelf", "-rW", file]).splitlines():
        words = line.split()
        if len(words) > 4 and words[4] in found and re.search("PLT32|CALL26|JUMP26", words[2]):
            found[words[4]] = "F"
    return found
