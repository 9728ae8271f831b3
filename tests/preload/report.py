"""Cases of run.sh: the summary at exit."""

import os
import re
from tested import case, need, one_line


def check_report(t, text, born=True):
    need(re.search(r"^pyrefcore \S+ \(%s\)$" % t.python.flavour, text, re.M), "no heading: %r" % text)
    need(text.count("pyrefcore ") == 1, "more than one report: %r" % text)
    numbers = dict(re.findall(r"^  (born|died|alive) +(\d+)", text, re.M))
    if not born:
        need(set(numbers) == {"born", "died"} and "note:" in text, "births, deaths or the note are missing: %r" % text)
        return numbers
    need(set(numbers) == {"born", "died", "alive"}, "births, deaths or the living are missing: %r" % text)
    alive = [int(n) for n in re.findall(r"^ {8} +(\d+)  ", text, re.M)]
    need(sum(alive) == int(numbers["alive"]), "the types do not add up: %r" % text)
    if born:
        need(int(numbers["born"]) > 5000 and int(numbers["died"]) > 5000, "too few: %r" % numbers)
        need(int(numbers["born"]) >= int(numbers["alive"]), "more alive than were born: %r" % numbers)
        need(int(numbers["born"]) >= int(numbers["died"]), "more died than were born: %r" % numbers)
        replaced = text.split("replaced in the interpreter and in extensions:")[-1].split(":")[0]
        need("_Py_Dealloc" in replaced and "_Py_NewReference" in replaced, "what was replaced is missing: %r" % text)
    return numbers


@case()
def report_to_stderr(t):
    code = "print('ran'); x = [object() for _ in (None,) * 3000]; raise SystemExit(7)"
    result = t.run("-c", code, report="stderr")
    need(result.status == 7 and result.out == "ran\n", "the program was disturbed", result)
    check_report(t, result.err, born=t.python.version > (3, 8))
    more = t.run("-c", code.replace("3000", "9000"), report="stderr", words="live")
    t.need_births()
    born = [int(re.search(r"born +(\d+)", r.err)[1]) for r in (result, more)]
    need(6000 <= born[1] - born[0] <= 6400, "6000 more objects are not 6000 more births: %r" % born)


@case()
def report_to_file(t):
    path = os.path.join(t.folder, "report.txt")
    with open(path, "w") as file:
        file.write("an older report\n" * 1000)
    result = t.run("-c", "print('ran')", report=path)
    need((result.status, result.out, result.err) == (0, "ran\n", ""), "the program was disturbed", result)
    with open(path) as file:
        check_report(t, file.read(), born=t.python.version > (3, 8))


@case()
def report_beside_the_start(t):
    """A relative path is relative to the folder in which the program was started."""
    start, later = (os.path.join(t.folder, name) for name in ("start", "later"))
    os.makedirs(start), os.makedirs(later)
    result = t.run("-c", "import os; os.chdir(%r)" % later, report="report.txt", cwd=start)
    need((result.status, result.err) == (0, ""), "the program was disturbed", result)
    need(not os.listdir(later), "the report followed the program")
    with open(os.path.join(start, "report.txt")) as file:
        check_report(t, file.read(), born=t.python.version > (3, 8))


@case("both")
def report_that_can_not_be_written(t):
    for path in (os.path.join(t.folder, "no such folder", "report"), t.folder, "/dev/full"):
        plain = t.run("-c", "print('ran'); raise SystemExit(7)", preload=False)
        result = t.run("-c", "print('ran'); raise SystemExit(7)", report=path)
        need((result.status, result.out) == (plain.status, plain.out) == (7, "ran\n") and one_line(result) and path in result.err,
             "PYREFCORE_REPORT=%s" % path, result)
    gone = os.path.join(t.folder, "gone")
    os.mkdir(gone)
    result = t.run("-c", "import shutil; shutil.rmtree(%r); raise SystemExit(7)" % gone, report=os.path.join(gone, "report"))
    need(result.status == 7 and one_line(result), "the folder went away", result)


@case()
def report_to_the_first_stderr(t):
    """At the end descriptor 2 may be a file of the program."""
    path = os.path.join(t.folder, "database")
    code = "import os; os.close(2); number = os.open(%r, os.O_RDWR | os.O_CREAT); assert number == 2" % path
    result = t.run("-c", code, report="stderr")
    need(result.status == 0, "the program was disturbed", result)
    check_report(t, result.err, born=t.python.version > (3, 8))
    with open(path) as file:
        need(file.read() == "", "the program's own file was written to")
    result = t.run("-c", code.replace("os.close(2)", "os.closerange(2, 2000)"), report="stderr")
    with open(path) as file:
        need((result.status, result.err, file.read()) == (0, "", ""), "standard error was closed for good", result)


@case()
def report_that_is_never_written(t):
    """If a program is killed, no older report stays in the file."""
    path = os.path.join(t.folder, "report.txt")
    for end in ("os.kill(os.getpid(), 9)", "os._exit(3)"):
        with open(path, "w") as file:
            file.write("an older report\n")
        result = t.run("-c", "import os; " + end, report=path)
        need(result.status in (-9, 3) and not result.err, "the program was disturbed", result)
        with open(path) as file:
            need(file.read() == "" and os.listdir(t.folder) == ["report.txt"], "something is left: %s" % os.listdir(t.folder))


@case()
def report_to_a_pipe(t):
    """A pipe without a reader does not hang, and one with a reader gets the whole report."""
    path = os.path.join(t.folder, "pipe")
    os.mkfifo(path)
    result = t.run("-c", "pass", report=path, timeout=20)
    need(result.status == 0 and one_line(result) and path in result.err, "nobody reads", result)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    result = t.run("-c", "pass", report=path, timeout=20)
    need((result.status, result.err) == (0, ""), "a reader is there", result)
    check_report(t, os.read(reader, 1 << 20).decode(), born=t.python.version > (3, 8))
    os.close(reader)


@case()
def report_without_descriptors(t):
    path = os.path.join(t.folder, "report.txt")
    code = ("import os, resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))\n"
            "try:\n    while True: os.dup(0)\nexcept OSError: pass")
    result = t.run("-c", code, report=path)
    need(result.status == 0 and one_line(result) and "Too many open files" in result.err, "none is free", result)
    result = t.run("-c", code, report="stderr")
    need(re.search(r"died +\d{4}", result.err) and "files of the libraries can't be read" in result.err, "standard error is kept", result)


@case()
def report_of_the_parent_only(t):
    path = os.path.join(t.folder, "parents.txt")
    result = t.inside("fork_and_leave", report=path)
    need((result.status, result.out, result.err) == (0, "child 5\nchild 6\n", ""), "forks were disturbed", result)
    with open(path) as file:
        check_report(t, file.read(), born=t.python.version > (3, 8))
    result = t.inside("fork_and_leave", report="stderr")
    check_report(t, result.err, born=t.python.version > (3, 8))
    code = ("import multiprocessing as m\nif __name__ == '__main__':\n"
            "    with m.get_context('fork').Pool(2) as pool: print(sum(pool.map(abs, range(100))))")
    result = t.run("-W", "ignore", "-c", code, report="stderr")
    need(result.out == "4950\n", "a pool was disturbed", result)
    check_report(t, result.err, born=t.python.version > (3, 8))


@case()
def report_names_birth_sites(t):
    t.need_births()
    result = t.inside("leak", words="trace", report="stderr")
    need(result.status == 0, "the program was disturbed", result)
    check_report(t, result.err)
    # The interpreter's end frees interned names that types still use. A debug build overwrites freed memory.
    name = r"(?:Thing|\(a type that can't be read any more\))" if t.python.debug else "Thing"
    found = re.search(r"^ +12345  %s\n +1234\d of them born at\n((?: {24}.*\n)+)" % name, result.err, re.M)
    need(found, "12345 leaked things are not named", result)
    need(re.match(r" *_?Py\w+", found[1]), "the innermost frame is not one of the interpreter's", result)
    without = t.inside("leak", words="live", report="stderr")
    need(re.search(r"^ +12345  %s$" % name, without.err, re.M) and "born at" not in without.err, "without trace", without)
