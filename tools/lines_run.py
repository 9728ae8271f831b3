"""Which tests of the package run which of its lines: on a copy of the tree, by CPython's `sys.monitoring` (3.12 or later)."""

import os
import subprocess

# Comes first in the package. What is seen is written at once: a test may end its process in any way.
IN_PACKAGE = '''
def _see_lines(table):
    import os, sys
    here, seen = os.path.dirname(os.path.abspath(__file__)), getattr(sys, "monitoring", None)
    if seen is None or seen.get_tool(4) is not None:
        return
    def line(code, number):
        if code.co_filename.startswith(here):
            said = "%s\\t%s:%d\\n" % (os.environ.get("LINES_TEST", ""), os.path.relpath(code.co_filename, here), number)
            descriptor = os.open(table, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, said.encode())
            os.close(descriptor)
        return seen.DISABLE
    seen.use_tool_id(4, "lines_run")
    seen.register_callback(4, seen.events.LINE, line)
    seen.set_events(4, seen.events.LINE)
_see_lines(TABLE)
'''

# Comes last in the tests' settings. Processes that a test starts inherit its name.
IN_TESTS = '''

def pytest_runtest_setup(item):
    os.environ["LINES_TEST"] = "tests/python/" + item.nodeid.split("tests/python/")[-1]
    if hasattr(sys, "monitoring"):
        sys.monitoring.restart_events()
'''


def record(copy, table, commands):
    """Runs tests by some commands, and writes a line "test, file:line" for each line that each test runs. A few tests see
    that they are watched, and fail."""
    package, settings = "python/pyrefcore/__init__.py", "tests/python/conftest.py"
    for name, first, last in ((package, IN_PACKAGE.replace("TABLE", repr(table + ".new")), ""), (settings, "", IN_TESTS)):
        path = os.path.join(copy, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        # The docstring stays the first statement.
        start = text.index('"""', 3) + 3 if first else 0
        with open(path, "w", encoding="utf-8") as file:
            file.write(text[:start] + "\n" + first + text[start:] + last)
    for command in commands:
        subprocess.run(command, shell=True, cwd=copy, stdout=subprocess.DEVNULL, check=False)
    os.rename(table + ".new", table)


def tests(table, path, first, last):
    """The tests that run one of these lines."""
    name, found = os.path.relpath(path, "python/pyrefcore"), set()
    with open(table) as lines:
        for line in lines:
            test, place = line.rstrip("\n").rsplit("\t", 1)
            file, number = place.rsplit(":", 1)
            if test and file == name and first <= int(number) <= last:
                found.add(test)
    return sorted(found)
