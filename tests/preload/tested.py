"""A case of run.sh, and the Python that it tests."""

import os
import re
import shutil
import subprocess

import common

INSIDE = os.path.join(common.HERE, "inside.py")
TRACER = """
static long heard_[4];
int tracer(void *op, int event, void *data) {
    if (data != (void *) 4242) heard_[3]++;
    if (op) heard_[event & 1]++;
    return 0;
}
long heard(int event) { return heard_[event & 3]; }
"""


class Skip(Exception):
    """The reason why a case can't run here."""


class Wrong(Exception):
    """The failure of a case."""


CASES = []


def case(kinds="shared", since=(3, 8), until=(3, 99)):
    """Registers a case for Pythons of a kind ("shared", "static" or "both") from one version to another."""
    def register(function):
        CASES.append((function.__name__, kinds, (since, until), function))
        return function
    return register


def need(condition, what, *results):
    if not condition:
        shown = [what]
        for result in results:
            shown.append("status: %s" % result.status)
            for name, text in (("out", result.out), ("err", result.err)):
                shown += ["%s: %s" % (name, line[:200]) for line in text.splitlines()[-16:]]
        raise Wrong("\n     ".join(shown))


class Tested:
    """One Python and the library of its flavour."""

    def __init__(self, python, library, folder):
        self.python, self.library, self.folder = python, library, folder
        self.known = {}

    def run(self, *arguments, words=None, report=None, preload=True, timeout=120, cwd=None, command=None, **extra):
        """Runs the Python, or a command, with or without the library."""
        preload = self.library if preload is True else preload or None
        # A debug build of CPython warns of each file that is left open; a release build does not.
        environment = common.clean_environment(
            LD_PRELOAD=preload, PYREFCORE=words, PYREFCORE_REPORT=report, PYTHONHASHSEED="0",
            PYTHONWARNINGS="ignore::ResourceWarning", **extra)
        return common.run(command or [self.python.path, *arguments], environment, timeout, cwd or self.folder)

    def inside(self, what, *arguments, flags=(), **options):
        """Runs a function of inside.py. It gets the library unless the library is not preloaded, or `alone` is set."""
        library = self.library if options.get("preload", True) and not options.pop("alone", False) else "-"
        return self.run("-B", *flags, INSIDE, library, what, *arguments, **options)

    def plain(self, what, *arguments):
        """The result of the same function without the library."""
        if (what, arguments) not in self.known:
            self.known[what, arguments] = self.inside(what, *arguments, preload=False)
        return self.known[what, arguments]

    def expect(self, what, expected, *arguments, **options):
        options.setdefault("words", "live")
        result = self.inside(what, *arguments, **options)
        need((result.status, result.out, result.err) == (0, expected, ""), "%s prints something else" % what, result)

    def expect_as_plain(self, what, *arguments, **options):
        plain = self.plain(what, *arguments)
        need(plain.status == 0, "%s fails without the library" % what, plain)
        self.same(plain, self.inside(what, *arguments, alone=True, **options))

    @staticmethod
    def same(plain, preloaded):
        before, after = ((r.out + "\0" + r.err).splitlines() for r in (plain, preloaded))
        different = [pair for pair in zip(before + [""] * 9, after + [""] * 9) if pair[0] != pair[1]]
        need((plain.status, before) == (preloaded.status, after),
             "differs from a plain run (status %s and %s): %s" % (
                 plain.status, preloaded.status, "".join("\n     < %s\n     > %s" % pair for pair in different[:6])))

    def compiled(self, name, source, *flags):
        """Compiles a helper written in C, and links it with the C library of the Python."""
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise Skip("there is no C compiler")
        target, text = os.path.join(self.folder, name), os.path.join(self.folder, name + ".c")
        with open(text, "w") as file:
            file.write(source)
        headers = subprocess.run(["readelf", "-lW", self.python.path], stdout=subprocess.PIPE, universal_newlines=True)
        loader = re.search(r"program interpreter: (.*)\]", headers.stdout)
        if loader:
            flags = [*flags, "-Wl,--disable-new-dtags,--dynamic-linker=%s,-rpath,%s" % (
                loader[1], os.path.dirname(loader[1]))]
        subprocess.run([compiler, text, "-o", target, *flags], check=True, env=common.clean_environment())
        return target

    def told_apart(self, flavour):
        """Whether a flavour is not the host's and the library can see that. From 3.13 on no symbol marks a trace-refs
        build."""
        pair = [name.replace("-tracerefs", "") if self.python.version >= (3, 13) else name
                for name in (flavour, self.python.flavour)]
        return pair[0] != pair[1]

    def need_births(self):
        if self.python.version == (3, 8):
            raise Skip("3.8 does not call _Py_NewReference by name, so births are not seen")


def one_line(result):
    return result.err.count("\n") == 1 and result.err.startswith("pyrefcore: ")
