"""pytest's records of a run: output, log records, warnings, and the attributes that the test has set on its
instance."""

from __future__ import annotations

import contextlib
import logging
import warnings
from typing import Any, Dict, List, Tuple

CAPTURES = ("capsys", "capsysbinary", "capfd", "capfdbinary", "capteesys")


class Records:
    """Made before the first run. `take` restores the records as they were then. `put_back` restores what the first run
    left."""

    def __init__(self, item: Any) -> None:
        self._item = item
        arguments = getattr(item, "funcargs", None) or {}
        self._capture = item.config.pluginmanager.getplugin("capturemanager")
        self._fixtures = [arguments[name] for name in CAPTURES if name in arguments]
        self._handlers = [one for one in logging.getLogger().handlers if type(one).__name__ == "LogCaptureHandler"]
        self._lists = _warning_lists(arguments)
        self._lengths = [len(one) for one in self._lists]
        self._attributes = _attributes(item)
        self._names = list(self._attributes)

    def take(self) -> List[Any]:
        """Removes what was recorded since then, and returns it."""
        taken = [self._read_capture(), [_read(one) for one in self._fixtures], [], [], self._take_attributes()]
        for handler in self._handlers:
            taken[2].append((list(handler.records), handler.stream.getvalue()))
            del handler.records[:]
            handler.stream.seek(0)
            handler.stream.truncate()
        for length, one in zip(self._lengths, self._lists):
            taken[3].append(one[length:])
            del one[length:]
        # After this, Python shows a warning again that it has already shown at the same place.
        with warnings.catch_warnings():
            pass
        return taken

    def put_back(self, taken: List[Any]) -> None:
        """Puts back what `take` returned."""
        self.take()
        output, fixtures, handlers, lists, attributes = taken
        for name, text in zip(("stdout", "stderr"), output):
            if text:
                self._item.add_report_section("call", name, text)
        for fixture, texts in zip(self._fixtures, fixtures):
            _write(fixture, texts)
        for handler, (records, text) in zip(self._handlers, handlers):
            handler.records[:] = records
            handler.stream.write(text)
        for length, one, entries in zip(self._lengths, self._lists, lists):
            one[length:] = entries
        self._attributes.update(attributes)

    def _take_attributes(self) -> Dict[str, Any]:
        new = [name for name in self._attributes if name not in self._names]
        return {name: self._attributes.pop(name) for name in new}

    def _read_capture(self) -> Tuple[str, ...]:
        if self._capture is None or getattr(self._capture, "_global_capturing", None) is None:
            return ()
        return tuple(self._capture.read_global_capture())


def _attributes(item: Any) -> Dict[str, Any]:
    """The attributes of the object whose method is the test."""
    instance = getattr(item, "_testcase", None) or getattr(getattr(item, "obj", None), "__self__", None)
    own = getattr(instance, "__dict__", None)
    return own if type(own) is dict else {}


def _warning_lists(arguments: Dict[str, Any]) -> List[List[Any]]:
    """The lists in which warnings are recorded: by the fixture, and for pytest's summary."""
    # No public function gives this list, and the private one may be missing.
    shown = getattr(getattr(warnings, "_showwarnmsg_impl", None), "__self__", None)
    lists = [getattr(arguments.get("recwarn"), "list", None), shown]
    return [one for at, one in enumerate(lists) if isinstance(one, list) and not any(one is it for it in lists[:at])]


def _read(fixture: Any) -> Tuple[Any, Any]:
    texts = fixture.readouterr()
    return texts.out, texts.err


def _write(fixture: Any, texts: Tuple[Any, Any]) -> None:
    """Writes texts back to a fixture for output, so that it reads them again."""
    for stream, text in zip(("out", "err"), texts):
        if text:
            with contextlib.suppress(AttributeError, ValueError):
                file = getattr(fixture._capture, stream).tmpfile
                (file.buffer if isinstance(text, bytes) else file).write(text)
