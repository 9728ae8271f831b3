"""Snapshots between runs of one function.

Between two snapshots nothing is made here that stays: numbers are kept in memory that ctypes owns, and snapshots
in the library. So what a window shows is what the function did.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from gc import disable, enable, isenabled
from os import _exit, getpid
from typing import Callable, Iterator, List, Optional

from . import caches, host, native

# What a test patches while it is checked (`os.getpid`, `gc.collect` ...) is bound above, and does not reach us.
_WORD = ctypes.sizeof(ctypes.c_void_p)

#: Whether new memory is zeroed during a check. Tests switch it off.
ZEROES = True
#: The least that malloc takes for a block.
_BLOCK = 32
#: No object has so many references but by the guard.
_PINNED = 1 << 19


class NotCounted(RuntimeError):
    """A snapshot could not be taken; the message says why, in one sentence."""


class Windows:
    """Runs `fn` and keeps at most `capacity` snapshots. `close` gives back what it holds."""

    def __init__(self, fn: Callable[[], object], capacity: int, guard: bool = True) -> None:
        self._fn = fn
        self._guard = guard
        self._core = native.library()
        self._process = getpid()
        # The second half stays empty: it moves up when old ones are dropped.
        self._kept = (ctypes.c_void_p * (2 * capacity))()
        self._capacity = capacity
        self._address = ctypes.addressof(self._kept)
        # The first snapshot, which may hold what it has seen.
        self._start = ctypes.c_void_p()
        #: Runs that ended, snapshots that are kept, and objects that are held.
        self.finished = ctypes.c_size_t()
        self.count = ctypes.c_size_t()
        self.held = ctypes.c_size_t()
        #: Whether nothing more is held, because there is another interpreter.
        self.has_others = False
        #: The oldest generation of garbage that is collected before a snapshot.
        self.oldest = 1
        # Stands for what the last window changed: the same for the same changes.
        self._changed = ctypes.c_ssize_t()
        # One byte that child processes share.
        self._forked = mmap.mmap(-1, 1)
        # Where the library puts a new snapshot, and the arguments that say so. They are made once: an argument that is made
        # for each call would be an object of its own in each snapshot, and no window would be quiet.
        self._taken = ctypes.c_void_p()
        self._into = (ctypes.byref(self._taken),)
        # Whether the collector was on, and is off because of us; how the library was set, from when on that may change.
        self._paused = ctypes.c_bool()
        self._quarantine = ctypes.c_int(-1)
        self._zeroing = ctypes.c_int(-1)
        self._memory = ctypes.c_int(-1)
        #: What its holder wants kept to the end, and not counted: `hold` takes it away, `close` puts it back.
        self.kept: Optional[List[object]] = None
        self._kept_at = ctypes.c_void_p()
        # Whether a snapshot knows what the last run has released too often.
        self._is_known = True
        self._births = ctypes.c_int(-1)

    def begin(self, births: Optional[bool] = None) -> None:
        """Before the first run. What `close` takes back is noted before it is done, because an interrupt may come between."""
        # The functions that this looks up are objects, and have to be there at the first snapshot.
        host.has_other_allocators()
        # What dies is not handed out again at once, so that one that is released once more is seen.
        self._quarantine.value = 0
        self._quarantine.value = self._core.pyrefcore_audit_quarantine(self._guard)
        # What is handed out is zeroed, so that no field of a new object holds an address from before.
        self._zeroing.value = 0
        self._zeroing.value = self._core.pyrefcore_audit_zeroing(ZEROES)
        # What is handed out is noted, so that memory that is no object is seen to grow.
        self._memory.value = 0
        self._memory.value = self._core.pyrefcore_audit_memory(True)
        if births is not None:
            self._keep_births(births)

    def _keep_births(self, on: bool) -> None:
        """Keeps the native stack of each birth from now on, or does not, until `close`."""
        is_first = self._births.value == -1
        if is_first:
            self._births.value = 0
        before = self._core.pyrefcore_audit_births(on)
        if is_first:
            self._births.value = before

    def record_births(self) -> None:
        """Keeps the native stack of each birth from now on, of types with findings above all, until `close`."""
        self._keep_births(True)
        with self.compared(0, self.count.value) as findings:
            for one in findings:
                if one.type:
                    self._core.pyrefcore_audit_births_of(one.type)

    def run_apart(self, times: int) -> None:
        """Runs, before each of which memory is given back that types keep of dead objects: what is born has its own."""
        for _ in range(times):
            caches.clear()
            self.run(1)

    def run(self, times: int) -> None:
        """Calls the function so many times. What it raises goes through."""
        fn, finished, process = self._fn, self.finished, self._process
        self._is_known = False
        for _ in range(times):
            try:
                fn()
            finally:
                # A child that comes back from the function must neither go on here nor report anything.
                if getpid() != process:
                    self._forked[0] = 1
                    _exit(0)
            finished.value += 1

    def snapshot(self) -> None:
        """Keeps one more snapshot. The first, which comes before any run, holds as a guard all that it has seen."""
        self._paused.value = isenabled()
        try:
            # Nothing may die before it is held.
            disable()
            if self._start.value is None:
                self._is_known = False
                self._take()
                self._put(ctypes.addressof(self._start))
                if self._guard and not host.has_other_allocators():
                    if not self._core.pyrefcore_snapshot_pin(self._start):
                        raise NotCounted("there is no memory to hold what is alive")
            else:
                self._take()
                self._put(self._address + self.count.value * _WORD)
                self.count.value += 1
                self._is_known = True
        finally:
            self._resume()

    def _resume(self) -> None:
        if self._paused.value:
            enable()
            self._paused.value = False

    def hold(self) -> None:
        """Holds what was born since the first snapshot, too."""
        if not self._guard:
            return
        self.has_others = host.has_other_allocators()
        if self.has_others:
            return
        caches.clear(self.oldest)
        self.held.value = self._core.pyrefcore_snapshot_pin(self._start)
        if self.kept is not None and ctypes.c_int.from_address(id(self.kept)).value > _PINNED:
            # What nothing but the guard keeps alive is not counted.
            self._kept_at.value = id(self.kept)
            self.kept = None

    def let_go(self) -> None:
        """Takes the guard away. What was released too often stays."""
        if self._start.value is None or not self._guard:
            return
        if self._kept_at.value is not None:
            self.kept = ctypes.cast(self._kept_at, ctypes.py_object).value
            self._kept_at.value = None
        if not self._is_known:
            # The guard learns from this snapshot alone what it must keep.
            with contextlib.suppress(NotCounted):
                self._paused.value = isenabled()
                try:
                    disable()
                    with Snapshot():
                        self._is_known = True
                finally:
                    self._resume()
        self._core.pyrefcore_snapshot_unpin(self._start)

    def keep(self, newest: int) -> None:
        """Drops all but so many snapshots; not the first."""
        excess = max(0, self.count.value - newest)
        for index in range(excess):
            self._core.pyrefcore_snapshot_clear(self._address + index * _WORD)
        # At one go, so that none ever stands there twice.
        ctypes.memmove(self._address, self._address + excess * _WORD, self._capacity * _WORD)
        self.count.value -= excess

    def has_forked(self) -> bool:
        """Whether a child process came back from the function, and was ended."""
        return self._forked[0] != 0

    @contextlib.contextmanager
    def compared(self, first: int, count: int) -> Iterator[List[native.Finding]]:
        """What the library finds in `count` snapshots. The findings live until the end of the `with`."""
        if None in self._kept[first : first + count]:
            raise NotCounted("an interrupt came while snapshots were sorted, so nothing was counted")
        with listed(self._core.pyrefcore_compare(self._address + first * _WORD, count)) as findings:
            yield findings

    def is_quiet(self, runs: int) -> bool:
        """Whether the last window of so many runs, or all since the start, changed nothing. Of the C heap, what is less than a
        block for each run may be anybody's."""
        before = self._kept[self.count.value - 2] if self.count.value > 1 else self._start
        after = self._kept[self.count.value - 1]
        measure = self._core.pyrefcore_snapshot_c_heap
        grown: int = measure(after) - measure(before)
        return grown < _BLOCK * runs and bool(self._core.pyrefcore_is_quiet(before, after))

    def measures_c_heap(self) -> bool:
        """Whether growth of the C heap is known, as far as snapshots were taken."""
        return self._start.value is None or self._core.pyrefcore_snapshot_c_heap(self._start) != -1

    def repeats(self) -> bool:
        """Whether the last window changed the same as the one before. To be asked after every window."""
        before = self._changed.value
        with self.compared(self.count.value - 2, 2) as findings:
            changes = sorted(
                (one.kind, one.type or 0, one.type_name, one.references[0], one.objects[0])
                for one in findings
                if one.kind != native.GROWTH and not one.bytes
            )
            self._changed.value = hash(tuple(changes))
        return self.count.value > 2 and self._changed.value == before

    def has_findings(self, unsteady: bool = False) -> bool:
        """Whether anything grows in every window so far: by the same in each, or `unsteady`, too."""
        with self.compared(0, self.count.value) as findings:
            wanted = (native.LEAK, native.OVER_RELEASE, native.MEMORY) + ((native.UNSTEADY,) if unsteady else ())
            return any(one.kind in wanted for one in findings)

    def close(self) -> None:
        """Drops every snapshot, and the pins with them, and leaves the process as it was found. Called once more after an
        interrupt it does what is left."""
        self._resume()
        # An interrupt may have come before a new snapshot was put in its place.
        if self._taken.value not in [self._start.value] + list(self._kept):
            self._core.pyrefcore_snapshot_clear(ctypes.addressof(self._taken))
        self._taken.value = None
        self.let_go()
        self._core.pyrefcore_snapshot_clear(ctypes.addressof(self._start))
        for index in range(self._capacity):
            self._core.pyrefcore_snapshot_clear(self._address + index * _WORD)
        if self._births.value != -1:
            self._core.pyrefcore_audit_births(self._births)
        if self._quarantine.value != -1:
            self._core.pyrefcore_audit_quarantine(self._quarantine)
        if self._zeroing.value != -1:
            self._core.pyrefcore_audit_zeroing(self._zeroing)
        if self._memory.value != -1:
            self._core.pyrefcore_audit_memory(self._memory)
        self._forked.close()

    def _put(self, place: int) -> None:
        ctypes.memmove(place, ctypes.addressof(self._taken), _WORD)
        self._taken.value = None

    def _take(self) -> None:
        # A name that is looked up after the caches were cleared may be in one, until the interpreter learns to do without.
        take, into = self._core.pyrefcore_snapshot_try, self._into
        caches.clear(self.oldest)
        why_not = take(*into)
        if why_not is not None:
            raise NotCounted(why_not.decode())


class Snapshot:
    """One snapshot for as long as a `with` lasts: its address. Raises NotCounted where it can't be taken."""

    def __init__(self) -> None:
        self._place = ctypes.c_void_p()

    def __enter__(self) -> int:
        why_not = native.library().pyrefcore_snapshot_try(ctypes.addressof(self._place))
        if why_not is not None:
            raise NotCounted(why_not.decode())
        return self._place.value or 0

    def __exit__(self, *_: object) -> None:
        native.library().pyrefcore_snapshot_clear(ctypes.addressof(self._place))


@contextlib.contextmanager
def listed(found: Optional[int]) -> Iterator[List[native.Finding]]:
    """The findings behind an address that the library gave, which are given back at the end of the `with`."""
    core = native.library()
    if not found:
        raise NotCounted("there is no memory to compare snapshots")
    try:
        count = core.pyrefcore_findings_count(found)
        yield [core.pyrefcore_findings_get(found, index).contents for index in range(count)]
    finally:
        core.pyrefcore_findings_drop(found)
