"""Snapshots between runs of one function.

Between two snapshots this module makes nothing that stays. It keeps numbers in memory of ctypes, and snapshots in the
library. So a window shows only what the function did.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from gc import disable, enable, isenabled
from os import _exit, getpid
from typing import Callable, Iterator, List

from . import caches, host, native
from .snapshot import NotCounted, Snapshot, listed

# A test may patch functions such as `os.getpid` or `gc.collect` while it is checked. The imports above keep the
# originals.
_WORD = ctypes.sizeof(ctypes.c_void_p)

#: Whether new memory is zeroed during a check. Tests switch it off.
ZEROES = True
#: The smallest block of malloc, in bytes.
_BLOCK = 32
#: Only an object that the guard holds has more references than this.
_PINNED = 1 << 19


class Windows:
    """Runs `fn` and keeps at most `capacity` snapshots. `close` frees everything."""

    #: Whether the guard of any check is up.
    _is_looking = False

    def __init__(self, fn: Callable[[], object], capacity: int, guard: bool = True) -> None:
        self._fn = fn
        self._guard = guard
        self._core = native.library()
        self._process = getpid()
        # The second half stays empty. `keep` moves the places down when it drops old snapshots.
        self._kept = (ctypes.c_void_p * (2 * capacity))()
        self._capacity = capacity
        self._address = ctypes.addressof(self._kept)
        # The first snapshot. As a guard, it may hold all objects that it has seen.
        self._start = ctypes.c_void_p()
        #: The numbers of runs that ended, of snapshots that are kept, and of objects that are held.
        self.finished = ctypes.c_size_t()
        self.count = ctypes.c_size_t()
        self.held = ctypes.c_size_t()
        #: Whether `hold` holds nothing, because there is another interpreter.
        self.has_others = False
        #: The oldest generation of garbage that is collected before a snapshot.
        self.oldest = 1
        # A hash of the changes in the last window.
        self._changed = ctypes.c_ssize_t()
        # One byte that child processes share.
        self._forked = mmap.mmap(-1, 1)
        # The place for a new snapshot, and the arguments that name it. They are made once. If they were made for each
        # call, each snapshot would have a new object, and no window would be quiet.
        self._taken = ctypes.c_void_p()
        self._into = (ctypes.byref(self._taken),)
        # Whether the guard of the looks holds the objects.
        self._has_guard = ctypes.c_bool()
        #: The runs of the next `look`.
        self.ahead = ctypes.c_size_t()
        # Whether we have switched the collector off; then the library's settings before the check, or -1.
        self._paused = ctypes.c_bool()
        self._quarantine = ctypes.c_int(-1)
        self._zeroing = ctypes.c_int(-1)
        self._memory = ctypes.c_int(-1)
        #: A list that the caller wants to keep to the end, but not to count. `hold` removes it, `close` puts it back.
        self.kept: Optional[List[object]] = None
        self._kept_at = ctypes.c_void_p()
        # Whether there was a snapshot since the last run. It knows the objects that were released too often.
        self._is_known = True
        self._births = ctypes.c_int(-1)
        #: Called before the guard is removed, by which objects may die.
        self.letting_go: Callable[[], object] = _nothing

    def begin(self, births: Optional[bool] = None) -> None:
        """Prepares the first run. The old state is noted before each change, because an interrupt may come between;
        `close` restores it."""
        # This call makes function objects, which must exist at the first snapshot.
        host.has_other_allocators()
        # Memory of dead objects is not used again at once, so that a further release of such an object is seen.
        self._quarantine.value = 0
        self._quarantine.value = self._core.pyrefcore_audit_quarantine(self._guard)
        # New memory is zeroed, so that no field of a new object holds an old address.
        self._zeroing.value = 0
        self._zeroing.value = self._core.pyrefcore_audit_zeroing(ZEROES)
        # New blocks are recorded, so that growth of memory that is no object is seen.
        self._memory.value = 0
        self._memory.value = self._core.pyrefcore_audit_memory(True)
        if births is not None:
            self._keep_births(births)

    def _keep_births(self, on: bool) -> None:
        """Switches the recording of native stacks at births on or off, until `close`."""
        is_first = self._births.value == -1
        if is_first:
            self._births.value = 0
        before = self._core.pyrefcore_audit_births(on)
        if is_first:
            self._births.value = before

    def record_births(self) -> None:
        """Records the native stack of each birth until `close`, above all for types with findings."""
        self._keep_births(True)
        with self.compared(0, self.count.value) as findings:
            for one in findings:
                if one.ob_type:
                    self._core.pyrefcore_audit_births_of(one.ob_type)

    def follow_births(self) -> None:
        """Records births until `close`: also those of objects that get old memory from a free list."""
        self._keep_births(True)

    def run_apart(self, times: int) -> None:
        """Calls the function `times` times. Before each call, empties the free lists of types, so that a new object
        gets new memory."""
        for _ in range(times):
            caches.clear()
            self.run(1)

    def run_traced(self) -> Optional[bytes]:
        """Calls the function once, while the library traces this thread. Returns a reason if that was not possible."""
        caches.clear(self.oldest)
        why_not: Optional[bytes] = self._core.pyrefcore_who_begin()
        if why_not is None:
            try:
                # No collection of garbage may come between, which would end objects in another order.
                self._paused.value = isenabled()
                disable()
                self.run(1)
            finally:
                why_not = self._core.pyrefcore_who_end()
                self._resume()
        return why_not

    def run(self, times: int) -> None:
        """Calls the function `times` times. Its exceptions pass through."""
        fn, finished, process = self._fn, self.finished, self._process
        self._is_known = False
        for _ in range(times):
            try:
                fn()
            finally:
                # A child process that returns from the function must neither go on here nor report anything.
                if getpid() != process:
                    self._forked[0] = 1
                    _exit(0)
            finished.value += 1

    def snapshot(self) -> None:
        """Takes and keeps one more snapshot. The first comes before any run; as a guard, it holds all objects that it
        has seen."""
        self._paused.value = isenabled()
        try:
            # No object may die before it is held.
            disable()
            if self._start.value is None:
                self._is_known = False
                self._take()
                self._put(ctypes.addressof(self._start))
                if self._guard and not self._has_guard.value and not host.has_other_allocators():
                    if not self._core.pyrefcore_snapshot_pin(self._start):
                        raise NotCounted("there is no memory to hold the live objects")
            else:
                self._take()
                self._put(self._address + self.count.value * _WORD)
                self.count.value += 1
                self._is_known = True
        finally:
            self._resume()

    def can_look(self, runs: int) -> bool:
        """Prepares `look` for windows of `runs` runs. False if the objects can't be held, or if this check runs within
        another that looks: the library has one guard. Also false on free-threaded builds, where looks were never
        tried."""
        if not self._guard or Windows._is_looking or host.is_free_threaded_build() or host.has_other_allocators():
            return False
        # In this order, and reversed at the end: an interrupt may come between.
        self._has_guard.value = True
        Windows._is_looking = True
        self._core.pyrefcore_guard_allow(_BLOCK * runs)
        return True

    def look(self) -> bool:
        """Runs the function `ahead` times. Returns whether that has left every count as it was at the last look.

        The first look holds all objects, the second those that were born since; both return False. One function makes
        every look and takes no arguments, so that its own objects are in each of them.
        """
        self.run(self.ahead.value)
        self._paused.value = isenabled()
        try:
            # No object may die before it is held.
            disable()
            caches.clear(self.oldest)
            found = self._core.pyrefcore_guard_look()
        finally:
            self._resume()
        if found < 0:
            raise NotCounted(self._core.pyrefcore_guard_why_not().decode())
        # An object that only the guard holds may have been released too often. Without one, all is known.
        self._is_known = found > 0 and not self._core.pyrefcore_guard_lost()
        return found > 0

    def end_looks(self) -> None:
        """Takes the first snapshot. The guard of the looks stays."""
        self._leave_to_guard()
        self.snapshot()

    def _end_guard(self) -> None:
        if self._has_guard.value:
            self._core.pyrefcore_guard_end()
            Windows._is_looking = False
            self._has_guard.value = False

    def held_objects(self) -> int:
        """The number of objects that were held after the first run."""
        return self.held.value or int(self._core.pyrefcore_guard_held())

    def has_other_interpreters(self) -> bool:
        """Whether objects of another interpreter have come, which can't be held. Then there are no more looks."""
        self.has_others = host.has_other_allocators()
        return self.has_others

    def _leave_to_guard(self) -> None:
        """Lets only the guard keep `kept` alive, if the guard holds it: objects that only the guard keeps alive are not
        counted."""
        if self.kept is not None and ctypes.c_int.from_address(id(self.kept)).value > _PINNED:
            self._kept_at.value = id(self.kept)
            self.kept = None

    def _resume(self) -> None:
        if self._paused.value:
            enable()
            self._paused.value = False

    def hold(self) -> None:
        """Holds the objects that were born since the first snapshot, too."""
        if not self._guard:
            return
        if self.has_other_interpreters():
            return
        caches.clear(self.oldest)
        self.held.value = self._core.pyrefcore_snapshot_pin(self._start)
        self._leave_to_guard()

    def let_go(self) -> None:
        """Removes the guard. Objects that were released too often stay."""
        if self._start.value is None and not self._has_guard.value or not self._guard:
            return
        if self._kept_at.value is not None:
            self.kept = ctypes.cast(self._kept_at, ctypes.py_object).value
            self._kept_at.value = None
        if not self._is_known:
            # From this snapshot the guard learns which objects it must keep.
            with contextlib.suppress(NotCounted):
                self._paused.value = isenabled()
                try:
                    disable()
                    with Snapshot():
                        self._is_known = True
                finally:
                    self._resume()
        self.letting_go()
        self._end_guard()
        if self._start.value is not None:
            self._core.pyrefcore_snapshot_unpin(self._start)

    def keep(self, newest: int) -> None:
        """Drops all but the `newest` last snapshots, and never the first one."""
        excess = max(0, self.count.value - newest)
        for index in range(excess):
            self._core.pyrefcore_snapshot_clear(self._address + index * _WORD)
        # In one move, so that no snapshot is ever in two places.
        ctypes.memmove(self._address, self._address + excess * _WORD, self._capacity * _WORD)
        self.count.value -= excess

    def has_forked(self) -> bool:
        """Whether a child process returned from the function, and was ended."""
        return self._forked[0] != 0

    @contextlib.contextmanager
    def compared(self, first: int, count: int) -> Iterator[List[native.Finding]]:
        """The library's findings in `count` snapshots. They live until the end of the `with`."""
        if None in self._kept[first : first + count]:
            raise NotCounted("an interrupt came while snapshots were sorted, so nothing was counted")
        with listed(self._core.pyrefcore_compare(self._address + first * _WORD, count)) as findings:
            yield findings

    def is_quiet(self, runs: int) -> bool:
        """Whether the last window of `runs` runs, or all time since the start, shows no change. Growth of the C heap
        below one block per run is ignored, because any other code may cause it."""
        before = self._kept[self.count.value - 2] if self.count.value > 1 else self._start
        after = self._kept[self.count.value - 1]
        measure = self._core.pyrefcore_snapshot_c_heap
        grown: int = measure(after) - measure(before)
        return grown < _BLOCK * runs and bool(self._core.pyrefcore_is_quiet(before, after))

    def measures_c_heap(self) -> bool:
        """Whether growth of the C heap is known, in the looks or the snapshots so far."""
        if self._start.value is not None:
            return bool(self._core.pyrefcore_snapshot_c_heap(self._start) != -1)
        return not self._has_guard.value or bool(self._core.pyrefcore_guard_c_heap() != -1)

    def repeats(self) -> bool:
        """Whether the last two windows show the same changes. Call this after every window."""
        before = self._changed.value
        with self.compared(self.count.value - 2, 2) as findings:
            changes = sorted(
                (one.kind, one.ob_type or 0, one.type_name, one.references[0], one.objects[0])
                for one in findings
                if one.kind != native.GROWTH and not one.bytes
            )
            self._changed.value = hash(tuple(changes))
        return self.count.value > 2 and self._changed.value == before

    def has_findings(self, unsteady: bool = False) -> bool:
        """Whether anything grows in every window so far, by the same amount in each. With `unsteady`, by any amount."""
        with self.compared(0, self.count.value) as findings:
            wanted = (native.LEAK, native.OVER_RELEASE, native.MEMORY) + ((native.UNSTEADY,) if unsteady else ())
            # No generator: an interrupt in one that ends early is printed, and does not end the check.
            return not {one.kind for one in findings}.isdisjoint(wanted)

    def is_nearly_steady(self) -> bool:
        """Whether references to a type change in every window so far, by numbers that differ by less than an eighth."""
        windows = range(self.count.value - 1)
        with self.compared(0, self.count.value) as findings:
            changes = [[abs(one.references[at]) for at in windows] for one in findings if one.kind == native.UNSTEADY]
            return bool([one for one in changes if 0 < max(one) - min(one) < min(one) / 8])

    def close(self) -> None:
        """Drops every snapshot with its pins, and leaves the process as it was before. After an interrupt, a second
        call does the rest."""
        self._resume()
        # An interrupt may have come before `_put` stored a new snapshot.
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
        # Names are looked up first. A lookup after the caches were cleared may fill one, until the interpreter has
        # specialised the code.
        take, into = self._core.pyrefcore_snapshot_try, self._into
        caches.clear(self.oldest)
        why_not = take(*into)
        if why_not is not None:
            raise NotCounted(why_not.decode())


def _nothing() -> None:
    pass
