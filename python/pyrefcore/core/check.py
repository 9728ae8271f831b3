"""Runs a function again and again, and reports the references that each run leaks or releases too often."""

from __future__ import annotations

import contextlib
import threading
import traceback
import types
from typing import Callable, Generator, Iterator, Optional

from ..report.printable import short
from ..report.report import OVER_RELEASE, Report
from . import caches, findings, host, misuse, native, notes, who
from .attach import attach
from .safe_repr import safe_repr, type_name
from .snapshot import NotCounted
from .threads_hook import ThreadsHook
from .turns import Turn
from .windows import Windows

#: Windows of warm-up. A function that is not quiet after them is measured as it is.
WARMUP_LIMIT = 10
#: How often windows are measured again if their growth is nearly the same in each.
_MORE_MEASUREMENTS = 2
#: The longest message of an exception in a report, in characters.
MESSAGE = 1000
#: Runs in which births are recorded, if each run leaves something.
_RECORDED_RUNS = 3


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended a check. `report` has the results up to then."""

    report: Report


def check(
    fn: Callable[[], object],
    *,
    runs: int = 100,
    warmup: Optional[int] = None,
    windows: int = 3,
    births: Optional[bool] = None,
    guard: bool = True,
    unsafe_repr: bool = False,
    progress: Optional[Callable[[str], object]] = None,
    subject: Optional[str] = None,
    who: bool = False,
) -> Report:
    """Calls `fn` without arguments, compares windows of `runs` calls, and reports what grows by the same amount in
    each.

    warmup: calls before the first window. By default, a window in which no count changes ends the check: a leak grows in
        every window. Otherwise calls go on until two windows in a row show the same changes.
    windows: windows to compare, at least 2.
    births: whether to record where objects are born, on the native stack: from the start (True), never (False), or
        in a few more runs if there are findings (None).
    guard: whether to hold all objects that are alive before the check. Then one that is released too often does not
        die. The memory of objects that die during the check is held back as well. Then a further release of a dead
        object damages no other object.
    unsafe_repr: whether examples may be shown with their own `__repr__`, which is code of the program.
    progress: called with a short text at the end of each window.
    subject: the name of the function in the report; its own name by default.
    who: whether to name the C function and the line that took a leaked reference, or released one too many. If there
        are findings, it takes two more runs.

    An exception from `fn` ends the check and is in the report (`error`, `exception`). Raises NotSupported if references
    can't be counted, and ValueError or TypeError for arguments that make no sense. After Ctrl-C, raises Interrupted, a
    KeyboardInterrupt with the report so far.
    """

    def checked(guarded: bool) -> Checking:
        quick = runs if warmup is None else 0
        show = progress or _silent
        checking = Checking(fn, runs, warmup, windows, births, guarded, unsafe_repr, show, subject, quick, who)
        for _ in checking.steps(first_is_ours=True):
            pass
        return checking

    misuse.refuse(fn, runs, warmup, windows)
    attach()
    first = checked(guard)
    if first.only_guarded is None:
        return first.report
    report = checked(False).report
    report.notes.append(notes.unguarded(first.only_guarded))
    return report


class Checking:
    """A check in progress. `report` has the results so far."""

    def __init__(
        self,
        fn: Callable[[], object],
        runs: int,
        warmup: Optional[int],
        windows: int,
        births: Optional[bool],
        guard: bool,
        unsafe_repr: bool,
        progress: Callable[[str], object],
        subject: Optional[str],
        quick: int = 0,
        who: bool = False,
    ) -> None:
        """quick: runs of a window that is looked at without a snapshot. If no count changes in it, the check ends. 0 for
        none."""
        name = _name(fn) if subject is None else subject
        self.report = Report(host=host.describe(), runs=runs, windows=windows, notes=notes.always(), subject=name)
        #: The error of a run under the guard, if the same run without the guard raises none.
        self.only_guarded: Optional[str] = None
        self.counted = Windows(fn, windows + 3, guard)
        self._warmup = warmup
        self._quick = quick
        self._who = who
        self._births = births
        self._guard = guard
        self._unsafe = unsafe_repr
        self._progress = progress

    def steps(self, first_is_ours: bool) -> Iterator[None]:
        """Runs the whole check. If the first run is not ours, yields once in its place; the guard holds all objects by
        then."""
        counted, report, unsafe = self.counted, self.report, self._unsafe
        turn, threads, threads_hook = Turn(), 0, ThreadsHook()
        try:
            try:
                turn.take()
                threads = threading.active_count()
                threads_hook.take()
                counted.begin(self._births)
                yield from self._measure(first_is_ours)
            except KeyboardInterrupt:
                _ended(counted, report, "interrupted", unsafe)
                interrupted = Interrupted()
                interrupted.report = report
                raise interrupted from None
            except NotCounted as error:
                _ended(counted, report, "no snapshot could be taken (%s)" % error, unsafe)
            except BaseException as raised:
                is_closed = not first_is_ours and not counted.finished.value
                if is_closed and issubclass(type(raised), GeneratorExit):
                    # The first run has failed, so the caller wants no other runs.
                    raise
                # Python turns a StopIteration from a generator into a RuntimeError.
                is_stop = issubclass(type(raised), RuntimeError) and type(raised.__cause__) is StopIteration
                error = raised.__cause__ or raised if is_stop else raised
                report.exception = error
                # isinstance would read the exception's `__class__`, which may be code.
                if issubclass(type(error), MemoryError):
                    # The frames that the exception remembers hold the objects that filled the memory.
                    traceback.clear_frames(error.__traceback__)
                _ended(counted, report, "raised %s" % _line(error), unsafe)
                if self._guard and issubclass(type(error), Exception) and not issubclass(type(error), MemoryError):
                    self._try_without_guard(error)
            finally:
                _note(counted, report, self._guard, threads, turn)
                _leave(counted, threads_hook, turn)
        finally:
            # An interrupt may come before the first `_leave`, or in it. The second call does the rest.
            _leave(counted, threads_hook, turn)

    def _try_without_guard(self, error: BaseException) -> None:
        """Stores the error if a run raises again, and does not raise without the guard. Code that reads reference
        counts may behave so."""
        if not self.report.findings and self._raises():
            self.counted.let_go()
            if not self._raises():
                self.only_guarded = _line(error)

    def _raises(self) -> bool:
        try:
            self.counted.run(1)
        except Exception:
            return True
        return False

    def _measure(self, first_is_ours: bool) -> Iterator[None]:
        counted, report = self.counted, self.report
        caches.warm()
        has_findings = yield from _take_windows(
            counted, report, self._warmup, self._quick, self._progress, first_is_ours
        )
        if self._births is None and has_findings:
            # A few more runs record where such objects are born. A stack at each birth is too slow for all windows.
            runs = _runs_to_record(counted, report)
            counted.record_births()
            # A snapshot first: the work since the last one would show among such small numbers.
            counted.snapshot()
            counted.run_apart(runs)
            counted.snapshot()
        # A single window without change is not compared.
        if report.windows > 1:
            _read(counted, report, self._unsafe)
            if self._who:
                who.name(counted, report)


def _note(counted: Windows, report: Report, guard: bool, threads: int, turn: Turn) -> None:
    """Adds notes for the reader."""
    if counted.has_others:
        report.notes.append(notes.UNHELD)
    elif counted.held_objects():
        report.notes.append(notes.held(counted.held_objects()))
    over_released = [one for finding in report.findings if finding.kind == OVER_RELEASE for one in finding.examples]
    if guard and not all(example.died for example in over_released):
        report.notes.append(notes.KEPT)
    if any(example.died for example in over_released):
        report.notes.append(notes.DIED)
    if not counted.measures_c_heap():
        report.notes.append(notes.NO_C_HEAP)
    if counted.has_forked():
        report.notes.append(notes.FORKED)
    if not turn.is_alone:
        report.notes.append(notes.BESIDE)
    if threading.active_count() > threads:
        report.notes.append(notes.more_threads(threading.active_count() - threads))


def _leave(counted: Windows, threads_hook: ThreadsHook, turn: Turn) -> None:
    """Leaves the process as it was before. May be called twice."""
    threads_hook.put_back()
    counted.close()
    turn.give()


def _runs_to_record(counted: Windows, report: Report) -> int:
    """Three runs; more if a run leaves less than one reference: then as many runs as leave one."""
    runs = report.runs
    with counted.compared(0, report.windows + 1) as found:
        steady = [one for one in found if one.kind != native.UNSTEADY]
        changes = [max(abs(one.references[0]), abs(one.objects[0])) for one in steady]
        changes += [one.blocks[0] for one in steady if one.blocks]
    return min(runs, max([_RECORDED_RUNS] + [-(-runs // change) for change in changes if change]))


def _take_windows(
    counted: Windows,
    report: Report,
    warmup: Optional[int],
    quick: int,
    progress: Callable[[str], object],
    first_is_ours: bool,
) -> Generator[None, None, bool]:
    """Takes the snapshots around the windows to compare, or around one window without change. With `quick`, a window in
    which no count changes comes before them, and ends the check. Returns whether the snapshots show findings."""
    # All variables of this function exist at the first snapshot. They are small numbers, and as many of each type to
    # the end.
    windows, runs, is_quiet = report.windows, report.runs, False
    warming, is_sure, has_findings = (WARMUP_LIMIT, 0, False) if warmup is None else (0, 1, False)
    more = _MORE_MEASUREMENTS
    is_quick = quick > 0 and counted.can_look(quick)
    if is_quick:
        counted.look()
    else:
        counted.snapshot()
    if first_is_ours:
        counted.run(1)
    else:
        yield
        counted.finished.value += 1
    # Objects that the first run made and keeps are held, too: they are older than the first window.
    if is_quick:
        if not counted.has_other_interpreters():
            counted.look()
            counted.ahead.value = quick - first_is_ours
            is_quiet = counted.look()
            if not is_quiet:
                # The first run may have filled a cache.
                counted.ahead.value = quick
                is_quiet = counted.look()
        if is_quiet:
            progress("nothing changes")
            report.windows, report.runs = 1, quick
            return False
        counted.end_looks()
        counted.run(runs)
    else:
        counted.hold()
        if warming:
            counted.run(runs - 1)
        else:
            counted.run(warmup)
            counted.oldest = 2
    counted.snapshot()
    while True:
        while counted.count.value <= windows:
            if warming and counted.is_quiet(runs):
                # A leak grows in every window.
                progress("nothing changes")
                report.windows = 1
                return False
            counted.oldest = 2
            counted.run(runs)
            counted.snapshot()
            if not warming:
                progress("window %d of %d" % (counted.count.value - 1, windows))
                continue
            warming -= 1
            progress("warming up, window %d" % (WARMUP_LIMIT - warming))
            if counted.repeats():
                # Two windows with the same changes. They are the first two to compare.
                warming = 0
            else:
                counted.keep(2 if warming else 1)
        has_findings = counted.has_findings(unsteady=not is_sure)
        if is_sure and not has_findings and more and counted.is_nearly_steady():
            # Another thread may have held one of the references at a snapshot.
            more -= 1
        elif is_sure or not has_findings:
            return has_findings
        # So few windows may show a cache that fills up, or a leak that does not look steady yet. So measure again: only
        # growth that continues counts. Nothing but runs may lie between the new snapshots.
        is_sure, warming = 1, 0
        counted.keep(0)
        counted.run(runs)
        counted.snapshot()


def _ended(counted: Windows, report: Report, why: str, unsafe: bool) -> None:
    """Completes the report of a check that ended early."""
    report.error = "%s in run %d" % (why, counted.finished.value + 1)
    report.windows = min(counted.count.value - 1, report.windows)
    if report.windows < 2:
        report.windows = 0
        report.notes.append("the check ended before there were two windows to compare, so nothing was counted")
        return
    try:
        _read(counted, report, unsafe)
    except NotCounted as error:
        report.windows = 0
        report.notes.append(str(error))


def _read(counted: Windows, report: Report, unsafe: bool) -> None:
    """Compares the windows. The examples come from the window in which births were recorded, if there was one."""
    count, windows = report.windows + 1, report.windows
    with counted.compared(0, count) as found, contextlib.ExitStack() as stack:
        newest = found
        if counted.count.value > count:
            newest = stack.enter_context(counted.compared(counted.count.value - 2, 2))
        report.findings = findings.read(found, report.runs, windows, unsafe, newest)
        for one in found:
            if one.kind == native.UNSTEADY:
                growth = [(one.bytes or one.references)[window] for window in range(windows)]
                what = "bytes" if one.bytes else "references"
                report.notes.append(notes.unsteady(findings.name_of(one), growth, what, report.runs))
        visible = [one for one in found if one.kind == native.GROWTH]
        grown = {findings.name_of(one): one.objects[0] / report.runs for one in visible if not one.bytes}
        if grown:
            report.notes.append(notes.grown(grown))
        beside = {findings.name_of(one): one.bytes[0] / report.runs for one in visible if one.bytes}
        if beside:
            report.notes.append(notes.memory_beside(beside))


def _name(fn: Callable[[], object]) -> str:
    if isinstance(fn, types.FunctionType):
        return "%s.%s" % (fn.__module__, fn.__qualname__)
    return safe_repr(fn)


def _line(error: BaseException) -> str:
    name = type_name(type(error))
    try:
        text = " ".join(str.__str__(str(error)).split())
    # `str` of an exception may raise anything, even KeyboardInterrupt. The message is then left out.
    except BaseException:
        text = ""
    return "%s: %s" % (name, short(text, MESSAGE)) if text else name


def _silent(_: str) -> None:
    pass
