"""The settings for one test of pytest: from its markers, and from the allow list of the project."""

from __future__ import annotations

import dataclasses
import fnmatch
import math
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import pytest

from ..report.report import Finding

#: An allowed finding: which tests, which type, and why.
Allowed = Tuple[str, str, str]


@dataclasses.dataclass
class Settings:
    """The arguments of the marker `refs`. For each argument, the closest marker counts. Raises pytest.UsageError."""

    runs: int
    windows: int = 3
    #: Whether a test is repeated in whole windows even where one more run changes no count.
    thorough: bool = False
    #: Whether the C function is named that left a reference behind.
    who: bool = False
    skip: Optional[str] = None
    #: Reasons by type.
    allow: Dict[str, str] = dataclasses.field(default_factory=dict)
    #: References per run by type; blocks per run for memory, bytes for malloc. None accepts any number.
    expect: Dict[str, Optional[float]] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, item: pytest.Item, options: Mapping[str, Any], allowed: Sequence[Allowed]) -> Settings:
        """The settings of a test, from the options, its markers and the allow list."""
        given: Dict[str, Any] = {}
        for marker in reversed(list(item.iter_markers("refs"))):
            _refuse(item, bool(marker.args), "takes keywords only")
            unknown = sorted(set(marker.kwargs) - {field.name for field in dataclasses.fields(cls)})
            _refuse(item, bool(unknown), "does not know %s" % ", ".join(unknown))
            given.update(marker.kwargs)
        settings = cls(**dict(options, **given))
        settings._check(item)
        listed = {type_name: why for pattern, type_name, why in allowed if matches(item.nodeid, pattern)}
        settings.allow = dict(listed, **_by_type(settings.allow, ""))
        settings.expect = _by_type(settings.expect, None)
        # An expected finding may need many runs.
        settings.thorough |= bool(settings.expect)
        return settings

    def _check(self, item: pytest.Item) -> None:
        for name, least in (("runs", 1), ("windows", 2)):
            value = getattr(self, name)
            _refuse(item, type(value) is not int or value < least, "needs %s to be %d or more" % (name, least))
        for name in ("thorough", "who"):
            _refuse(item, type(getattr(self, name)) is not bool, "needs %s to be True or False" % name)
        _refuse(item, self.skip is not None and not _is_text(self.skip), "needs a reason in skip")
        for name in ("allow", "expect"):
            value = getattr(self, name)
            is_known = isinstance(value, (Mapping, list, tuple, set)) and all(map(_is_text, value))
            _refuse(item, not is_known, "needs names of types in %s, as a mapping or a list" % name)
        if isinstance(self.allow, Mapping):
            _refuse(item, not all(map(_is_text, self.allow.values())), "needs a reason for each type in allow")
        if isinstance(self.expect, Mapping):
            is_counted = all(type(count) in (int, float) for count in self.expect.values())
            _refuse(item, not is_counted, "needs the references per run for each type in expect")

    def allowed(self, finding: Finding) -> Dict[str, str]:
        """The reasons that allow a finding, by its type or by each leaked class. Empty if one class is not allowed."""
        for names in ([finding.type], finding.classes):
            if names and all(name in self.allow for name in names):
                return {name: self.allow[name] for name in names}
        return {}

    def expected(self, finding: Finding) -> Optional[str]:
        """The name in `expect` that fits the finding: its type, or the class that was leaked. None if there is no such
        name."""
        for name in [finding.type] + (finding.classes if len(finding.classes) == 1 else []):
            count = self.expect.get(name, math.nan)
            per_run = finding.references_per_run
            if finding.bytes_per_run is not None:
                per_run = finding.blocks_per_run or finding.bytes_per_run
            if count is None or abs(count - per_run) < 1e-9:
                return name
        return None

    def missing(self, findings: Sequence[Finding]) -> List[str]:
        """The expected findings that are not among these."""
        seen = {self.expected(finding) for finding in findings}
        return [
            name if count is None else "%s, %+g references per run" % (name, count)
            for name, count in self.expect.items()
            if name not in seen
        ]


def read_allowed(lines: Sequence[str]) -> List[Allowed]:
    """The lines of `refs_allow`. Raises pytest.UsageError for one without a reason."""
    allowed = []
    for line in lines:
        fields = [field.strip() for field in line.split(" | ", 2)]
        if len(fields) != 3 or not all(fields):
            raise pytest.UsageError("refs_allow needs lines like `TEST | module.Type | REASON`, not `%s`" % line)
        allowed.append((fields[0], fields[1], fields[2]))
    return allowed


def matches(nodeid: str, pattern: str) -> bool:
    """Whether a pattern matches a test. The brackets of a parametrised test are no wildcards."""
    return fnmatch.fnmatchcase(nodeid, pattern.replace("[", "[[]"))


def _by_type(given: Any, otherwise: Any) -> Dict[str, Any]:
    return dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, otherwise)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _refuse(item: pytest.Item, is_wrong: bool, why: str) -> None:
    if is_wrong:
        raise pytest.UsageError("%s: the marker refs %s" % (item.nodeid, why))
