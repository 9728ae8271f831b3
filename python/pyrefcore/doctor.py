"""Examines this Python: its flavour, whether references can be counted in it, and what can't be seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from typing import Any, Dict, List

from .core import host, native, notes, run
from .core.attach import attach, attached
from .core.snapshot import NotCounted, Snapshot

#: The environment variables that the library and this package read.
VARIABLES = ("PYREFCORE", "PYREFCORE_REPORT", native.VARIABLE)


def examine() -> Dict[str, Any]:
    """The results as a dict for JSON. "ok" says whether `check`, `audit` and `pytest --refs` work here."""
    found: Dict[str, Any] = {"ok": False, "host": host.describe(), "notes": []}
    try:
        found["library"] = native.path()
        attach()
        found["attached"] = attached()
        core = native.library()
        try:
            with Snapshot() as snapshot:
                found["objects"] = core.pyrefcore_snapshot_objects(snapshot)
                found["references"] = core.pyrefcore_snapshot_references(snapshot)
            found["ok"] = True
        except NotCounted as error:
            found["why_not"] = str(error)
        found["replaced"] = _replaced()
    except native.NotSupported as error:
        found["why_not"] = str(error)
    except (OSError, subprocess.SubprocessError) as error:
        found["notes"].append("whether symbols can be replaced could not be tried: %s" % error)
    unknown = sorted(name for name in os.environ if name.startswith("PYREFCORE") and name not in VARIABLES)
    found["notes"] += ["the variable %s is unknown and has no effect" % name for name in unknown]
    found["notes"] += notes.always()
    return found


def render(found: Dict[str, Any]) -> str:
    """The results as text for a reader."""
    about = found["host"]
    lines = [
        "Python     %(version)s, %(flavour)s, %(platform)s" % about,
        "           %s" % (about["executable"] or "embedded in a program"),
        "library    %s" % found.get("library", "none"),
    ]
    if found["ok"]:
        lines.append("attached   yes; a snapshot shows %(objects)d objects and %(references)d references" % found)
        lines.append("works      check, audit, pytest --refs")
    else:
        lines.append("attached   no: %s" % found["why_not"])
    if "replaced" in found:
        replaced: List[str] = found["replaced"]
        if replaced:
            lines.append("run        replaces %d symbols of this interpreter" % len(replaced))
        else:
            lines.append("run        replaces nothing in this interpreter, which binds its own calls directly")
    return "\n".join(lines + ["note       " + note for note in found["notes"]])


def _replaced() -> List[str]:
    """The interpreter's symbols that `run` replaces. A child process tries it, and reports them."""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report")
        command = [sys.executable, "-I", "-S", "-c", "pass"]
        subprocess.run(
            command,
            env=run.environment(report),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
        )
        with open(report, encoding="utf-8", errors="replace") as summary:
            text = summary.read()
    listed = re.search(r"^  replaced in the interpreter.*:\n((?:    .*\n)*)", text, re.MULTILINE)
    return listed.group(1).split() if listed else []
