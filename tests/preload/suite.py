"""Runs CPython's own tests plain and preloaded, and compares the results of each method.

A method that passes plain and fails preloaded runs again alone, plain and preloaded, up to two times. It
counts as failed if it passes plain and fails preloaded both times; otherwise it counts as flaky.
"""

import argparse
import concurrent.futures
import os
import shutil
import signal
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import common

TESTS = ("test_gc test_weakref test_dict test_tracemalloc test_capi test_sys test_json test_pickle "
         "test_descr test_threading test_subprocess").split()
QUICK = "test_gc test_weakref test_dict test_tracemalloc test_json test_pickle test_descr".split()
MODES = {"plain": None, "idle": "", "live": "live"}
FLAVOURS = os.listdir(os.path.join(common.ROOT, "flavours"))
# 3.8 compiles births into its own code.
VERSIONS = [(3, minor) for minor in range(9, 100) if "cp3%d.txt" % minor in FLAVOURS]


class Suite:
    """The runs of one Python."""

    def __init__(self, python, library, timeout):
        self.python, self.library, self.timeout = python, library, timeout

    def environment(self, mode, folder):
        words = MODES[mode]
        extra = {"TMPDIR": folder, "PYTHONHASHSEED": "0"}
        if words is not None:
            extra.update(LD_PRELOAD=self.library, PYREFCORE=words or None)
        return common.clean_environment(**extra)

    def check_mode(self, mode):
        """Whether the mode works: the library is in the process if and only if the mode is not plain."""
        code = "import sys; sys.exit('libpyrefcore' not in open('/proc/self/maps').read())"
        result = common.run([self.python.path, "-c", code], self.environment(mode, tempfile.gettempdir()))
        return result.status == (1 if mode == "plain" else 0)

    def run(self, mode, test, match=None):
        """The result of each method (passed, failed or skipped), and the result of the whole run."""
        folder = tempfile.mkdtemp(prefix="preload-suite-")
        try:
            report = os.path.join(folder, "report.xml")
            command = [self.python.path, "-m", "test", "--junit-xml", report, test]
            if match:
                command += ["-m", match]
            result = common.run(command, self.environment(mode, folder), self.timeout, folder, merge=True)
            return self.read(report, test, result), result
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def read(report, test, result):
        methods = {}
        try:
            cases = list(ElementTree.parse(report).iter("testcase"))
        except (OSError, ElementTree.ParseError):
            cases = []
        for case in cases:
            name = case.get("name")
            if case.find("failure") is not None or case.find("error") is not None:
                methods[name] = "failed"
            elif case.find("skipped") is not None:
                methods.setdefault(name, "skipped")
            else:
                methods.setdefault(name, "passed")
        whole = None
        if result.status is None:
            whole = "took longer than the time it was given"
        elif result.status < 0:
            whole = "ended by signal %d" % -result.status
        elif result.status != 0 and "failed" not in methods.values():
            whole = "ended with status %d" % result.status
        elif not cases and "skipped" not in result.out:
            whole = "reported nothing"
        methods["%s as a whole" % test] = "failed" if whole else "passed"
        return methods

    def alone(self, mode, test, name):
        """Whether a method passes when it is run alone."""
        match = None if " " in name else name
        methods, _ = self.run(mode, test, match)
        if methods["%s as a whole" % test] == "failed":
            return False
        return methods.get(name, "passed" if match else "failed") != "failed"


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.flaky, self.broken = [], []

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.flaky += other.flaky


def compare(suite, test, mode, plain, preloaded, counts):
    """Adds one run to the counts."""
    for name in sorted(set(plain) | set(preloaded)):
        before, after = plain.get(name, "absent"), preloaded.get(name, "absent")
        if before == "failed":
            counts.skipped += 1
            where = (suite.python.name, name)
            if where not in counts.broken:
                counts.broken.append(where)
                print("skip %s %s: fails without the library too" % where)
            continue
        if after == before or after == "passed":
            counts.passed += before != "skipped"
            continue
        if after == "absent" and preloaded["%s as a whole" % test] == "failed":
            continue
        where = "%s %s %s (%s without the library, %s with it)" % (suite.python.name, mode, name, before, after)
        for _ in range(2):
            with_library, without = suite.alone(mode, test, name), suite.alone("plain", test, name)
            if with_library or not without:
                counts.flaky.append(where)
                print("flaky %s" % where)
                counts.passed += 1
                break
        else:
            counts.failed += 1
            print("FAIL %s" % where)
            shown, result = suite.run(mode, test, None if " " in name else name)
            print("\n".join("     | " + line for line in result.out.splitlines()[-25:]))


def run_suite(suite, tests, modes, counts):
    totals = {mode: 0.0 for mode in modes}
    methods = {mode: 0 for mode in modes}
    for test in tests:
        results = {}
        for mode in modes:
            results[mode], result = suite.run(mode, test)
            totals[mode] += result.seconds
            methods[mode] += list(results[mode].values()).count("passed") - (
                results[mode]["%s as a whole" % test] == "passed")
        for mode in modes[1:]:
            compare(suite, test, mode, results["plain"], results[mode], counts)
        print("  %-8s %-18s %s" % (suite.python.name, test, "  ".join(
            "%s %4d ok" % (mode, list(results[mode].values()).count("passed") - (
                results[mode]["%s as a whole" % test] == "passed")) for mode in modes)), flush=True)
    print("%-10s %s" % (suite.python.name, "   ".join(
        "%s: %d methods passed in %.1f s" % (mode, methods[mode], totals[mode]) for mode in modes)), flush=True)


def run_host(python, options, tests, modes):
    """The counts of one host."""
    counts = Counts()
    library = common.library(python.flavour)
    suite = Suite(python, library, options.timeout)
    if library is None:
        print("skip %s: flavours/ has no file for this flavour" % python.name)
        counts.skipped += 1
    elif common.run([python.path, "-c", "import test.support"], common.clean_environment()).status != 0:
        print("skip %s: it came without its test package" % python.name)
        counts.skipped += 1
    elif not all(suite.check_mode(mode) for mode in modes):
        print("FAIL %s: the library is not where it should be in one of these modes: %s" % (python.name, ", ".join(modes)))
        counts.failed += 1
    else:
        # test_free_threading tests features that only free-threaded builds have.
        own = ["test_free_threading"] if python.free_threaded and not options.quick and not options.tests else []
        run_suite(suite, tests + own, modes, counts)
    return counts


def real(python):
    """The real interpreter of a name, which may name a wrapper."""
    try:
        result = common.run([python, "-c", "import os, sys; print(os.path.realpath(sys.executable))"],
                            common.clean_environment())
        return result.out.strip() or python
    except OSError:
        return python


def main():
    parser = argparse.ArgumentParser(prog="tests/preload/suite.sh")
    parser.add_argument("--quick", action="store_true", help="fewer tests, plain and with the live table only")
    parser.add_argument("--full", dest="quick", action="store_false", help="undoes --quick")
    parser.add_argument("--tests", help="which test files, separated by commas")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one test file")
    parser.add_argument("--jobs", type=int, default=1, help="how many hosts at the same time")
    parser.add_argument("pythons", nargs="*", metavar="PYTHON")
    options = parser.parse_args()
    tests = options.tests.split(",") if options.tests else QUICK if options.quick else TESTS
    modes = ["plain", "live"] if options.quick else list(MODES)

    # A background job of a shell ignores interrupts, and then tests of interrupts would fail.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    counts = Counts()
    found = common.find_pythons()
    if options.pythons:
        wanted = [real(python) for python in options.pythons]
        found = [python for python in found if python.path in wanted]
        for path in wanted:
            if path not in [python.path for python in found]:
                print("skip %s: no CPython 3.8 or later was found there" % path)
                counts.skipped += 1
    else:
        for version in VERSIONS:
            stock = [p for p in found if p.version == version and p.replaceable and "-" not in p.flavour]
            if not stock:
                cure = "; make pythons brings one" if version >= (3, 14) else ""
                print("skip %d.%d: there is none whose symbols can be replaced%s" % (version + (cure,)))
                counts.skipped += 1
        found = [p for p in found if p.version in VERSIONS and (not options.quick or p.replaceable)]
    # Up to --jobs hosts run at the same time. Each line of output names its host.
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for part in pool.map(lambda python: run_host(python, options, tests, modes), found):
            counts.add(part)
    print("%d flaky" % len(counts.flaky))
    print("%d passed, %d failed, %d skipped" % (counts.passed, counts.failed, counts.skipped))
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
