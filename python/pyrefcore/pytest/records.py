"""pytest's records of a run: output, log records, warnings, and the attributes that the test has set on its
instance."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from typing import Any, Dict, List, Optional, Tuple

from .junit import Junit
from .unhandled import Unhandled

CAPTURES = ("capsys", "capsysbinary", "capfd", "capfdbinary", "capteesys")


class Records:
    """Made before the first run. `take` restores the records as they were then. `put_back` restores what the first run
    left.

    Finalizers may add records between runs. Some finalizers end garbage of the first run, or objects that the guard has
    held. Their records belong to the first run, and are put back. Records about garbage of the repetitions are dropped.
    """

    def __init__(self, item: Any, shown: Optional[List[Any]] = None) -> None:
        """shown: the list of warnings that pytest shows; the current one by default."""
        self._item = item
        self._junit = Junit(item)
        self._unhandled = Unhandled(item.config)
        # What was taken between runs, and whether more of it belongs to the first run.
        self._later: List[List[Any]] = []
        self._is_later = True
        arguments = getattr(item, "funcargs", None) or {}
        self._capture = item.config.pluginmanager.getplugin("capturemanager")
        self._fixtures = [arguments[name] for name in CAPTURES if name in arguments]
        self._handlers = [one for one in logging.getLogger().handlers if type(one).__name__ == "LogCaptureHandler"]
        warned = _warning_lists(arguments, shown)
        self._has_warnings = any(isinstance(one, list) for one in warned)
        lists = [*warned, *_lists_of(item), self._junit.properties]
        self._lists = [one for one in lists if isinstance(one, list)]
        self._lengths = [len(one) for one in self._lists]
        instance = getattr(item, "_testcase", None)
        self._instance = getattr(getattr(item, "obj", None), "__self__", None) if instance is None else instance
        self._attributes = _attributes_of(self._instance)
        self._names = list(self._attributes or ())
        # These attributes as the first run has left them, and whether a run has set new ones.
        self._left: Optional[Dict[str, Any]] = None
        self._has_new = False

    def prepare(self) -> None:
        """Before each repetition: removes what was recorded between the runs. If runs set new attributes, gives the
        instance a dictionary without them."""
        self._sort()
        self._is_later = False
        if self._left is not None and self._has_new:
            self._set_attributes(dict(self._left))

    def let_go(self) -> None:
        """Before the guard lets the objects go whose death it has put off."""
        if not self._is_later:
            self._sort()
            self._is_later = True

    def _sort(self) -> None:
        taken = self.take()
        if taken is not None and self._is_later:
            self._later.append(taken)

    def take(self) -> Optional[List[Any]]:
        """Removes what was recorded since then, and returns it. None for nothing: the caller keeps it while looks and
        snapshots are taken, and nothing new must be there."""
        self._take_attributes()
        self._junit.take()
        # A test may ask for a fixture that captures while it runs.
        late = getattr(self._capture, "_capture_fixture", None)
        if late is not None and all(one is not late for one in self._fixtures):
            self._fixtures.append(late)
        return self._take([_read(one) for one in self._fixtures])

    def forget(self) -> None:
        """Removes what was recorded outside the fixtures that capture. Those may be new ones."""
        self._take([])

    def _take(self, fixtures: List[Any]) -> Optional[List[Any]]:
        taken = [self._read_capture(), fixtures, [], [], self._unhandled.take()]
        for handler in self._handlers:
            # Up to 3.11 `getvalue` gives an empty stream another list to keep its text in.
            has_text = handler.stream.tell() > 0
            taken[2].append((list(handler.records), handler.stream.getvalue() if has_text else ""))
            del handler.records[:]
            if has_text:
                handler.stream.seek(0)
                handler.stream.truncate()
        for length, one in zip(self._lengths, self._lists):
            taken[3].append(one[length:])
            del one[length:]
        if self._has_warnings:
            # After this, Python shows a warning again that it has already shown at the same place. Without a record, the
            # first run has shown it, and that is enough.
            with warnings.catch_warnings():
                pass
        return taken if _has_any(*taken) else None

    def put_back(self, taken: Optional[List[Any]]) -> None:
        """Puts back what `take` returned."""
        self._sort()
        self._put_back_attributes()
        self._junit.put_back()
        pieces = ([] if taken is None else [taken]) + self._later
        self._later, self._is_later = [], False
        for _, fixtures, handlers, lists, unhandled in pieces:
            for one, entries in zip(self._lists, lists):
                one.extend(entries)
            for fixture, texts in zip(self._fixtures, fixtures):
                _write(fixture, texts)
            for handler, (records, text) in zip(self._handlers, handlers):
                handler.records.extend(records)
                handler.stream.write(text)
            self._unhandled.put_back(unhandled)
        for at, name in enumerate(("stdout", "stderr")):
            text = "".join(output[at] for output, *_ in pieces if output)
            if text:
                self._item.add_report_section("call", name, text)

    def _take_attributes(self) -> None:
        """Takes away what a run has set, with its whole dictionary. To take one attribute would add a reference to its
        value and remove it. A value that was released too often would die a second time."""
        own = self._attributes
        if own is None or not self._has_new and _attributes_of(self._instance) is not own:
            return
        if self._left is None:
            self._left = {name: own[name] for name in self._names if name in own}
        self._has_new = self._has_new or any(name not in self._names for name in own)
        if self._has_new:
            self._set_attributes(self._left)

    def _put_back_attributes(self) -> None:
        own, left = self._attributes, self._left
        if own is None or left is None:
            return
        if self._has_new:
            self._set_attributes(own)
        for name, value in left.items():
            if name not in own or own[name] is not value:
                own[name] = value

    def _set_attributes(self, attributes: Dict[str, Any]) -> None:
        with contextlib.suppress(AttributeError, TypeError):
            object.__setattr__(self._instance, "__dict__", attributes)

    def _read_capture(self) -> Tuple[str, ...]:
        streams = getattr(self._capture, "_global_capturing", None)
        if streams is None or _is_empty(streams):
            return ()
        return tuple(self._capture.read_global_capture())


def _has_any(output: Any, fixtures: Any, handlers: Any, lists: Any, unhandled: Any) -> bool:
    texts = [text for one in [output, *fixtures] for text in one]
    texts += [text for _, text in handlers]
    return any(texts) or any(records for records, _ in handlers) or any(lists) or any(unhandled)


def _attributes_of(instance: Any) -> Optional[Dict[str, Any]]:
    own = getattr(instance, "__dict__", None)
    return own if type(own) is dict else None


def shown_warnings() -> Any:
    """The list to which warnings go now, for pytest's summary. None if there is no such list."""
    # No public function gives this list, and the private one may be missing.
    return getattr(getattr(warnings, "_showwarnmsg_impl", None), "__self__", None)


def _warning_lists(arguments: Dict[str, Any], shown: Any) -> List[Any]:
    """The lists in which warnings are recorded: by the fixture, and for pytest's summary."""
    lists = [getattr(arguments.get("recwarn"), "list", None), shown_warnings(), shown]
    return [one for at, one in enumerate(lists) if not any(one is it for it in lists[:at])]


def _lists_of(item: Any) -> List[Any]:
    """What a test adds to its own item: properties, sections of the report, markers, and finalizers."""
    state = getattr(item.session, "_setupstate", None)
    # Up to pytest 6 the finalizers were in a dictionary of their own.
    finalizers = getattr(state, "_finalizers", {}).get(item)
    stack = getattr(state, "stack", None)
    if isinstance(stack, dict) and item in stack:
        finalizers = stack[item][0]
    names = ("user_properties", "_report_sections", "own_markers")
    return [getattr(item, name, None) for name in names] + [finalizers]


def _read(fixture: Any) -> Tuple[Any, Any]:
    streams = getattr(fixture, "_capture", None)
    if streams is not None and _is_empty(streams):
        return "", ""
    # The fixture itself would also return what was written before the test.
    out, err = fixture.readouterr() if streams is None else streams.readouterr()
    return out, err


def _is_empty(streams: Any) -> bool:
    """Whether nothing was written to the captured streams. Reading a stream replaces some of its objects, so an empty
    one is not read."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return not any(_length(one.tmpfile) for one in (streams.out, streams.err) if one is not None)
    return False


def _length(file: Any) -> int:
    """The bytes in a file that captures. Any process may have written them."""
    in_memory = getattr(file.buffer, "getbuffer", None)
    return os.fstat(file.fileno()).st_size if in_memory is None else len(in_memory())


def _write(fixture: Any, texts: Tuple[Any, Any]) -> None:
    """Writes texts back to a fixture for output, so that it reads them again."""
    for stream, text in zip(("out", "err"), texts):
        if text:
            with contextlib.suppress(AttributeError, ValueError):
                file = getattr(fixture._capture, stream).tmpfile
                if isinstance(text, bytes):
                    file.buffer.write(text)
                elif isinstance(file, io.TextIOWrapper):
                    # The own `write` of `capteesys` would show the text once more.
                    io.TextIOWrapper.write(file, text)
                else:
                    file.write(text)
