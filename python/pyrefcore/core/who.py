"""Names the function and the line that took a leaked reference, or released one too many.

Two more runs tell it. The first shows which functions of extension modules run, and which objects it leaves behind. The
second is traced, and notes how the counts of these objects change.
"""

from __future__ import annotations

import ctypes
from typing import Dict, List, Optional, Tuple

from ..report import report
from ..report.report import Culprit, Finding, Report
from . import findings, native, source
from .contents import has_references
from .safe_repr import is_type
from .snapshot import NotCounted
from .windows import Windows

#: The most objects that are watched in one run, and of one finding.
_MOST, _OF_ONE = 8, 4
#: The most functions that are listed for one object.
_CANDIDATES = 8

_WHAT = {1: "took", 2: "made", 3: "forgot", 4: "released"}
_RULE = {1: "only", 2: "exact", 3: "dealloc", 4: "container", 5: "held"}

#: Not empty while names are searched for. A function that is checked may check others.
_running: List[bool] = []

#: The address of an object, and whether that is a type.
_Object = Tuple[int, bool]


def name(counted: Windows, told: Report) -> None:
    """Adds names to the findings of a report. Where that can't be done, adds a note that says why."""
    found = [one for one in told.findings if one.kind != report.MEMORY]
    if not found:
        return
    if _running:
        told.notes.append("the function was not named, because the check ran within a search for names")
        return
    core = native.library()
    try:
        _running.append(True)
        why_not = core.pyrefcore_who_open()
        if why_not is None:
            why_not = _search(counted, found)
        if why_not is not None:
            told.notes.append(why_not.decode())
    except NotCounted as error:
        told.notes.append("the function was not named, because %s" % error)
    finally:
        # An interrupt may come in the first; the second does what is left.
        try:
            core.pyrefcore_who_close()
        finally:
            core.pyrefcore_who_close()
            _running.clear()


def _search(counted: Windows, found: List[Finding]) -> Optional[bytes]:
    """Both runs, and the verdicts. Returns a reason if they can't be made."""
    core = native.library()
    counted.follow_births()
    counted.keep(0)
    counted.snapshot()
    why_not = _run(counted)
    if why_not is not None:
        return why_not
    counted.snapshot()
    watched = _choose(found, _left_behind(counted, found))
    if not watched:
        return b"the function was not named, because one more run left nothing behind"
    objects = (ctypes.c_void_p * len(watched))(*[address for _, (address, _) in watched])
    why_not = core.pyrefcore_who_watch(objects, len(watched))
    if why_not is None:
        why_not = _run(counted)
    if why_not is not None:
        return why_not
    for place, (index, (_, of_type)) in enumerate(watched):
        _judge(found[index], place, of_type)
    return None


def _run(counted: Windows) -> Optional[bytes]:
    """One traced run. Returns a reason if it tells nothing."""
    try:
        return counted.run_traced()
    except Exception:
        return b"the function was not named, because it raised an exception in the traced run"


def _left_behind(counted: Windows, found: List[Finding]) -> Dict[int, List[_Object]]:
    """The objects that the last run left behind, for the index of each finding."""
    kinds = {kind: number for number, kind in findings.KINDS.items()}
    left: Dict[int, List[_Object]] = {}
    with counted.compared(0, 2) as changes:
        for index, finding in enumerate(found):
            for one in changes:
                if one.kind != kinds[finding.kind]:
                    continue
                examples = [one.examples[at] for at in range(one.examples_count)]
                names = findings.classes(examples) if finding.classes else []
                if findings.name_of(one) == finding.type or set(names) & set(finding.classes):
                    objects = [_object(example.object, bool(example.died)) for example in examples]
                    left.setdefault(index, []).extend(objects)
    return left


def _object(address: int, died: bool) -> _Object:
    # Of a dead object only the memory is left, which is not read.
    return address, not died and has_references(address) and is_type(address)


def _choose(found: List[Finding], left: Dict[int, List[_Object]]) -> List[Tuple[int, _Object]]:
    """The objects to watch, each with the index of its finding: first one of each finding, then more of them."""
    of_each = []
    for index, finding in enumerate(found):
        known = [_object(example.address, False) for example in finding.examples if not example.died]
        # The same object in each run is known already. A single run may hide that it was released too often.
        is_old = not finding.objects_per_run and not left.get(index)
        of_each.append([(index, one) for one in (known if is_old else left.get(index, []))][:_OF_ONE])
    watched = [one for at in range(_OF_ONE) for objects in of_each for one in objects[at : at + 1]]
    return watched[:_MOST]


def _judge(finding: Finding, place: int, of_type: bool) -> None:
    """Adds the functions that are to blame for one object."""
    core = native.library()
    sign = -1 if finding.kind == report.OVER_RELEASE else 1
    shown = (native.Culprit * _CANDIDATES)()
    count = min(core.pyrefcore_who_judge(place, sign, of_type, shown, _CANDIDATES), _CANDIDATES)
    for at in range(count):
        one = _culprit(finding, shown[at], at)
        known = finding.unmatched if one.rule else finding.candidates
        if one not in known:
            known.append(one)


def _culprit(finding: Finding, shown: native.Culprit, at: int) -> Culprit:
    frames = findings.frames(native.library().pyrefcore_who_frames, at)
    first = frames[0] if frames else report.Frame()
    lines = {example.python for example in finding.examples}
    return Culprit(
        delta=shown.delta,
        what=_WHAT[shown.what],
        rule=_RULE.get(shown.rule),
        frame=first,
        inlined=[frame.function for frame in frames[1:] if frame.function],
        python=lines.pop() if len(lines) == 1 else None,
        source=source.line(first.file, first.line),
    )
