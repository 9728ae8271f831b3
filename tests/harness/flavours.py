"""The flavours in flavours/, and their libraries."""

import fcntl
import os
import re

from harness.commands import ROOT, TARGET, run

FOLDER = os.path.join(ROOT, "flavours")


class Flavour:
    """One file of flavours/."""

    def __init__(self, name):
        self.name = name
        with open(os.path.join(FOLDER, name + ".txt")) as lines:
            facts = dict(line.rstrip("\n").split("=", 1) for line in lines if "=" in line)
        self.version = facts["version"]
        self.minor = int(self.version.split(".")[1])
        # The macros of its pyconfig.h, such as Py_REF_DEBUG.
        self.switches = [word for word in facts.get("build_flags", "").split(",") if word]

    @property
    def is_free_threaded(self):
        return "Py_GIL_DISABLED" in self.switches


class Library:
    """A built library in a folder of `make build`."""

    def __init__(self, folder, flavour):
        self.folder = folder
        self.flavour = flavour
        self.include = os.path.join(folder, "include")
        self.lib = os.path.join(folder, "lib")
        self.shared = os.path.join(self.lib, "libpyrefcore.so")
        self.static = os.path.join(self.lib, "libpyrefcore.a")
        self.link_shared = ["-L" + self.lib, "-Wl,-rpath," + self.lib, "-lpyrefcore"]

    @property
    def link_static(self):
        """The static library, and the system's libraries that its .pc file names."""
        with open(os.path.join(self.lib, "pkgconfig", "pyrefcore.pc")) as lines:
            private = next(line for line in lines if line.startswith("Libs.private: "))
        return [self.static] + private.split(": ", 1)[1].split()


def key(name):
    """Sorts cp39 before cp310."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name.replace("cp3", "", 1))]


def names():
    """The names of all flavours, the oldest version first."""
    return sorted((name[:-4] for name in os.listdir(FOLDER) if re.match(r"cp3.*\.txt$", name)), key=key)


def branches():
    """One flavour for each branch of the selectors."""
    with open(os.path.join(FOLDER, "branches.txt")) as lines:
        return [line.strip() for line in lines if line.startswith("cp")]


def build(name, out="target", features="", **settings):
    """The library of a flavour, built if it is not up to date. `settings` are more variables of the Makefile."""
    os.makedirs(TARGET, exist_ok=True)
    # Two tests may want one library at the same time. The second make then finds it built.
    with open(os.path.join(TARGET, "harness.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = ["%s=%s" % pair for pair in dict(settings, OUT=out, FEATURES=features).items()]
        run(["make", "-s", "build", "FLAVOUR=" + name] + words)
    return Library(os.path.join(ROOT, out, "dist", name), Flavour(name))
