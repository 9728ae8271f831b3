"""The cost of the audit's hook, in a script that allocates all the time, and of a snapshot, beside `gc.collect()`.

audit.py LIBRARY ROUNDS: prints name, unit, ours, plain (or the collector's), ratio and its uncertainty, separated by
tabs. The hook's rows are the processor time and the peak memory, as medians over pairs of processes. One process of a
pair is plain; the other is attached, or is "zeroing": attached, and zeroes new blocks as during a check. A snapshot's
rows are medians over pairs in one process. So are the last rows, for `check` of a function that changes nothing.
"""

import os
import statistics
import subprocess
import sys

HEAP = """
import ctypes, gc, os, sys
core = ctypes.PyDLL(sys.argv[1])
core.pyrefcore_audit_attach.restype = ctypes.c_char_p
core.pyrefcore_snapshot_take.restype = ctypes.c_void_p
core.pyrefcore_snapshot_drop.argtypes = [ctypes.c_void_p]
core.pyrefcore_snapshot_objects.argtypes = [ctypes.c_void_p]
core.pyrefcore_snapshot_objects.restype = ctypes.c_size_t
"""

ALLOCATES = HEAP + """
if sys.argv[2] != "plain":
    refused = core.pyrefcore_audit_attach()
    if refused:
        sys.exit(refused.decode())
if sys.argv[2] == "zeroing":
    core.pyrefcore_audit_zeroing(1)
class Node:
    __slots__ = ("value", "rest")
def build(depth):
    node = Node()
    node.value = [depth, str(depth), (depth, float(depth))]
    node.rest = {"left": build(depth - 1), "right": build(depth - 1)} if depth else None
    return node
kept = [build(12) for _ in range(4)]
for turn in range(24):
    kept[turn % 4] = build(12)
"""

SNAPSHOTS = HEAP + """
import time
class Node:
    __slots__ = ("value", "rest")
kept = []
for number in range(int(sys.argv[2]) // 5):
    node = Node()
    node.value, node.rest = [str(number)], (float(number),)
    kept.append(node)
refused = core.pyrefcore_audit_attach()
if refused:
    sys.exit(refused.decode())
gc.collect()
objects = 0
for turn in range(int(sys.argv[3])):
    begin = time.perf_counter()
    gc.collect()
    between = time.perf_counter()
    taken = core.pyrefcore_snapshot_take()
    end = time.perf_counter()
    objects = core.pyrefcore_snapshot_objects(taken)
    core.pyrefcore_snapshot_drop(taken)
    print(objects, between - begin, end - between)
"""

CHECKS = """
import gc, sys, time
sys.path[:0] = sys.argv[1:3]
import populations
from pyrefcore import check
kept = populations.populate(int(sys.argv[3]))
def nothing():
    pass
check(nothing)
for turn in range(int(sys.argv[4])):
    begin = time.perf_counter()
    gc.collect()
    between = time.perf_counter()
    report = check(nothing)
    end = time.perf_counter()
    for run in range(100):
        nothing()
    own = time.perf_counter() - end
    assert report.ok and report.windows == 1
    print(between - begin, end - between - own)
"""


def spread(ratios):
    """Half the distance between the quartiles."""
    low, _, high = statistics.quantiles(ratios, n=4)
    return (high - low) / 2


def allocate(library, way):
    process = subprocess.Popen([sys.executable, "-c", ALLOCATES, library, way])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        sys.exit("audit.py: the script that allocates failed, %s" % way)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def hook(library, way, rounds):
    pairs = []
    for number in range(rounds):
        ways = ("plain", way) if number % 2 else (way, "plain")
        taken = {way: allocate(library, way) for way in ways}
        pairs.append((taken[way], taken["plain"]))
    for at, (name, unit) in enumerate((("audit %s, time" % way, "s"), ("audit %s, memory" % way, "MB"))):
        ratios = [attached[at] / plain[at] for attached, plain in pairs]
        ours, theirs = (statistics.median(one[at] for one in side) for side in zip(*pairs))
        show(name, unit, ours, theirs, statistics.median(ratios), spread(ratios))


def snapshots(library, objects, rounds):
    out = subprocess.run(
        [sys.executable, "-c", SNAPSHOTS, library, str(objects), str(rounds)], stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    rows = [tuple(map(float, line.split())) for line in out.splitlines()]
    ratios = [snapshot / collect for _, collect, snapshot in rows]
    seen = rows[0][0]
    ours, theirs = (statistics.median(row[at] for row in rows) for at in (2, 1))
    name = "audit: snapshot of %.2f million objects, gc.collect" % (seen / 1e6)
    show(name, "ms", ours * 1e3, theirs * 1e3, statistics.median(ratios), spread(ratios))
    return ours / seen


def checks(library, objects, rounds):
    here = os.path.dirname(os.path.abspath(__file__))
    folders = [here, os.path.join(os.path.dirname(here), "python")]
    out = subprocess.run(
        [sys.executable, "-c", CHECKS] + folders + [str(objects), str(rounds)],
        stdout=subprocess.PIPE,
        env=dict(os.environ, PYREFCORE_LIBRARY=library),
        check=True,
    ).stdout.decode()
    rows = [tuple(map(float, line.split())) for line in out.splitlines()]
    theirs, ours = map(statistics.median, zip(*rows))
    ratios = [check / collect for collect, check in rows]
    name = "audit: check of nothing beside %.1f million objects, gc.collect" % (objects / 1e6)
    show(name, "ms", ours * 1e3, theirs * 1e3, statistics.median(ratios), spread(ratios))


def show(*row):
    print("%s\t%s\t%.4f\t%.4f\t%.5f\t%.5f" % row, flush=True)


def main(library, rounds):
    hook(library, "attached", rounds)
    # A check zeroes new blocks.
    hook(library, "zeroing", rounds)
    small = snapshots(library, 250000, rounds)
    large = snapshots(library, 2000000, rounds)
    show("audit: snapshot per object, 8 times the objects", "ns", large * 1e9, small * 1e9, large / small, 0)
    for objects in (100000, 400000, 2000000):
        checks(library, objects, rounds)


main(sys.argv[1], max(int(sys.argv[2]), 3))
