"""The file of `--refs-json` while pytest runs. It is complete JSON after each test, so that a session that dies leaves
its results."""

from __future__ import annotations

import json
import os
from typing import Any, BinaryIO, Dict, List, Optional

from ..core import host, notes
from ..report.file import is_stream, replacing
from .summary import UNFINISHED, Verdict, is_ok, to_entry

DIED = "pytest ended while it ran"
ERROR = "pytest has not finished"


class Journal:
    """Each verdict is written once, over the end of the JSON. The end is then written again, behind it. Raises
    OSError."""

    def __init__(self, path: str) -> None:
        self._file: Optional[BinaryIO] = None
        self._running: List[str] = []
        self._is_empty = True
        self._about: Dict[str, Any] = {"ok": False, "host": host.describe(), "notes": notes.always()}
        # A terminal or a pipe gets the report at the end.
        if is_stream(path):
            return
        self._path = path
        # An old report is replaced at once, so that a reader does not take it for this session's.
        with replacing(path) as self._file:
            self._end = self._file.write(b'{\n  "tests": [')
            self._rewrite("", [])

    def begins(self, test: str) -> None:
        """Notes that a test begins to run."""
        self._running.append(test)
        self._rewrite("", [])

    def ends(self, test: str) -> None:
        """Notes that a test has run."""
        if test in self._running:
            self._running.remove(test)
            self._rewrite("", [])

    def add(self, verdict: Verdict) -> None:
        """Writes the verdict of a test."""
        if verdict.test in self._running:
            self._running.remove(verdict.test)
        self._rewrite(self._entry(verdict), [])

    def close(self, verdicts: List[Verdict]) -> bool:
        """Completes the file at the end of the session. False if a test has removed or replaced the file."""
        if self._file is None:
            return False
        self._rewrite("", verdicts, finished=True)
        written = os.fstat(self._file.fileno())
        self._file.close()
        self._file = None
        return os.path.exists(self._path) and os.path.samestat(os.stat(self._path), written)

    def _entry(self, verdict: Verdict) -> str:
        text = json.dumps(to_entry(verdict), indent=2)
        separator = "" if self._is_empty else ","
        self._is_empty = False
        return separator + ("\n" + text).replace("\n", "\n    ")

    def _rewrite(self, entry: str, verdicts: List[Verdict], finished: bool = False) -> None:
        file = self._file
        if file is None:
            return
        added = entry.encode()
        about = dict(self._about, ok=finished and is_ok(verdicts))
        if not finished:
            about["error"] = ERROR
        end = ""
        if not finished:
            was_empty = self._is_empty
            end = "".join(self._entry(Verdict(test, UNFINISHED, DIED)) for test in self._running)
            self._is_empty = was_empty
        end += "\n  ],\n" + json.dumps(about, indent=2)[2:] + "\n"
        # One call, so that the file is complete JSON whenever the process dies. If the text is shorter than before,
        # spaces fill the rest.
        whole = added + end.encode()
        room = os.fstat(file.fileno()).st_size - self._end - len(whole)
        if room > 0 and not finished:
            whole += b" " * (room - 1) + b"\n"
        os.pwrite(file.fileno(), whole, self._end)
        if finished:
            os.ftruncate(file.fileno(), self._end + len(whole))
        self._end += len(added)
