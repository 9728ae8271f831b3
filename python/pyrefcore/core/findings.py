"""Makes a report's findings from the library's: names, numbers, and the facts about each example."""

from __future__ import annotations

import sys
from typing import Any, Callable, Container, Dict, List, Optional, Sequence, Tuple, Union

from ..report import report
from ..report.printable import decoded
from . import graph, native
from .contents import at, has_references
from .safe_repr import is_type, safe_repr_at, type_name_at

KINDS = {native.LEAK: report.LEAK, native.OVER_RELEASE: report.OVER_RELEASE}


def name_of(found: Union[native.Finding, native.Folded]) -> str:
    """The name of the type that a finding is about. The type itself may no longer exist."""
    return decoded(found.type_name or b"?")


def read(
    findings: Sequence[native.Finding],
    runs: int,
    windows: int,
    unsafe: bool,
    newest: Sequence[native.Finding] = (),
) -> List[report.Finding]:
    """The leaks and over-releases among the library's findings, largest first, and then memory. `newest` has the
    findings of the last window alone. Its examples are preferred."""
    read = []
    # An old object that was leaked again and again is the only example of its finding. It is no example of another one.
    alone = {found.examples[0].object for found in findings if found.examples_count == 1}
    for found in findings:
        if found.kind in KINDS:
            last = [one for one in newest if _subject(one) == _subject(found)]
            examples = _living(_newest(found, last[0] if last else found, alone))
            read.append(_finding(found, examples, runs, windows, unsafe))
    memory = [_memory(found, newest, runs, windows) for found in findings if found.kind == native.MEMORY]
    read.sort(key=lambda one: -max(abs(one.references_per_run), one.objects_per_run))
    return read + sorted(memory, key=lambda one: -(one.bytes_per_run or 0))


def _subject(found: native.Finding) -> Tuple[int, int, bytes]:
    return found.kind, found.ob_type or 0, found.type_name


def _memory(
    found: native.Finding, newest: Sequence[native.Finding], runs: int, windows: int
) -> report.Finding:
    growth = [found.bytes[window] for window in range(windows)]
    length = _length(found)
    last = [one for one in newest if one.bytes and one.type_name == found.type_name and _length(one) == length]
    shown = last[0] if last and last[0].examples_count else found
    return report.Finding(
        kind=report.MEMORY,
        type=name_of(found),
        references_per_run=0.0,
        objects_per_run=0.0,
        growth=growth,
        examples=[_block(shown.examples[index]) for index in range(shown.examples_count)],
        # In some windows malloc may have taken a little more.
        bytes_per_run=(sum(growth) / windows if found.blocks else min(growth)) / runs,
        blocks_per_run=found.blocks[0] / runs if found.blocks else None,
    )


def _length(found: native.Finding) -> float:
    """The length of the finding's blocks, if all have the same."""
    return found.bytes[0] / found.blocks[0] if found.blocks and found.blocks[0] else 0.0


def _block(example: native.Example) -> report.Example:
    core = native.library()
    return report.Example(
        address=example.object,
        refcount=0,
        explained=0,
        repr="%d byte%s" % (example.bytes, "" if example.bytes == 1 else "s"),
        birth=frames(core.pyrefcore_memory_stack, example.object),
        python=_line(core.pyrefcore_memory_line, example.object),
        bytes=example.bytes,
    )


def _finding(
    found: native.Finding, examples: Sequence[native.Example], runs: int, windows: int, unsafe: bool
) -> report.Finding:
    growth = [found.references[window] for window in range(windows)]
    names = classes(examples)
    objects = [found.objects[window] for window in range(len(growth))]
    missing = sum(example.refcount - example.explained for example in examples)
    return report.Finding(
        kind=KINDS[found.kind],
        # If a class was leaked, the name of its metaclass says nothing.
        type="type" if names else name_of(found),
        references_per_run=growth[0] / runs if growth else float(missing),
        objects_per_run=objects[0] / runs if objects else 0.0,
        growth=growth,
        examples=_died(examples, found) + _examples([one for one in examples if not one.died], unsafe),
        folded=[
            report.Folded(name_of(one), one.objects / (runs or 1))
            for one in (found.folded[index] for index in range(found.folded_count))
        ],
        classes=names,
    )


def _newest(found: native.Finding, newest: native.Finding, alone: Container[int]) -> List[native.Example]:
    """The examples from the last window, without objects that have a finding of their own, and then older ones."""
    older = [found.examples[index] for index in range(found.examples_count)]
    if found.examples_count > 1:
        examples = [newest.examples[index] for index in range(newest.examples_count)]
        others = [example for example in examples if example.object not in alone]
        known = {example.object for example in others}
        return (others + [example for example in older if example.object not in known])[: len(older)]
    return older


def _living(examples: List[native.Example]) -> List[native.Example]:
    """The examples without objects that have died since the library looked. Up to 3.11 the arguments of a call die
    so."""
    return [one for one in examples if one.died or one.refcount <= 0 or has_references(one.object)] or examples


def classes(examples: Sequence[native.Example]) -> List[str]:
    """The names of the examples that are types, each once."""
    names = [type_name_at(one.object) for one in examples if not one.died and is_type(one.object)]
    return sorted(set(names), key=names.index)


def _died(examples: Sequence[native.Example], found: native.Finding) -> List[report.Example]:
    """The examples of which only the memory is left. That memory is not read."""
    return [
        report.Example(
            address=one.object,
            refcount=one.refcount,
            explained=one.explained,
            repr="<a %s that had died>" % name_of(found),
            died=True,
            **(_birth(one.object) if found.ob_type else {}),
        )
        for one in examples
        if one.died
    ]


def _examples(examples: Sequence[native.Example], unsafe: bool) -> List[report.Example]:
    around = graph.Neighbourhood([example.object for example in examples])
    try:
        # None of these objects can die from now on.
        around.look()
        return [
            report.Example(
                address=example.object,
                refcount=example.refcount,
                explained=example.explained,
                repr=safe_repr_at(example.object, unsafe),
                referrers=graph.shown(around.referrers[example.object], unsafe),
                referents=graph.shown(around.referents[example.object], unsafe),
                **_born(example.object),
            )
            for example in examples
        ]
    finally:
        # An interrupt may come in the first `close`; the second call does the rest.
        try:
            around.close()
        finally:
            around.close()


def _born(address: int) -> Dict[str, Any]:
    """The facts about the birth of a live object, by the name of the example's field."""
    known = _birth(address)
    # tracemalloc also knows the line for objects that are older than the recording.
    tracemalloc = sys.modules.get("tracemalloc")
    if tracemalloc is not None and tracemalloc.is_tracing():
        trace = tracemalloc.get_object_traceback(at(address))
        if trace:
            # The innermost frame is the last.
            known["python"] = "%s:%d" % (trace[-1].filename, trace[-1].lineno)
    return known


def _birth(address: int) -> Dict[str, Any]:
    """The facts about a birth that the library has recorded. Of the object, only its type is read."""
    core = native.library()
    known: Dict[str, Any] = {}
    for name, ask in (("birth", core.pyrefcore_birth_stack), ("first_used", core.pyrefcore_first_used_stack)):
        stack = frames(ask, address)
        if stack:
            known[name] = stack
            break
    line = _line(core.pyrefcore_birth_line, address)
    if line is not None:
        known["python"] = line
    return known


def _line(ask: Callable[[int, Any, None], int], address: int) -> Optional[str]:
    for line in frames(ask, address):
        return "%s:%d" % (line.file, line.line or 0)
    return None


def frames(ask: Callable[[int, Any, None], int], address: int) -> List[report.Frame]:
    """The frames that a function of the library gives for an object, or for an index."""
    found: List[report.Frame] = []

    def visit(shown: Any, _: Any) -> int:
        found.append(_frame(shown.contents))
        return 0

    ask(address, native.FRAME_VISITOR(visit), None)
    return found


def _frame(shown: native.Frame) -> report.Frame:
    def text(value: Any) -> Any:
        return value.decode("utf-8", "replace") if value else None

    return report.Frame(
        function=text(shown.function),
        file=text(shown.file),
        line=shown.line or None,
        library=text(shown.library),
        offset=shown.offset if shown.library else None,
    )
