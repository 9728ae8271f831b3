"""The result of a check or an audit: plain data that needs no library and can be written as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict, List, Optional

LEAK = "leak"
OVER_RELEASE = "over-release"
MEMORY = "memory"


@dataclasses.dataclass
class Frame:
    """One frame of a C stack. An unknown field is None."""

    function: Optional[str] = None
    file: Optional[str] = None
    line: Optional[int] = None
    library: Optional[str] = None
    #: Bytes from the start of `library`.
    offset: Optional[int] = None

    def to_dict(self) -> Dict[str, Any]:
        """The frame as a dict for JSON, without unknown fields."""
        known = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        if "offset" in known:
            known["offset"] = hex(known["offset"])
        return known


@dataclasses.dataclass
class Neighbour:
    """An object that an example refers to, or that refers to it."""

    address: int
    #: "module.Type", or "Type" for builtins.
    type: str
    #: As `Example.repr`.
    repr: str

    def to_dict(self) -> Dict[str, Any]:
        """The neighbour as a dict for JSON."""
        return {"address": hex(self.address), "type": self.type, "repr": self.repr}


@dataclasses.dataclass
class Example:
    """An object whose references do not add up, or a block of memory that is no object."""

    address: int
    #: The reference count of the object when it was read, without references of the check itself.
    refcount: int
    #: References that other objects visibly hold.
    explained: int
    #: A short description of the object. No code of its type was run for it, unless `unsafe_repr` allowed that.
    repr: str
    #: Objects that visibly hold it, at most eight.
    referrers: List[Neighbour] = dataclasses.field(default_factory=list)
    #: Objects that it visibly holds, at most eight.
    referents: List[Neighbour] = dataclasses.field(default_factory=list)
    #: The stack of its birth, innermost frame first; empty if it is not known.
    birth: List[Frame] = dataclasses.field(default_factory=list)
    #: In place of `birth`: the stack of the first use of its memory. Its type may have reused that memory for a younger
    #: object.
    first_used: List[Frame] = dataclasses.field(default_factory=list)
    #: The line of Python that ran at the birth, or at the first use: "file.py:12", or None.
    python: Optional[str] = None
    #: Whether it was already dead when it was released once more. Only its memory is left, which the check held back.
    died: bool = False
    #: For a block of memory: its length. Only this, `address`, `repr`, `birth` and `python` are known of a block.
    bytes: Optional[int] = None

    def to_dict(self) -> Dict[str, Any]:
        """The example as a dict for JSON."""
        found: Dict[str, Any] = {"address": hex(self.address), "repr": self.repr}
        if self.bytes is not None:
            found["bytes"] = self.bytes
        else:
            found["refcount"] = self.refcount
            found["explained"] = self.explained
            found["referrers"] = [neighbour.to_dict() for neighbour in self.referrers]
            found["referents"] = [neighbour.to_dict() for neighbour in self.referents]
        if self.died:
            found["died"] = True
        if self.birth:
            found["birth"] = [frame.to_dict() for frame in self.birth]
        elif self.first_used:
            found["first_used"] = [frame.to_dict() for frame in self.first_used]
        if self.python is not None:
            found["python"] = self.python
        return found


@dataclasses.dataclass
class Folded:
    """Objects that exist only because the leaked ones hold them."""

    #: As `Finding.type`.
    type: str
    #: Objects of this type, per run.
    objects: float

    def to_dict(self) -> Dict[str, Any]:
        """The entry as a dict for JSON."""
        return {"type": self.type, "objects": self.objects}


@dataclasses.dataclass
class Culprit:
    """A C function that left a reference unpaired."""

    #: 1 for a reference too many, -1 for one too few.
    delta: int
    #: "took" (it counted a reference), "made" (a call gave it a new one), "forgot" (its object died and kept one), or
    #: "released" (it gave back what was not its own).
    what: str
    #: How it was found: "only", "exact", "dealloc", "container" or "held". None for one of several candidates.
    rule: Optional[str] = None
    #: The function, and the place of the instruction.
    frame: Frame = dataclasses.field(default_factory=Frame)
    #: The functions into which the compiler has put it, innermost first.
    inlined: List[str] = dataclasses.field(default_factory=list)
    #: The line of Python that ran, if it is known: "file.py:12".
    python: Optional[str] = None
    #: The line of the source file, if it can be read here.
    source: Optional[str] = None

    def to_dict(self) -> Dict[str, Any]:
        """The function as a dict for JSON, without what is not known."""
        found: Dict[str, Any] = {"delta": self.delta, "what": self.what}
        found.update(self.frame.to_dict())
        for name in ("rule", "inlined", "python", "source"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        return found


@dataclasses.dataclass
class Finding:
    """One kind of mistake with one type."""

    #: "leak", "over-release", or "memory".
    kind: str
    #: "module.Type", or "Type" for builtins. For memory, the function that allocates it: "PyObject_Malloc",
    #: "PyMem_Malloc", "PyMem_RawMalloc". Or "malloc" for growth of the C heap that these do not explain.
    type: str
    #: References that no holder explains, per run; negative for an over-release. An audit has no runs: there it is the
    #: number of references that are missing now (negative).
    references_per_run: float
    #: Change of the number of objects of this type, per run.
    objects_per_run: float
    #: References that no holder explains, one number per window; empty in an audit. For memory, bytes.
    growth: List[int] = dataclasses.field(default_factory=list)
    examples: List[Example] = dataclasses.field(default_factory=list)
    folded: List[Folded] = dataclasses.field(default_factory=list)
    #: If the examples are types: their names, each once.
    classes: List[str] = dataclasses.field(default_factory=list)
    #: For memory: bytes that were not freed, per run. Those of "malloc" include malloc's own words beside each block.
    bytes_per_run: Optional[float] = None
    #: For memory: blocks, per run; 0 if blocks only get longer, None for "malloc", whose blocks are not known.
    blocks_per_run: Optional[float] = None
    #: The functions that did it, if the check looked for them.
    unmatched: List[Culprit] = dataclasses.field(default_factory=list)
    #: Functions of which one did it, if it is not known which.
    candidates: List[Culprit] = dataclasses.field(default_factory=list)

    def to_dict(self) -> Dict[str, Any]:
        """The finding as a dict for JSON."""
        found = {
            "kind": self.kind,
            "type": self.type,
            "references_per_run": self.references_per_run,
            "objects_per_run": self.objects_per_run,
            "growth": list(self.growth),
            "examples": [example.to_dict() for example in self.examples],
            "folded": [folded.to_dict() for folded in self.folded],
            "classes": list(self.classes),
        }
        for name in ("bytes_per_run", "blocks_per_run"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        for name in ("unmatched", "candidates"):
            if getattr(self, name):
                found[name] = [culprit.to_dict() for culprit in getattr(self, name)]
        return found


@dataclasses.dataclass
class Report:
    """The result of `check` or `audit`. `str()` makes the text that the command line prints."""

    #: The Python that ran: "implementation", "version", "flavour", "platform", "executable".
    host: Dict[str, Any]
    #: Runs in each window, and windows that were compared, or 1 if one window showed no change. Both are 0 in an audit.
    runs: int = 0
    windows: int = 0
    findings: List[Finding] = dataclasses.field(default_factory=list)
    #: Notes, a sentence each: what could not be seen, and what else the reader should know.
    notes: List[str] = dataclasses.field(default_factory=list)
    #: What was checked, as it was given: a statement or a name.
    subject: str = ""
    #: Why the check ended early, in one sentence, or None. The report has the results up to then.
    error: Optional[str] = None
    #: The exception that the function raised, if it was one that ended the check; not in the JSON.
    exception: Optional[BaseException] = dataclasses.field(default=None, compare=False, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the check came to its end and found nothing."""
        return not self.findings and self.error is None

    def __bool__(self) -> bool:
        """`ok`, so that `assert check(function)` means what it says."""
        return self.ok

    def to_dict(self) -> Dict[str, Any]:
        """The report as a dict for JSON: only dicts, lists, strings, numbers, booleans and None."""
        found: Dict[str, Any] = {
            "ok": self.ok,
            "host": dict(self.host),
            "subject": self.subject,
            "runs": self.runs,
            "windows": self.windows,
            "findings": [finding.to_dict() for finding in self.findings],
            "notes": list(self.notes),
        }
        if self.error is not None:
            found["error"] = self.error
        return found

    def to_json(self, indent: Optional[int] = 2) -> str:
        """The report as JSON text, in ASCII, `indent` spaces a level."""
        return json.dumps(self.to_dict(), indent=indent)

    def to_html(self) -> str:
        """The report as one page of HTML that needs no other file."""
        from . import html

        return html.render(self)

    def __str__(self) -> str:
        from . import text

        return text.render(self)
