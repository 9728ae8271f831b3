"""The notes of a report: what it could not see, and what else its reader should know."""

from __future__ import annotations

from typing import Dict, List

from . import host

#: The most types that a note names.
GROWN = 6


def always() -> List[str]:
    """The notes that hold for this Python, in every check."""
    notes = []
    if host.has_immortals():
        notes.append(
            "immortal objects (None, True, False, small integers, interned strings, static types) are not counted "
            "from Python 3.12 on, so the check can't find leaked or missing references to them"
        )
    if host.is_free_threaded():
        notes.append("on a free-threaded Python references can be counted only while no other thread runs")
    if host.is_free_threaded_build():
        notes.append(UNGUARDED)
    return notes


def unsteady(name: str, growth: List[int], what: str, runs: int) -> str:
    """Growth, of references or memory, that differs from window to window."""
    shown = ", ".join("%+d" % change for change in growth)
    return "%s grows, but not by the same amount: %s %s in windows of %d runs" % (name, shown, what, runs)


def grown(per_run: Dict[str, float]) -> str:
    """Objects that grow and are visibly held."""
    # A type of a module says more than lists and dicts.
    largest = sorted(per_run, key=lambda name: ("." not in name, -per_run[name], name))
    shown = ["%.3g %s" % (per_run[name], name) for name in largest[:GROWN]]
    if len(largest) > GROWN:
        shown.append("%d more types" % (len(largest) - GROWN))
    return "more objects after each run, which are no leak because other objects visibly hold them: " + ", ".join(shown)


def memory_beside(per_run: Dict[str, float]) -> str:
    """Memory that grows together with the number of objects of C types."""
    shown = ", ".join("%d bytes from %s" % (round(per_run[name]), name) for name in sorted(per_run))
    return "more memory after each run, which may belong to objects of C types, of which there are also more: %s" % shown


def held(objects: int) -> str:
    """The guard held this many objects."""
    return "%d objects that existed before were held during the check, so that none could die too early" % objects


def unguarded(error: str) -> str:
    """A run failed only under the guard, so the check ran without it."""
    return "nothing was held during the check, because a run fails under the guard (%s)" % error


def run_again(why: str) -> str:
    """A text for a failure in the second run, without the guard."""
    return (
        "pyrefcore: the first run failed under the guard of --refs (%s). This is the second run, with fresh fixtures and "
        "without the guard." % why
    )


UNGUARDED = (
    "not guarded on a free-threaded build: an object that a run makes and releases too often dies, and its over-release "
    "may go unseen"
)
UNHELD = (
    "nothing was held during the check, because there are objects of another interpreter: an object that is "
    "released too often may die"
)
BESIDE = "a check of another thread ran at the same time, so its changes may show in these numbers"
KEPT = "objects that were released too often stay held until the process ends, because they would die while still in use"
DIED = (
    "an object that was released once more after its death lay in memory that the check held back; without the check, that "
    "memory may be in use again"
)
NO_C_HEAP = (
    "the growth of the C heap was not measured: that needs glibc 2.33 or later, its malloc, and no tracemalloc, "
    "PYTHONMALLOC or other tool between it and Python"
)
FORKED = "a child process returned from the function and was ended; the check went on in the parent process"


def more_threads(number: int) -> str:
    """Threads that the function started and that still run."""
    return "%d more thread%s at the end of the check than at its start: the changes that %s made were counted too" % (
        number,
        " ran" if number == 1 else "s ran",
        "it" if number == 1 else "they",
    )
