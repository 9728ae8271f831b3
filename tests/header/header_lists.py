"""The lists in flavours/: symbols.txt, left_out.txt and header_left_out.txt."""

import os
import re

from harness.flavours import FOLDER


class Build:
    """A build of CPython, known by its name. A Python with both debug options may have no file in flavours/."""

    def __init__(self, name):
        self.minor = int(re.match(r"cp3(\d+)", name).group(1))
        marks = (("Py_GIL_DISABLED", r"\dt"), ("Py_REF_DEBUG", "-refdebug"), ("Py_TRACE_REFS", "-tracerefs"))
        self.switches = [switch for switch, mark in marks if re.search(mark, name)]


def covers(ranges, build):
    """Whether ranges such as 3.8/TR,3.9-3.11,3.13- contain a build's version."""
    for one in ranges.split(","):
        versions, _, condition = one.partition("/")
        low, dash, high = (part[2:] if "." in part else part for part in versions.partition("-"))
        last = int(high) if high else 99 if dash else int(low)
        if int(low) <= build.minor <= last and (condition != "TR" or "Py_TRACE_REFS" in build.switches):
            return True
    return False


class Symbol:
    """A line of flavours/symbols.txt, which explains its columns."""

    CONDITIONS = {"-": None, "RD": "Py_REF_DEBUG", "TR": "Py_TRACE_REFS", "FT": "Py_GIL_DISABLED"}

    def __init__(self, line, number):
        self.line = line.rstrip("\n")
        words = line.split()
        if len(words) < 5 or words[1] not in ("F", "D") or words[3] not in self.CONDITIONS:
            why = "flavours/symbols.txt:%d: it needs name, kind, versions, condition and CPython"
            raise ValueError(why % number)
        self.name, self.kind, self.versions, condition, self.cpython = words[:5]
        self.switch = self.CONDITIONS[condition]

    def concerns(self, build):
        """Whether a build meets the condition."""
        return self.switch is None or self.switch in build.switches

    def is_in(self, build):
        """Whether our library for such a build exports the symbol."""
        return self.concerns(build) and covers(self.versions, build)

    def is_in_cpython(self, build):
        """Whether such a CPython exports the symbol. None: the line does not say it."""
        ours, said = covers(self.versions, build), self.cpython.rstrip(":")
        theirs = ours if said == "=" else said != "no" and covers(said, build)
        return theirs if ours or theirs else None

    def is_public(self, build):
        """Whether a public header of such a CPython declares the symbol. None: the line does not say it."""
        if not covers(self.versions, build) or not self.cpython.startswith("="):
            return None
        return self.cpython == "="


def rows(file):
    """The number and the text of each line that is no comment."""
    with open(os.path.join(FOLDER, file)) as lines:
        return [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]


def symbols():
    """Every line of flavours/symbols.txt."""
    return [Symbol(line, number) for number, line in rows("symbols.txt")]


def reasons(file):
    """The reason for each name of left_out.txt or header_left_out.txt."""
    return dict((line.split(None, 1) + [""])[:2] for _, line in rows(file))


def without_reason(file):
    return [name for name, reason in reasons(file).items() if not reason.strip()]
