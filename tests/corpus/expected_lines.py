"""Which lines of a faulty function may be named: the twin beside it tells.

A line that only the faulty function has is right. Where the twin has more lines, those release or take a variable: then
each statement is right that sets this variable, counts it, or passes it on.
"""

import difflib
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
_COUNTING = re.compile(r"Py\w*_\w*(?:REF|CLEAR|NewRef|Release)\w*\((.*)\);")
_WORD = re.compile(r"\b[a-z_]\w*\b")

#: Lines that are right as well, read by hand: the reference begins there, and the twin differs elsewhere.
ALSO = {
    "convert_title_wrong": "PyUnicode_FromFormat",
    "on_close_wrong": "Py_XDECREF",
    "overwrite_wrong": "Py_BuildValue",
    "parcel_wrong": "Py_INCREF",
    "repeat_wrong": "PyUnicode_",
    "set_value_wrong": "Py_XINCREF",
    "shorten_wrong": "Py_BuildValue",
}


def body(lines, name):
    """The numbers of the lines of a function, from its name on."""
    for start, line in enumerate(lines):
        if line.startswith(name + "("):
            end = next(at for at in range(start, len(lines)) if lines[at].startswith("}"))
            return range(start, end)
    return range(0)


def statement(lines, at):
    """The text of the statement that holds a line."""
    first, last = at, at
    while first > 0 and not lines[first - 1].rstrip().endswith((";", "{", "}", "*/")):
        first -= 1
    while last < len(lines) - 1 and not lines[last].rstrip().endswith((";", "{", "}")):
        last += 1
    return " ".join(lines[first:last + 1])


def text_of(culprit):
    """The text of the named line; "" without a file."""
    source = os.path.join(HERE, os.path.basename(culprit.get("file", "")))
    if not culprit.get("line") or not os.path.isfile(source):
        return ""
    with open(source) as text:
        return text.read().splitlines()[culprit["line"] - 1].strip()


def judge(culprit):
    """Whether the line is right; None if this can't be judged, as without a file or in another language."""
    name, file, line = culprit.get("function"), culprit.get("file", ""), culprit.get("line")
    source = os.path.join(HERE, os.path.basename(file))
    if not line or not name or not name.endswith("_wrong") or not os.path.exists(source):
        return None
    with open(source) as text:
        lines = text.read().splitlines()
    wrong, right = body(lines, name), body(lines, name[:-5] + "right")
    if not wrong or not right:
        return None
    if line - 1 not in wrong:
        return False
    ours = [lines[at].strip().replace("_wrong", "_right") for at in wrong]
    theirs = [lines[at].strip() for at in right]
    only, variables = set(), set()
    for tag, first, last, other, end in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag != "equal":
            only.update(range(wrong[0] + first, wrong[0] + last))
            variables.update(
                word for text in theirs[other:end] for found in _COUNTING.findall(text) for word in _WORD.findall(found))
    text = statement(lines, line - 1)
    if ALSO.get(name, "\n") in text:
        return True
    return line - 1 in only or any(re.search(r"\b%s\b" % variable, text) for variable in variables)
