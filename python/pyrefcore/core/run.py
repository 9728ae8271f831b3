"""Runs a program with the library's reference counting in place of this Python's, and a summary at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Dict, List, Optional

from ..report.file import ReportFile
from . import native


def environment(report: str) -> Dict[str, str]:
    """The environment that preloads the library. There the library keeps a table of live objects. It reports to the
    file `report`, or to standard error for "stderr". Raises NotSupported."""
    native.library()
    library = os.path.abspath(native.path())
    if any(letter in library for letter in " :"):
        raise native.NotSupported("the loader can't preload %s, because of the space or colon in it" % library)
    before = os.environ.get("LD_PRELOAD")
    preload = library + ":" + before if before else library
    return dict(os.environ, LD_PRELOAD=preload, PYREFCORE_REPORT=report)


def run(arguments: List[str], report: Optional[str] = None) -> int:
    """Replaces this process by the program. `arguments` are those for Python: a script, or `-m` and a module, and then
    the arguments of the program.

    report: a file for the summary, where %p stands for the process id; standard error by default.
    Does not return. Raises NotSupported if this Python has no library, and OSError for an unwritable file.
    """
    if report is not None and report != "stderr":
        ReportFile(report.replace("%p", str(os.getpid())))
    surroundings = environment(report or "stderr")
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    # The options that this interpreter was started with, as subprocess passes them to children.
    flags: List[str] = getattr(subprocess, "_args_from_interpreter_flags", list)()
    os.execve(sys.executable, [sys.executable] + flags + arguments, surroundings)
