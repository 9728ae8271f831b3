"""A snapshot, and the findings that a comparison of snapshots gives."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Iterator, List, Optional

from . import native


class NotCounted(RuntimeError):
    """A snapshot could not be taken; the message says why, in one sentence."""


class Snapshot:
    """One snapshot until the end of a `with`, which gives its address. Raises NotCounted if it can't be taken."""

    def __init__(self) -> None:
        self._place = ctypes.c_void_p()

    def __enter__(self) -> int:
        why_not = native.library().pyrefcore_snapshot_try(ctypes.addressof(self._place))
        if why_not is not None:
            raise NotCounted(why_not.decode())
        return self._place.value or 0

    def __exit__(self, *_: object) -> None:
        native.library().pyrefcore_snapshot_clear(ctypes.addressof(self._place))


@contextlib.contextmanager
def listed(found: Optional[int]) -> Iterator[List[native.Finding]]:
    """The findings at an address that the library gave. They are freed at the end of the `with`."""
    core = native.library()
    if not found:
        raise NotCounted("there is no memory to compare snapshots")
    try:
        count = core.pyrefcore_findings_count(found)
        yield [core.pyrefcore_findings_get(found, index).contents for index in range(count)]
    finally:
        core.pyrefcore_findings_drop(found)
