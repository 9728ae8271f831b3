"""A report as text for a terminal: the verdict, a paragraph for each finding, the notes."""

from __future__ import annotations

from typing import Iterator, List, Optional, Sequence

from .printable import printable
from .report import MEMORY, OVER_RELEASE, Culprit, Example, Finding, Frame, Neighbour, Report

#: The most examples and the most classes that are shown of a finding.
EXAMPLES = 3


def render(report: Report) -> str:
    """The whole report; its first line is the verdict. No line break at the end."""
    lines = [verdict(report)]
    for finding in report.findings:
        lines.append("")
        lines += _finding(finding, report.runs)
    if report.notes:
        lines.append("")
        lines += ["note: " + note for note in report.notes]
    # Names and messages come from the program: none of them may look like a line of the report.
    return "\n".join(printable(line) for line in lines)


def verdict(report: Report) -> str:
    """One line: the subject and the result."""
    count = len(report.findings)
    if count:
        found = "%d finding%s" % (count, "" if count == 1 else "s")
    else:
        found = "clean" if report.error is None else "not finished"
    if report.error is not None:
        found += ", and it did not finish: " + report.error if count else ": " + report.error
    counted = ""
    if report.windows:
        endings = ["" if number == 1 else "s" for number in (report.windows, report.runs)]
        counted = " (%d window%s of %d run%s)" % (report.windows, endings[0], report.runs, endings[1])
    return printable("pyrefcore: %s: %s%s" % (report.subject or "check", found, counted))


def headline(finding: Finding, runs: int) -> str:
    """The finding in one sentence."""
    per_run, of = abs(finding.references_per_run), named(finding.type, finding.classes)
    if not finding.growth:
        return "%s: %s missing" % (finding.kind, _count(per_run, "reference", of))
    windows = len(finding.growth)
    total = abs(sum(finding.growth))
    if finding.kind == MEMORY:
        what = taken(finding.type, finding.blocks_per_run, finding.bytes_per_run or 0.0) + ", never freed"
    elif finding.kind == OVER_RELEASE:
        what = "each run releases %s too many" % _count(per_run, "reference", of)
    elif per_run:
        what = "%s per run, never released" % _count(per_run, "reference", of)
    else:
        what = "%s per run, which only hold each other, and the collector can't free them" % _count(
            finding.objects_per_run, "object", of
        )
        total = round(finding.objects_per_run * runs) * windows
    return "%s: %s (%d%s in %d windows of %d run%s, %sthe same in each)" % (
        finding.kind,
        what,
        total,
        " bytes" if finding.kind == MEMORY else "",
        windows,
        runs,
        "" if runs == 1 else "s",
        "" if finding.kind != MEMORY or len(set(finding.growth)) == 1 else "nearly ",
    )


def taken(function: str, blocks: Optional[float], each_run: float) -> str:
    """A phrase for the memory that each run takes and keeps."""
    if blocks is None:
        return "%s bytes of the C heap per run" % number(each_run)
    if blocks == 0:
        return "%s bytes from %s per run, in blocks that get longer" % (number(each_run), function)
    size = each_run / blocks
    shown = "%d bytes" % size if size == int(size) else "different lengths (%s bytes on average)" % number(size)
    return "%s block%s of %s from %s per run" % (number(blocks), "" if blocks == 1 else "s", shown, function)


def named(type_name: str, classes: Sequence[str]) -> str:
    """The subject of a finding: its type, and the classes if classes were leaked."""
    if not classes:
        return type_name
    more = ", ..." if len(classes) > EXAMPLES else ""
    several = "es" if len(classes) > 1 else ""
    return "%s (the class%s %s%s)" % (type_name, several, ", ".join(classes[:EXAMPLES]), more)


def _count(count: float, what: str, of: str) -> str:
    return "%s %s%s %s %s" % (number(count), what, "" if count == 1 else "s", "to" if what == "reference" else "of", of)


def number(value: float) -> str:
    """A number as short as it can be: 1, 0.5, 33.3."""
    return "%.3g" % value if abs(value) < 1000 else "%.0f" % value


def _finding(finding: Finding, runs: int) -> Iterator[str]:
    yield headline(finding, runs)
    if finding.objects_per_run and finding.references_per_run:
        count = finding.objects_per_run
        yield "  %s object%s of this type %s per run" % (
            number(abs(count)),
            "" if abs(count) == 1 else "s",
            "more" if count > 0 else "fewer",
        )
    if finding.folded:
        yield "  and objects that only they hold, per run: " + ", ".join(
            "%s %s" % (number(folded.objects), folded.type) for folded in finding.folded
        )
    for culprit in finding.unmatched:
        yield "  %s it: %s" % (culprit.what, blamed(culprit))
        yield from _source(culprit)
    for at, culprit in enumerate(finding.candidates):
        yield "  %s %s it: %s" % ("or" if at else "one of these", culprit.what, blamed(culprit))
        yield from _source(culprit)
    last: List[str] = []
    for example in finding.examples[:EXAMPLES]:
        yield from _example(example, bool(finding.growth))
        place = list(_place_of_birth(example))
        yield from ["    %s the same place" % place[0].strip()] if place and place == last else place
        last = place
    more = len(finding.examples) - EXAMPLES
    if more > 0:
        yield "  and %d more like that in the JSON report" % more


def _example(example: Example, has_runs: bool) -> Iterator[str]:
    if example.bytes is not None:
        yield "  0x%x: %s" % (example.address, example.repr)
        return
    missing = example.explained - example.refcount
    if missing > 0:
        # This may be more than the windows show, because there are runs before them.
        how = "%d reference%s too few" + (" after all runs" if has_runs and not example.died else "") + ", %d visibly held"
    else:
        how = "%d reference%s, %d of them visibly held"
    count = max(missing, 0) or example.refcount
    counted = how % (count, "" if count == 1 else "s", example.explained)
    yield "  0x%x: %s: %s" % (example.address, counted, example.repr)
    yield from _neighbours("held by", example.referrers)
    yield from _neighbours("holds", example.referents)


def _place_of_birth(example: Example) -> Iterator[str]:
    """The facts about the birth, a line each. The first line says which facts they are."""
    frames = example.birth or example.first_used
    if frames:
        if example.bytes is not None:
            yield "    taken in"
        else:
            yield "    born in" if example.birth else "    memory first used in"
        for frame in frames:
            yield "      " + place(frame)
        if example.python:
            yield "      called from " + example.python
    elif example.python:
        yield "    born in"
        yield "      " + example.python


def _neighbours(what: str, neighbours: Sequence[Neighbour]) -> List[str]:
    return ["    %s %s (%s)" % (what, neighbour.repr, neighbour.type) for neighbour in neighbours]


def _source(culprit: Culprit) -> List[str]:
    return ["    %5d | %s" % (culprit.frame.line or 0, culprit.source)] if culprit.source else []


def blamed(culprit: Culprit) -> str:
    """A function that left a reference unpaired, and the place in its source, in one line."""
    frame = culprit.frame
    shown = [frame.function] if frame.function else []
    if culprit.inlined:
        shown[-1:] = ["%s (inlined into %s)" % (frame.function or "?", culprit.inlined[-1])]
    if frame.file and frame.line:
        shown.append("%s:%d" % (frame.file, frame.line))
    elif frame.library:
        shown.append("%s+0x%x" % (frame.library, frame.offset or 0))
    if culprit.python:
        shown.append("called from %s" % culprit.python)
    return ", ".join(shown) or "?"


def place(frame: Frame) -> str:
    """A frame in one line, with all that is known of it."""
    shown = [frame.function] if frame.function else []
    if frame.file:
        shown.append("%s:%d" % (frame.file, frame.line) if frame.line else frame.file)
    if frame.library and not frame.file:
        shown.append("%s+0x%x" % (frame.library, frame.offset or 0))
    return " ".join(shown) or "?"
