"""Who holds an object, and what it holds: its neighbourhood among the objects that are alive."""

from __future__ import annotations

import ctypes
import dataclasses
from gc import disable, enable, isenabled
from typing import Any, Dict, List, Sequence

from . import native
from .report import Neighbour
from .safe_repr import safe_repr, type_name

# References that no object shows.
increase = ctypes.pythonapi["Py_IncRef"]
decrease = ctypes.pythonapi["Py_DecRef"]
increase.argtypes = decrease.argtypes = [ctypes.c_void_p]
increase.restype = decrease.restype = None

#: Most neighbours of one object, in each direction.
LIMIT = 8


@dataclasses.dataclass
class Neighbourhood:
    """Neighbours by the address of the object that was asked for."""

    referrers: Dict[int, List[Neighbour]]
    referents: Dict[int, List[Neighbour]]


def neighbourhood(addresses: Sequence[int], unsafe: bool = False) -> Neighbourhood:
    """The neighbours of the objects at these addresses, which must be alive, at most LIMIT in each direction. That an
    object holds its type goes without saying."""
    core = native.library()
    wanted = (ctypes.c_void_p * len(addresses))(*addresses)
    into: Dict[int, List[int]] = {address: [] for address in addresses}
    out: Dict[int, List[int]] = {address: [] for address in addresses}
    # The collector walks over the same objects as the visitors do.
    was_enabled = isenabled()
    disable()
    try:
        core.pyrefcore_referrers(wanted, len(addresses), _collect(into, by_target=True, without=id(wanted)), None)
        for address in addresses:
            core.pyrefcore_referents(address, _collect(out, by_target=False, without=id(type(at(address)))), None)
        return Neighbourhood(_shown(into, unsafe), _shown(out, unsafe))
    finally:
        for edges in (into, out):
            for others in edges.values():
                for other in others:
                    decrease(other)
        if was_enabled:
            enable()


def at(address: int) -> Any:
    """The object at an address."""
    return ctypes.cast(address, ctypes.py_object).value


def _collect(edges: Dict[int, List[int]], by_target: bool, without: int) -> Any:
    """A visitor that keeps the other end of each edge, once, unless that is `without`."""

    def visit(source: int, target: int, _: Any) -> int:
        mine, other = (target, source) if by_target else (source, target)
        kept = edges.get(mine)
        if kept is not None and len(kept) < LIMIT and other not in kept and other != without:
            # Held, because a neighbour may be one of our own objects that is about to go.
            increase(other)
            kept.append(other)
        return 0

    return native.EDGE_VISITOR(visit)


def _shown(edges: Dict[int, List[int]], unsafe: bool) -> Dict[int, List[Neighbour]]:
    return {address: [_neighbour(other, unsafe) for other in others] for address, others in edges.items()}


def _neighbour(address: int, unsafe: bool) -> Neighbour:
    thing = at(address)
    return Neighbour(address, type_name(type(thing)), safe_repr(thing, unsafe))
