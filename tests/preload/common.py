"""Shared by the preload tests: the Pythons of this machine, their libraries, and running a child."""

import os
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Python:
    """An interpreter on this machine."""

    def __init__(self, flavour, path, replaceable):
        self.flavour, self.path, self.replaceable = flavour, path, replaceable
        digits = flavour[2:].split("-")[0]
        self.free_threaded = digits.endswith("t")
        digits = digits.rstrip("t")
        self.version = (int(digits[0]), int(digits[1:]))

    @property
    def debug(self):
        return "-refdebug" in self.flavour

    @property
    def name(self):
        return self.flavour if self.replaceable else self.flavour + "/static"


def find_pythons():
    """All Pythons of find_pythons.sh, the oldest version first, and in each flavour the replaceable ones first."""
    lines = os.environ.get("FOUND_PYTHONS")
    if lines is None:
        lines = subprocess.run(["sh", os.path.join(ROOT, "tools", "find_pythons.sh")], stdout=subprocess.PIPE,
                               universal_newlines=True, check=True).stdout
    found = []
    for line in lines.splitlines():
        flavour, rest = line.split(" ", 1)
        path, kind = rest.rsplit(" ", 1)
        found.append(Python(flavour, path, kind == "replaceable"))
    return sorted(found, key=lambda python: (python.version, python.flavour, not python.replaceable))


def library(flavour):
    """The library of a flavour, which is built if necessary; None if there is no such flavour."""
    staged = os.environ.get("PYREFCORE_DIST")
    if staged is None:
        staged = os.path.join(ROOT, "target", "dist")
        if not os.path.exists(os.path.join(ROOT, "flavours", flavour + ".txt")):
            return None
        made = subprocess.run(["make", "--no-print-directory", "-C", ROOT, "build", "FLAVOUR=" + flavour],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        if made.returncode != 0:
            print(made.stdout)
            raise SystemExit("make build FLAVOUR=%s failed" % flavour)
    path = os.path.join(staged, flavour, "lib", "libpyrefcore.so")
    return path if os.path.exists(path) else None


def clean_environment(**extra):
    """The environment without variables that affect a Python or the library; a value of None removes a variable."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("PYTHON", "PYREFCORE", "LD_PRELOAD", "MALLOC_"))}
    environment.update(extra)
    return {name: value for name, value in environment.items() if value is not None}


class Result:
    """How a child ended. The status is negative for a signal, and None after a timeout."""

    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds


def run(command, environment, timeout=60, cwd=None, merge=False):
    """Runs a child in a new session, and at the end kills all processes of that session."""
    began = time.monotonic()
    child = subprocess.Popen(command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT if merge else subprocess.PIPE,
                             start_new_session=True)
    try:
        out, err = child.communicate(timeout=timeout)
        status = child.returncode
    except subprocess.TimeoutExpired:
        status = None
        out, err = b"", b"(took too long)"
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except OSError:
            pass
        child.wait()
    decode = lambda data: (data or b"").decode("utf-8", "backslashreplace")
    return Result(status, decode(out), decode(err), time.monotonic() - began)
