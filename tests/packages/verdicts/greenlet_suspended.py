"""Tests of greenlet leave greenlets that stay suspended for ever, and these can never be freed.

The collector does not see what the stack of a suspended greenlet holds, so a cycle through it is never garbage.
test_gc.py says so above `test_finalizer_crash`. This script counts memory blocks between the tests' runs.
"""

import gc
import importlib
import sys
import unittest

# The number of runs of each test between two counts.
TESTS = {
    "test_gc.TestGC.test_finalizer_crash": 20,
    "test_generator_nested.NestedGeneratorTests.test_permutations": 20,
    "test_greenlet.TestGreenlet.test_recursive_startup": 20,
    "test_greenlet.TestGreenlet.test_throw_to_dead_thread_doesnt_crash": 20,
    "test_greenlet.TestGreenlet.test_switching_many_threads": 1,
    "test_leaks.TestLeaks.test_issue251_issue252_explicit_reference_not_collectable": 3,
    "test_leaks.TestLeaks.test_issue251_issue252_need_to_collect_in_background": 3,
    "test_leaks.TestLeaks.test_issue251_issue252_need_to_collect_in_background_cleanup_disabled": 3,
    "test_leaks.TestLeaks.test_untracked_memory_doesnt_increase_unfinished_thread_dealloc_in_main": 2,
}


def blocks():
    for _ in range(3):
        gc.collect()
    return sys.getallocatedblocks()


def run(test, times):
    for _ in range(times):
        result = unittest.TestResult()
        test(result)
        assert result.wasSuccessful(), result.errors + result.failures


silent = 0
for name in sys.argv[1:] or TESTS:
    runs = TESTS.get(name, 5)
    module, case, method = name.split(".")
    test = getattr(importlib.import_module("greenlet.tests." + module), case)(method)
    run(test, runs)
    windows = []
    for _ in range(3):
        before = blocks()
        run(test, runs)
        windows.append(blocks() - before)
    print("%s: memory blocks after each %d runs: %s" % (name, runs, windows))
    silent += min(windows) < runs
sys.exit(silent)
