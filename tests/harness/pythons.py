"""The CPythons and the headers of this machine."""

import collections
import os
import subprocess

from harness.commands import ROOT, environment

# kind is "replaceable" or "static".
Host = collections.namedtuple("Host", "flavour python kind")
# switches are the debug macros that its pyconfig.h sets; folders have the headers.
Headers = collections.namedtuple("Headers", "version switches folders")


def _lines(script, *arguments, **more):
    """The lines that a script of tools/ prints."""
    command = ["sh", os.path.join(ROOT, "tools", script)] + list(arguments)
    return subprocess.run(
        command, env=environment(), stdout=subprocess.PIPE, universal_newlines=True, check=True, **more
    ).stdout.splitlines()


def _searched_once(variable, script):
    """A search takes seconds, so the workers of pytest-xdist find its result in the environment."""
    if variable not in os.environ:
        os.environ[variable] = "\n".join(_lines(script))
    return os.environ[variable].splitlines()


def hosts():
    """Every CPython from 3.8 on that tools/find_pythons.sh finds."""
    found = []
    for line in _searched_once("FOUND_PYTHONS", "find_pythons.sh"):
        flavour, rest = line.split(" ", 1)
        python, kind = rest.rsplit(" ", 1)
        found.append(Host(flavour, python, kind))
    return found


def headers(flavour):
    """Each Python.h of this machine that is of the flavour's version and can be compiled as this flavour."""
    every = _searched_once("FOUND_HEADERS", "find_headers.sh")
    found = []
    for line in _lines("find_headers.sh", "--for", flavour, input="".join(one + "\n" for one in every)):
        version, switches, folders = line.split(" ", 2)
        found.append(Headers(version, [] if switches == "-" else switches.split(","), folders.split(":")))
    return found
