"""The summary of --refs about all tests: lines for the terminal, JSON, a page of HTML."""

from __future__ import annotations

import collections
import dataclasses
import json
import re
from typing import Any, Dict, List, Sequence

from ..core import host, notes
from ..report import html
from ..report.printable import printable

CLEAN = "clean"
#: Findings: at least one is neither allowed nor expected; all are allowed; all are expected; an expected one is
#: missing.
LEAKED = "leaked"
ALLOWED = "allowed"
EXPECTED = "expected"
MISSING = "missing"
#: Not checked: its marker says so; it can't be checked.
SKIPPED = "skipped"
UNCHECKED = "unchecked"
#: It was running when its process died.
UNFINISHED = "unfinished"

_NUMBER = re.compile(r"\d+")


@dataclasses.dataclass
class Verdict:
    """The result for one test."""

    test: str
    outcome: str
    #: Why it was not checked, or what was allowed, expected or missing.
    reason: str = ""
    #: The text that is shown for a test that failed.
    text: str = ""
    #: The report of the check, if there was one.
    report: Dict[str, Any] = dataclasses.field(default_factory=dict)


def to_lines(verdicts: Sequence[Verdict]) -> List[str]:
    """The summary. Its last line has the numbers."""
    lines: List[str] = []
    for one in verdicts:
        if one.outcome == LEAKED:
            lines += ["LEAKED " + one.test] + ["  " + line for line in one.text.splitlines()] + [""]
    for one in verdicts:
        if one.outcome in (UNCHECKED, UNFINISHED):
            lines.append("not checked: %s: %s" % (one.test, one.reason))
        elif one.outcome in (SKIPPED, ALLOWED, EXPECTED):
            lines.append("%s: %s: %s" % (one.outcome, one.test, one.reason))
        if one.outcome != LEAKED:
            lines += ["note: %s: %s" % (one.test, note) for note in own_notes(one.report.get("notes", ()))]
    lines += ["note: " + note for note in notes.always()]
    lines.append(_counts(verdicts))
    return [printable(line) for line in lines]


def to_json(verdicts: Sequence[Verdict]) -> str:
    """All verdicts as JSON. It is like the JSON of a report, with `tests` in the place of `findings`."""
    tests = [to_entry(one) for one in verdicts]
    whole = {"ok": is_ok(verdicts), "host": host.describe(), "tests": tests, "notes": notes.always()}
    return json.dumps(whole, indent=2) + "\n"


def to_entry(verdict: Verdict) -> Dict[str, Any]:
    """The entry of one test in the JSON."""
    return {name: value for name, value in dataclasses.asdict(verdict).items() if value}


def to_html(verdicts: Sequence[Verdict]) -> str:
    """One page: the tests with findings in full, the others as numbers."""
    shown = [one for one in verdicts if one.report.get("findings") or one.outcome == MISSING]
    shown.sort(key=lambda one: one.outcome != LEAKED)
    unchecked = ["%s was not checked: %s" % (one.test, one.reason) for one in verdicts if one.outcome == UNCHECKED]
    sections = [("%s: %s %s" % (one.outcome, one.test, one.reason), one.report) for one in shown]
    return html.page("pytest --refs", sections, [_counts(verdicts)] + unchecked)


def own_notes(given: Sequence[str]) -> List[str]:
    """The notes that do not hold for every check here. Notes that differ only in numbers count as one."""
    common = {_NUMBER.sub("", note) for note in notes.always() + [notes.held(0)]}
    return [note for note in given if _NUMBER.sub("", note) not in common]


def is_ok(verdicts: Sequence[Verdict]) -> bool:
    """Whether no test leaked, lacked an expected finding, or did not finish."""
    return not any(one.outcome in (LEAKED, MISSING, UNFINISHED) for one in verdicts)


def _counts(verdicts: Sequence[Verdict]) -> str:
    count = collections.Counter(one.outcome for one in verdicts)
    checked = sum(count.values()) - count[SKIPPED] - count[UNCHECKED] - count[UNFINISHED]
    named = [
        (count[LEAKED], "leaked"),
        (count[MISSING], "did not leak as expected"),
        (count[ALLOWED], "allowed"),
        (count[EXPECTED], "leaked as expected"),
        (count[UNCHECKED], "not checked"),
        (count[UNFINISHED], "not finished"),
        (count[SKIPPED], "skipped"),
    ]
    first = "references: %d test%s checked" % (checked, "" if checked == 1 else "s")
    return ", ".join([first] + ["%d %s" % pair for pair in named if pair[0]])
