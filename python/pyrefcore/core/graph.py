"""The neighbourhood of an object among the live objects: those that hold it, and those that it holds."""

from __future__ import annotations

import ctypes
from gc import disable, enable, isenabled
from typing import Dict, List, Sequence

from ..report.report import Neighbour
from . import native
from .contents import type_of
from .safe_repr import safe_repr_at, type_name_at

#: The most neighbours of one object, in each direction.
LIMIT = 8


class Neighbourhood:
    """Some objects with their neighbours, at most LIMIT in each direction. All are held from `look` on until `close`.
    The reference from an object to its type is left out."""

    def __init__(self, addresses: Sequence[int]) -> None:
        self._core = native.library()
        self._wanted = (ctypes.c_void_p * len(addresses))(*addresses)
        # One more on each side, because a reference of our own is left out.
        self._room = len(addresses) * (2 * LIMIT + 3)
        self._edges = (native.Edge * self._room)()
        self._paused = ctypes.c_bool()
        #: The neighbours, by the address of the wanted object.
        self.referrers: Dict[int, List[int]] = {address: [] for address in addresses}
        self.referents: Dict[int, List[int]] = {address: [] for address in addresses}

    def look(self) -> None:
        """Asks the library for the neighbours. The collector is off until `close`, so that the objects do not
        change."""
        self._paused.value = isenabled()
        disable()
        count = self._core.pyrefcore_neighbours(self._wanted, len(self._wanted), LIMIT + 1, self._edges)
        ours = id(self._wanted)
        for edge in self._edges[len(self._wanted) : count]:
            into, out = self.referrers.get(edge.target), self.referents.get(edge.source)
            if into is not None and edge.source != ours and edge.source not in into:
                into.append(edge.source)
            if out is not None and edge.target != type_of(edge.source) and edge.target not in out:
                out.append(edge.target)

    def close(self) -> None:
        """Releases what is held. After an interrupt, a second call does the rest."""
        self._core.pyrefcore_edges_drop(self._edges, self._room)
        if self._paused.value:
            enable()
            self._paused.value = False


def shown(addresses: Sequence[int], unsafe: bool) -> List[Neighbour]:
    """The entries in a report for the objects at these addresses, at most LIMIT."""
    return [
        Neighbour(address, type_name_at(type_of(address)), safe_repr_at(address, unsafe))
        for address in addresses[:LIMIT]
    ]
