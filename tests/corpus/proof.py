"""Shows, in the Python that runs it and without pyrefcore, that the functions are wrong and their twins right.

    proof.py [--list] [NAME ...]      prints two JSON objects for each case: its name, and then its verdict

sys.getrefcount gives the count of an existing object. New objects are counted as allocated blocks.
"""

import gc
import sys

from case import secure
from every import print_each

RUNS, WINDOWS = 200, 6
# How many blocks a correct function may gain or lose in a window: caches, growing lists.
NOISE = 20


def counts(case, arguments):
    """The sum of the counts of the watched objects."""
    watched = case.watched(arguments)
    if not isinstance(watched, list):
        watched = [watched]
    # The list and the loop add the same number of references each time.
    return sum(sys.getrefcount(thing) for thing in watched)


def windows(case, which):
    """The growth of the watched count and of the number of blocks in each window of runs."""
    run, arguments = case.runner(which)
    gc.collect()
    gc.disable()
    # Without the older objects each collection is faster.
    gc.freeze()
    for _ in range(RUNS):
        run()
    secure()
    seen, blocks = [], []
    for window in range(WINDOWS + 1):
        gc.collect()
        blocks.append(sys.getallocatedblocks())
        seen.append(counts(case, arguments) if case.watched else 0)
        if window < WINDOWS:
            for _ in range(RUNS):
                run()
    grown = [after - before for before, after in zip(seen, seen[1:])]
    blocks = [after - before for before, after in zip(blocks, blocks[1:])]
    return grown, blocks


def wrong_in(case, which, grown, blocks):
    """A description of what is wrong, or None."""
    if which == "right":
        if any(grown):
            return "the twin's count changes by %s" % grown
        # Blocks that free lists and caches keep do not come in every window, but a leak's do.
        if sum(abs(change) > NOISE for change in blocks) > WINDOWS / 2:
            return "the twin's blocks change by %s" % blocks
        return None
    expected = RUNS * (sum(case.found.values()) or sum(case.objects.values()))
    if case.watched:
        sign = -1 if case.kind == "over-release" else 1
        if grown == [sign * expected] * WINDOWS:
            return None
        return "the count changes by %s, not by %d" % (grown, sign * expected)
    if any(change < expected - NOISE for change in blocks):
        return "blocks grow by %s, and should by %s" % (blocks, expected)
    return None


def prove(case):
    """The verdict "passed", "skipped" or "failed", and the reason."""
    reason = case.missing()
    if reason:
        return {"verdict": "skipped", "reason": reason}
    if case.kind == "over-release" and not case.watched:
        return {"verdict": "failed", "reason": "an over-release needs an object to watch"}
    reasons = (wrong_in(case, which, *windows(case, which)) for which in ("right", "wrong"))
    reason = next(filter(None, reasons), "")
    return {"verdict": "failed" if reason else "passed", "reason": reason}


if __name__ == "__main__":
    print_each(sys.argv[1:], prove)
