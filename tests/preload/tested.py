"""One CPython, and the library of its flavour that tests preload into it."""

import os
import re
import shutil
import subprocess

import pytest

from harness.commands import run
from harness.flavours import Flavour
from preload import child

HERE = os.path.dirname(os.path.abspath(__file__))
INSIDE = os.path.join(HERE, "inside.py")


class Tested:
    def __init__(self, host, library, folder):
        self.python, self.library, self.folder = host.python, library, folder
        self.flavour = Flavour(host.flavour)

    @property
    def sees_births(self):
        """3.8 does not call _Py_NewReference by name, so births are not seen."""
        return self.flavour.minor > 8

    def run(self, *arguments, words=None, report=None, preload=True, timeout=120, cwd=None, command=None, **more):
        """Runs the Python, or a command, with or without the library. pytest shows the output if the test fails."""
        command = command or [self.python, *arguments]
        variables = child.clean_environment(
            LD_PRELOAD=self.library if preload is True else preload or None,
            PYREFCORE=words,
            PYREFCORE_REPORT=report,
            PYTHONHASHSEED="0",
            # A debug build of CPython warns of each file that is left open; a release build does not.
            PYTHONWARNINGS="ignore::ResourceWarning",
            **more
        )
        result = child.run(command, variables, timeout, cwd or self.folder)
        print("\n%s\n  preloaded: %s, PYREFCORE=%s" % (" ".join(command), variables.get("LD_PRELOAD"), words))
        print("  PYREFCORE_REPORT=%s, %s, status %s" % (report, more, result.status))
        for name, text in ("out", result.out), ("err", result.err):
            print("".join("  %s: %s\n" % (name, line[:200]) for line in text.splitlines()[-16:]), end="")
        return result

    def inside(self, what, *arguments, flags=(), alone=False, **options):
        """Runs a function of inside.py. It gets the library if it is preloaded, unless `alone` is set."""
        given = self.library if options.get("preload", True) and not alone else "-"
        return self.run("-B", *flags, INSIDE, given, what, *arguments, **options)

    def compiled(self, name, source, *flags):
        """Compiles a helper written in C, and links it with the C library of the Python."""
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            pytest.skip("there is no C compiler; install gcc, or name one in CC")
        target = os.path.join(self.folder, name)
        with open(target + ".c", "w") as file:
            file.write(source)
        headers = subprocess.run(["readelf", "-lW", self.python], stdout=subprocess.PIPE, universal_newlines=True)
        loader = re.search(r"program interpreter: (.*)\]", headers.stdout)
        if loader:
            path = loader.group(1)
            flags += ("-Wl,--disable-new-dtags,--dynamic-linker=%s,-rpath,%s" % (path, os.path.dirname(path)),)
        run([compiler, target + ".c", "-o", target, *flags])
        return target

    def tells_apart(self, name):
        """Whether a flavour is not the host's, and the library sees that. From 3.13 on no symbol marks a trace-refs
        build."""
        pair = [name, self.flavour.name]
        if self.flavour.minor >= 13:
            pair = [one.replace("-tracerefs", "") for one in pair]
        return pair[0] != pair[1]


def is_one_line(result):
    """Whether the library's message is all that went to standard error."""
    return result.err.count("\n") == 1 and result.err.startswith("pyrefcore: ")
