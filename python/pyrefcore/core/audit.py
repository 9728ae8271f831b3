"""Finds every object that has fewer references than are visibly held, before such an object causes a crash."""

from __future__ import annotations

from ..report.report import Report
from . import findings, host, native, notes
from .attach import attach
from .snapshot import Snapshot, listed


def audit(*, unsafe_repr: bool = False) -> Report:
    """Looks at every object once. Findings are of kind "over-release". Their `references_per_run` is the number of
    missing references (negative).

    Raises NotSupported if references can't be counted, and NotCounted, a RuntimeError, if no snapshot could be taken.
    Then there is no memory, or more than one thread on a free-threaded Python, or from 3.12 on another interpreter with
    threads.
    """
    attach()
    core = native.library()
    report = Report(host=host.describe(), subject="every object that is alive")
    with Snapshot() as snapshot:
        with listed(core.pyrefcore_over_released(snapshot)) as found:
            report.findings = findings.read(found, 0, 0, unsafe_repr)
        report.notes += notes.always()
        report.notes.append(
            "%d objects and %d references between them were looked at"
            % (core.pyrefcore_snapshot_objects(snapshot), core.pyrefcore_snapshot_references(snapshot))
        )
    return report
