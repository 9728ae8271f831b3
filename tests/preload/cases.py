"""Runs the cases of run.sh: each runs the tested Python in a child and checks its output."""

import argparse
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import time

import common
import environment  # noqa: F401  (its cases, in the order of the modules)
import report  # noqa: F401
import live  # noqa: F401
import surface  # noqa: F401
from tested import CASES, Skip, Tested, Wrong


def test(one):
    """Runs the cases on one Python, and returns the counts."""
    python, t, options = one
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    kind = "shared" if python.replaceable else "static"
    for name, kinds, (since, until), function in CASES:
        if options.k and not re.search(options.k, name):
            continue
        if kinds not in (kind, "both") or not since <= python.version <= until:
            continue
        where = "%s %s" % (python.name, name)
        t.folder = tempfile.mkdtemp(prefix="preload-")
        began = time.monotonic()
        try:
            function(t)
            counts["passed"] += 1
            if options.v:
                print("ok   %s (%.1f s)" % (where, time.monotonic() - began), flush=True)
        except Skip as why:
            counts["skipped"] += 1
            print("skip %s: %s" % (where, why), flush=True)
        except Wrong as wrong:
            counts["failed"] += 1
            print("FAIL %s: %s" % (where, wrong), flush=True)
        finally:
            shutil.rmtree(t.folder, ignore_errors=True)
    print("%s: %s" % (python.name, ", ".join("%d %s" % (counts[k], k) for k in counts)), flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(prog="tests/preload/run.sh")
    parser.add_argument("-v", action="store_true", help="name the cases that pass too")
    parser.add_argument("-k", metavar="CASE", help="only the cases whose name matches this expression")
    parser.add_argument("flavours", nargs="*", metavar="FLAVOUR")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    pythons = [p for p in common.find_pythons() if not options.flavours or p.flavour in options.flavours]
    libraries = {p.flavour: common.library(p.flavour) for p in pythons}
    libraries = {flavour: library for flavour, library in libraries.items() if library}
    tested = []
    for python in pythons:
        if python.flavour not in libraries:
            print("skip %s: flavours/ has no file for this flavour" % python.name)
            counts["skipped"] += 1
            continue
        t = Tested(python, libraries[python.flavour], None)
        t.others = {flavour: library for flavour, library in libraries.items() if flavour != python.flavour}
        if options.flavours:
            staged = os.environ.get("PYREFCORE_DIST") or os.path.join(common.ROOT, "target", "dist")
            for flavour in ("cp311", "cp312"):
                path = os.path.join(staged, flavour, "lib", "libpyrefcore.so")
                if flavour != python.flavour and os.path.exists(path):
                    t.others[flavour] = path
        tested.append((python, t, options))
    with multiprocessing.Pool() as pool:
        for ended in pool.imap(test, tested, chunksize=1):
            for how in counts:
                counts[how] += ended[how]
    for kind, missing in (("replaceable", not any(p.replaceable for p in pythons)),
                          ("static", all(p.replaceable for p in pythons))):
        if missing and not options.flavours:
            print("skip %s: there is no %s Python on this machine" % (kind, kind))
            counts["skipped"] += 1
    print("%d passed, %d failed, %d skipped" % tuple(counts.values()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
