"""A program run with this Python's reference counting replaced by the library's, and a summary at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Dict, List, Optional

from . import native
from .report_file import ReportFile


def environment(report: str) -> Dict[str, str]:
    """The environment in which the library comes first, keeps a table of what is alive, and reports to the file
    `report`, or to standard error for "stderr". Raises NotSupported."""
    native.library()
    library = os.path.abspath(native.path())
    if any(letter in library for letter in " :"):
        raise native.NotSupported("the loader can't preload %s, because of the space or colon in it" % library)
    before = os.environ.get("LD_PRELOAD")
    preload = library + ":" + before if before else library
    return dict(os.environ, LD_PRELOAD=preload, PYREFCORE_REPORT=report)


def run(arguments: List[str], report: Optional[str] = None) -> int:
    """Becomes that program: `arguments` are what Python would get, a script or `-m` and a module, and theirs.

    report: a file for the summary, where %p stands for the process; standard error by default.
    Does not return. Raises NotSupported where this Python has no library, and OSError for an unwritable file.
    """
    if report is not None and report != "stderr":
        ReportFile(report.replace("%p", str(os.getpid())))
    surroundings = environment(report or "stderr")
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    # The same options that this interpreter was started with, as subprocess hands them to its children.
    flags: List[str] = getattr(subprocess, "_args_from_interpreter_flags", list)()
    os.execve(sys.executable, [sys.executable] + flags + arguments, surroundings)
