"""Runs a workload in a Python: plain, with the library preloaded (idle), and with the live table on (live).

interpreter.py LIBRARY WORKLOAD ROUNDS: prints name, unit, seconds, plain seconds, ratio and its uncertainty,
separated by tabs. It measures processor time, which other processes affect least. Each round runs all three
ways one after the other, in a changing order. The figures are medians over the rounds.
"""

import math
import os
import subprocess
import sys

WAYS = ("plain", "idle", "live")
SECONDS = 0.45


def environment(way, library, turns):
    kept = ("PATH", "HOME", "LANG")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env.update(PYTHONHASHSEED="0", WORKLOAD_TURNS=str(turns))
    if way != "plain":
        env["LD_PRELOAD"] = library
    if way == "live":
        env["PYREFCORE"] = "live"
    return env


def run(way, library, workload, turns):
    process = subprocess.Popen(
        [sys.executable, workload], env=environment(way, library, turns)
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        sys.exit("interpreter.py: %s failed, %s" % (workload, way))
    return usage.ru_utime + usage.ru_stime


def median(values):
    """The median and half the width of its 95 % confidence interval."""
    values = sorted(values)
    middle, reach = len(values) // 2, math.ceil(0.98 * math.sqrt(len(values)))
    low, high = max(middle - reach, 0), min(middle + reach, len(values) - 1)
    return values[middle], (values[high] - values[low]) / 2


def main(library, workload, rounds):
    short = run("plain", library, workload, 20)
    long = run("plain", library, workload, 120)
    turns = max(int((SECONDS - short) / (long - short) * 100), 0) + 20
    taken = {way: [] for way in WAYS}
    for number in range(rounds):
        shift = number % 3
        order = WAYS[shift:] + WAYS[:shift]
        for way in order if number % 2 else reversed(order):
            taken[way].append(run(way, library, workload, turns))
    for way in WAYS[1:]:
        ratio, spread = median(w / p for w, p in zip(taken[way], taken["plain"]))
        row = ("interpreter, preloaded, " + way, "s")
        row += (median(taken[way])[0], median(taken["plain"])[0], ratio, spread)
        print("%s\t%s\t%.4f\t%.4f\t%.5f\t%.5f" % row)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
