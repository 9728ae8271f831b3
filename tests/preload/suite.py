"""CPython's own tests: runs a file of them, with or without the library, and reads the result of each method."""

import os
import shutil
import tempfile
import xml.etree.ElementTree as ElementTree

from preload import child

# Seconds for one file.
TIMEOUT = 600


def preload(mode, library):
    """The environment variables of a mode: plain, idle, or with the live table."""
    if mode == "plain":
        return {}
    return {"LD_PRELOAD": library, "PYREFCORE": {"idle": None, "live": "live"}[mode]}


def is_inside(python, preloaded):
    """Whether the library is in the process."""
    code = "import sys; sys.exit('libpyrefcore' in open('/proc/self/maps').read())"
    return child.run([python, "-c", code], child.clean_environment(**preloaded)).status == 1


def results(python, file, preloaded, method=None):
    """The result of each method (passed, failed or skipped) and of the whole run, and what the run wrote."""
    folder = tempfile.mkdtemp(prefix="preload-suite-")
    try:
        report = os.path.join(folder, "report.xml")
        command = [python, "-m", "test", "--junit-xml", report, file] + (["-m", method] if method else [])
        variables = child.clean_environment(TMPDIR=folder, PYTHONHASHSEED="0", **preloaded)
        ended = child.run(command, variables, TIMEOUT, folder, merge=True)
        methods = read(report)
        methods[whole(file)] = "failed" if trouble(ended, methods) else "passed"
        return methods, ended.out
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def whole(file):
    """The name of a whole run among its methods."""
    return file + " as a whole"


def read(report):
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        cases = []
    methods = {}
    for case in cases:
        name = case.get("name")
        if case.find("failure") is not None or case.find("error") is not None:
            methods[name] = "failed"
        else:
            methods.setdefault(name, "passed" if case.find("skipped") is None else "skipped")
    return methods


def trouble(ended, methods):
    """Whether a run did not end as its methods say: by a signal, too late, with another status, or without a report."""
    if ended.status is None or ended.status < 0:
        return True
    if ended.status > 0:
        return "failed" not in methods.values()
    return not methods and "skipped" not in ended.out


def method_of(name):
    """The method that a name selects. The names of whole runs, and of a class's preparations, contain spaces."""
    return None if " " in name else name


def passes_alone(python, file, preloaded, name):
    """Whether a method, or the whole file, does not fail when it is run alone."""
    method = method_of(name)
    methods, _ = results(python, file, preloaded, method)
    return methods[whole(file)] == "passed" and methods.get(name, "passed" if method else "failed") != "failed"
