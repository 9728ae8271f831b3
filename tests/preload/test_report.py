"""The summary at exit is complete, goes where it was asked to go, and disturbs nothing."""

import os
import re

import pytest

from preload.tested import is_one_line

replaceable = pytest.mark.hosts(kind="replaceable")

POOL = """
import multiprocessing as m
if __name__ == '__main__':
    with m.get_context('fork').Pool(2) as pool: print(sum(pool.map(abs, range(100))))
"""
NO_DESCRIPTOR = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
try:
    while True: os.dup(0)
except OSError: pass
"""


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def check_report(tested, text):
    """Checks that the text is one whole report, and returns its numbers."""
    assert re.search(r"^pyrefcore \S+ \(%s\)$" % tested.flavour.name, text, re.M), "no heading"
    assert text.count("pyrefcore ") == 1, "more than one report"
    assert "binds its own calls directly" not in text
    numbers = {name: int(number) for name, number in re.findall(r"^  (born|died|alive) +(\d+)", text, re.M)}
    if not tested.sees_births:
        assert set(numbers) == {"born", "died"} and "note:" in text
        return numbers
    assert set(numbers) == {"born", "died", "alive"}
    of_types = [int(number) for number in re.findall(r"^ {8} +(\d+)  ", text, re.M)]
    assert sum(of_types) == numbers["alive"], "the types do not add up"
    assert numbers["born"] > 5000 and numbers["died"] > 5000
    assert numbers["born"] >= numbers["alive"] and numbers["born"] >= numbers["died"]
    replaced = text.split("replaced in the interpreter and in extensions:")[-1].split(":")[0]
    assert "_Py_Dealloc" in replaced and "_Py_NewReference" in replaced
    return numbers


@replaceable
def test_a_report_goes_to_standard_error(tested):
    code = "print('ran'); x = [object() for _ in (None,) * %d]; raise SystemExit(7)"
    few = tested.run("-c", code % 3000, report="stderr")
    assert (few.status, few.out) == (7, "ran\n")
    numbers = check_report(tested, few.err)
    many = tested.run("-c", code % 9000, report="stderr", words="live")
    if tested.sees_births:
        more = int(re.search(r"born +(\d+)", many.err).group(1)) - numbers["born"]
        assert 6000 <= more <= 6400, "6000 more objects are not 6000 more births"


@replaceable
def test_a_report_replaces_an_older_one(tested):
    path = os.path.join(tested.folder, "report.txt")
    write(path, "an older report\n" * 1000)
    assert tested.run("-c", "print('ran')", report=path) == (0, "ran\n", "")
    check_report(tested, read(path))


@replaceable
def test_a_relative_path_starts_where_the_program_was_started(tested):
    start, later = (os.path.join(tested.folder, name) for name in ("start", "later"))
    os.makedirs(start), os.makedirs(later)
    result = tested.run("-c", "import os; os.chdir(%r)" % later, report="report.txt", cwd=start)
    assert (result.status, result.err) == (0, "")
    assert not os.listdir(later), "the report followed the program"
    check_report(tested, read(os.path.join(start, "report.txt")))


@pytest.mark.parametrize("path", ["no such folder/report", ".", "/dev/full"], ids=["no_folder", "folder", "full"])
def test_a_report_that_can_not_be_written_is_one_line(tested, path):
    path = os.path.normpath(os.path.join(tested.folder, path))
    code = "print('ran'); raise SystemExit(7)"
    result = tested.run("-c", code, report=path)
    assert (result.status, result.out) == (7, "ran\n")
    assert is_one_line(result) and path in result.err


def test_the_folder_of_a_report_may_go_away(tested):
    gone = os.path.join(tested.folder, "gone")
    os.mkdir(gone)
    code = "import shutil; shutil.rmtree(%r); raise SystemExit(7)" % gone
    result = tested.run("-c", code, report=os.path.join(gone, "report"))
    assert result.status == 7
    assert is_one_line(result)


@replaceable
def test_a_report_goes_to_the_first_standard_error(tested):
    """At the end descriptor 2 may be a file of the program."""
    path = os.path.join(tested.folder, "database")
    code = "import os; %s; number = os.open(%r, os.O_RDWR | os.O_CREAT); assert number == 2"
    result = tested.run("-c", code % ("os.close(2)", path), report="stderr")
    assert result.status == 0
    check_report(tested, result.err)
    assert read(path) == "", "the program's own file was written to"
    # Here the program closes standard error for good.
    assert tested.run("-c", code % ("os.closerange(2, 2000)", path), report="stderr") == (0, "", "")
    assert read(path) == ""


@replaceable
@pytest.mark.parametrize("end, status", [("os.kill(os.getpid(), 9)", -9), ("os._exit(3)", 3)])
def test_a_program_that_is_killed_leaves_no_older_report(tested, end, status):
    path = os.path.join(tested.folder, "report.txt")
    write(path, "an older report\n")
    assert tested.run("-c", "import os; " + end, report=path) == (status, "", "")
    assert read(path) == "" and os.listdir(tested.folder) == ["report.txt"]


@replaceable
def test_a_report_to_a_pipe_needs_a_reader_and_never_hangs(tested):
    path = os.path.join(tested.folder, "pipe")
    os.mkfifo(path)
    result = tested.run("-c", "pass", report=path, timeout=20)
    assert result.status == 0 and is_one_line(result) and path in result.err
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert tested.run("-c", "pass", report=path, timeout=20) == (0, "", "")
        check_report(tested, os.read(reader, 1 << 20).decode())
    finally:
        os.close(reader)


@replaceable
def test_a_report_without_a_free_descriptor_says_so(tested):
    result = tested.run("-c", NO_DESCRIPTOR, report=os.path.join(tested.folder, "report.txt"))
    assert result.status == 0
    assert is_one_line(result) and "Too many open files" in result.err


@replaceable
def test_standard_error_is_kept_for_a_report_without_a_free_descriptor(tested):
    result = tested.run("-c", NO_DESCRIPTOR, report="stderr")
    assert re.search(r"died +\d{4}", result.err) and "files of the libraries can't be read" in result.err


@replaceable
def test_only_the_parent_reports(tested):
    path = os.path.join(tested.folder, "parents.txt")
    assert tested.inside("fork_and_leave", report=path) == (0, "child 5\nchild 6\n", "")
    check_report(tested, read(path))
    check_report(tested, tested.inside("fork_and_leave", report="stderr").err)


@replaceable
def test_a_pool_of_processes_leaves_one_report(tested):
    result = tested.run("-W", "ignore", "-c", POOL, report="stderr")
    assert result.out == "4950\n"
    check_report(tested, result.err)


@pytest.mark.hosts(kind="replaceable", since=9)
def test_a_report_names_where_leaked_objects_were_born(tested):
    result = tested.inside("leak", words="trace", report="stderr")
    assert result.status == 0
    check_report(tested, result.err)
    # The interpreter's end frees interned names that types still use. A debug build overwrites freed memory.
    is_debug = "-refdebug" in tested.flavour.name
    name = r"(?:Thing|\(a type that can't be read any more\))" if is_debug else "Thing"
    found = re.search(r"^ +12345  %s\n +1234\d of them born at\n((?: {24}.*\n)+)" % name, result.err, re.M)
    assert found, "12345 leaked things are not named"
    assert re.match(r" *_?Py\w+", found.group(1)), "the innermost frame is not one of the interpreter's"
    without = tested.inside("leak", words="live", report="stderr")
    assert re.search(r"^ +12345  %s$" % name, without.err, re.M) and "born at" not in without.err
