"""Memory that only looks like an object is neither followed nor counted. The blocks here are made to mislead."""

import ctypes
import gc
import struct
import sys

import pytest

from conftest import program

HEAD = object.__basicsize__
WORD = 8
# The offset of the type in an object's head, and the size of the collector's head in front of a container.
TYPE = HEAD - WORD
PAIR = 0 if hasattr(sys, "_is_gil_enabled") and HEAD == 32 else 16


class Marked:
    """Only the false references in a block lead to an instance."""

    __slots__ = ("__weakref__",)


@pytest.fixture
def blocks(attached):
    made = Blocks()
    yield made
    made.free()


class Blocks:
    """Memory of the object domain, written word by word."""

    def __init__(self):
        self._malloc = ctypes.pythonapi.PyObject_Malloc
        self._malloc.restype, self._malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        self._free = ctypes.pythonapi.PyObject_Free
        self._free.restype, self._free.argtypes = None, [ctypes.c_void_p]
        self._made, self._others = [], []

    def write(self, *words, size=None):
        """The address of a new block with these words, filled up with zeros."""
        data = b"".join(struct.pack("Q" if word >= 0 else "q", word) for word in words)
        data = data.ljust(size or len(data), b"\0")
        block = self._malloc(len(data))
        ctypes.memmove(block, data, len(data))
        self._made.append(block)
        return block

    def copy(self, op, size, front=0):
        """A block with a copy of an object's memory, and of `front` bytes before it."""
        block = self._malloc(front + size)
        ctypes.memmove(block, op - front, front + size)
        self._made.append(block)
        return block

    def move(self, size, larger):
        """Makes a block longer: its old and its new address."""
        realloc = ctypes.pythonapi.PyObject_Realloc
        realloc.restype, realloc.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t]
        old = self._malloc(size)
        new = realloc(old, larger)
        self._made.append(new)
        return old, new

    def other(self, size, wanted):
        """A block of another domain that starts at the wanted address."""
        malloc = ctypes.pythonapi.PyMem_Malloc
        malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        for _ in range(64):
            self._others.append(malloc(size))
            if self._others[-1] == wanted:
                return wanted
        raise AssertionError("the place was not handed out again")

    def holders(self, op):
        """The places in these blocks where the audit sees an object that holds `op`."""
        from pyrefcore.core import native

        found = []
        visitor = native.EDGE_VISITOR(lambda holder, _held, _arg: found.append(holder) or 0)
        targets = (ctypes.c_void_p * 1)(id(op))
        assert native.library().pyrefcore_referrers(targets, 1, visitor, None) == 0
        return [hex(holder - block) for holder in found for block in self._made + self._others if 0 <= holder - block <= 32]

    def free(self):
        for block in self._made:
            self._free(block)
        free = ctypes.pythonapi.PyMem_Free
        free.restype, free.argtypes = None, [ctypes.c_void_p]
        for block in self._others:
            free(block)
        self._made, self._others = [], []


def head(ob_type, count=1):
    """The words of an object's head."""
    if HEAD == 32:
        # Owner, flags and the owner's count, shared count, type.
        return [0, (count << 32), 0, id(ob_type)]
    words = [count, id(ob_type)]
    return [0] * ((HEAD - 16) // WORD) + words


def in_front():
    """The collector's head of an untracked container."""
    return [0] * (PAIR // WORD)


def seen():
    """The over-releases of a new snapshot: type names and examples."""
    from pyrefcore.core import native

    gc.collect()
    core = native.library()
    snapshot = core.pyrefcore_snapshot_take()
    assert snapshot
    found = core.pyrefcore_over_released(snapshot)
    names = []
    for at in range(core.pyrefcore_findings_count(found)):
        finding = core.pyrefcore_findings_get(found, at).contents
        examples = finding.examples[: finding.examples_count]
        names.append((finding.type_name, [(hex(e.object), e.refcount, e.explained) for e in examples]))
    core.pyrefcore_findings_drop(found)
    core.pyrefcore_snapshot_drop(snapshot)
    return names


def test_a_tuple_that_is_longer_than_all_memory(blocks):
    for size in (2**60, 2**61 + 1, 2**63 - 1, -1, -(2**63)):
        blocks.write(*in_front(), *head(tuple), size, size=256)
    assert seen() == []


def test_a_tuple_that_is_longer_than_its_block(blocks):
    held = Marked()
    blocks.write(*in_front(), *head(tuple), 40, *[id(held)] * 3)
    assert seen() == []


def test_a_copy_of_a_tracked_list(blocks):
    """The collector does not know the copy, whose links lead to the neighbours of the original."""
    held = Marked()
    original = [held] * 4
    blocks.copy(id(original), list.__basicsize__, PAIR)
    assert gc.is_tracked(original)
    assert blocks.holders(held) == []
    assert seen() == []


def test_links_that_point_nowhere(blocks):
    if not PAIR:
        pytest.skip("a free-threaded collector has no links")
    held = Marked()
    items = (ctypes.c_void_p * 4)(*[id(held)] * 4)
    for link in (8, 16, 2**47 - 16, 2**63, 2**64 - 16, id(held), ctypes.addressof(items)):
        blocks.write(link, link, *head(list), 4, ctypes.addressof(items), 4)
    assert blocks.holders(held) == []
    assert seen() == []


def test_a_float_in_front_of_a_tuple_of_types(blocks):
    """At 16 and 32 there also seems to be an object, but only the first place counts."""
    blocks.write(*head(float), id(Marked), id(list), id(Marked), id(dict), 1, id(Marked))
    assert blocks.holders(Marked) == []
    assert seen() == []


def test_a_tuple_of_types(blocks):
    """The items look like the heads of instances, but only the first place counts."""
    kinds = [int, float, str, list, Marked]
    for first in kinds:
        for second in kinds:
            blocks.write(*in_front(), *head(tuple), 5, *[id(first), id(second), 1, id(first), id(second)])
    assert all(place == hex(PAIR) for place in blocks.holders(Marked))


def test_an_integer_that_is_an_address_of_a_type(blocks):
    """An int in a free list has the address of a type where a list would have its type."""
    parked = head(int, 0)
    blocks.write(*parked, id(Marked), id(list), size=64)
    blocks.write(*parked, id(list), id(list), 2**40, id(Marked), size=96)
    assert seen() == []


def test_text_in_front_of_a_type_that_is_left_from_before(blocks):
    """CPython keeps docstrings of types in such blocks, with old words behind the text."""
    class Kind:
        pass

    text = b"Raised when an archive cannot be read or written, or when there is no such archive at all"
    for place in range(TYPE, TYPE + 40, 8):
        for length in range(place - 24, place):
            block = blocks.write(size=place + 8 + object.__basicsize__ + 32)
            ctypes.memmove(block, text[: max(length, 0)], max(length, 0))
            ctypes.c_size_t.from_address(block + place).value = id(Kind)
    assert blocks.holders(Kind) == []
    assert seen() == []


def test_an_implausible_count(blocks):
    held = Marked()
    for count in (0, -1, -(2**62)):
        words = head(float, count) if HEAD != 32 else [0, 0, 0, id(float)]
        blocks.write(*words, 0)
        blocks.write(*in_front(), *(head(tuple, count) if HEAD != 32 else [0, 0, 0, id(tuple)]), 1, *[id(held)] * 3)
    assert blocks.holders(held) == []
    assert seen() == []


def test_keys_that_overflow_every_check(blocks):
    """A dictionary whose table claims more entries, or more index bytes, than there is memory."""
    held = Marked()
    for size, entries in ((2**62, 1), (8, 2**60), (2**63, 2**63), (2**64 - 1, 2**61), (0, 2**63 - 1), (8, 2**40)):
        # Fits both layouts: up to 3.10 this word is the size, and later it holds logarithms.
        keys = blocks.write(1, size, id(held), entries, entries, *[id(held)] * 6, size=512)
        for place in (keys, keys + 4, 8, 2**47 - 8, 2**64 - 8):
            blocks.write(*in_front(), *head(dict), 1, 0, place, 0)
            blocks.write(*in_front(), *head(dict), 1, 0, place, place)
            # A dictionary of the later layout, which is one word shorter.
            blocks.write(*in_front(), *head(dict), 1, place, 0)
    assert seen() == []


@pytest.mark.parametrize("full, usable, entries", ((3, 2, 3), (4, 2, 4), (4, -1, 3), (4, 2**63 - 1, 3)))
def test_more_entries_than_a_table_has_room_for(blocks, full, usable, entries):
    """A table of eight places has at most five keys."""
    held = Marked()
    if sys.version_info < (3, 11):
        original = {id: held, len: held, held: held}
        keys = ctypes.c_size_t.from_address(id(original) + HEAD + 2 * WORD).value
        lookup = ctypes.c_size_t.from_address(keys + 2 * WORD).value
        front = [1, 8, lookup, usable, entries, -1]
    else:
        front = [1, struct.unpack("<Q", bytes([3, 3, 0] + [0] * 5))[0], usable, entries, -1]
    keys = blocks.write(*front, *[1, id(held), id(held)] * full)
    blocks.write(*in_front(), *head(dict), full, 0, keys, 0)
    assert len(blocks.holders(held)) == (6 if full == 3 else 0)


@pytest.mark.parametrize("fill, used, mask", ((2, 2, 7), (2, 3, 7), (8, 2, 7), (2, 2, 6), (2, 2, 15)))
def test_a_set_of_another_shape(blocks, fill, used, mask):
    held = Marked()
    made = blocks.write(*in_front(), *head(frozenset), fill, used, mask, 0, 0, 0, *[id(held), 1] * 2, size=512)
    op = made + len(in_front()) * WORD
    ctypes.c_size_t.from_address(op + HEAD + 3 * WORD).value = op + HEAD + 6 * WORD
    assert len(blocks.holders(held)) == (2 if (fill, used, mask) == (2, 2, 7) else 0)


def test_logarithms_that_overflow(blocks):
    for logarithm in (63, 64, 200, 255):
        first = struct.unpack("<Q", bytes([logarithm, logarithm, 0] + [0] * 5))[0]
        keys = blocks.write(1, first, 4, 2**61, 4, size=256)
        blocks.write(*in_front(), *head(dict), 1, 0, keys, 0)
    assert seen() == []


def test_a_type_that_is_data(blocks):
    """A word that leads into a library's data, but not to the start of a type."""
    held = Marked()
    for place in (id(None), id(None) - WORD, id(int) + WORD, id(int) + 64, id(list) - WORD, id(type) + 8 * WORD):
        blocks.write(1, place, id(held), id(held), size=128)
        blocks.write(*in_front(), 1, place, id(held), id(held), size=128)
    for place in (id(None), id(int) + WORD):
        blocks.write(*head(float)[:-1], place, id(held))
    assert blocks.holders(held) == []
    assert seen() == []


def test_a_type_that_is_a_copy(blocks):
    """A block with a copy of a type, and a false instance of it in another block."""
    held = Marked()
    copy = blocks.copy(id(Marked), type.__basicsize__, 0)
    blocks.write(*head(float)[:-1], copy, id(held), id(held))
    gc.collect()
    # The audit may take the copy for a type, but must not crash.
    found = seen()
    assert all(name in (b"Marked", b"type") for name, _ in found), found


def test_a_type_that_is_no_type(blocks):
    """Where the type should be stands a long bytes object. Its bytes are the flags of a ready type."""
    from pyrefcore import check

    flags = 168
    data = struct.pack("Q", 1 << 12).rjust(flags - bytes.__basicsize__ + 1 + HEAD - 16 + WORD, b"\0") + bytes(type.__basicsize__)
    block = blocks.write(*head(data), 0, 0)
    words = (ctypes.c_size_t * (HEAD // WORD)).from_address(block)
    before, changed = list(words), []
    report = check(lambda: changed.append(1) if list(words) != before else None, runs=2)
    assert report.ok and changed == [], "the guard has changed the block"


def test_a_code_object_full_of_nonsense(blocks):
    """The audit reads fields of untracked objects. A field counts only if it leads to a known object."""
    code = type((lambda: 0).__code__)
    for nonsense in (8, 2**47 - 8, 2**63, 2**64 - 8, id(None) + 4, id(int) + 8):
        for ob_type in (code, range, frozenset, bytearray, type(sys)):
            blocks.write(*head(ob_type), *[nonsense] * 40)
            blocks.write(*in_front(), *head(ob_type), *[nonsense] * 40)
    assert seen() == []


FREED = """
# Objects that die and memory that is used again for something else, over and over.
from pyrefcore.core import native
core = native.library()
pyrefcore.attach()
import random
random.seed(1)
pool = []
shapes = [lambda: (int, float, list), lambda: [Thing()], lambda: {"a": Thing}, lambda: Thing(), lambda: id(Thing) + 2**70, lambda: 1.5,
          lambda: {1, Thing}, lambda: (i for i in [1]), lambda: slice(1, Thing), lambda: range(10**20), lambda: b"x" * random.randrange(300)]
for step in range(60):
    pool += [random.choice(shapes)() for _ in range(500)]
    random.shuffle(pool)
    del pool[: random.randrange(len(pool))]
    taken = core.pyrefcore_snapshot_take()
    found = core.pyrefcore_over_released(taken)
    assert core.pyrefcore_findings_count(found) == 0, [core.pyrefcore_findings_get(found, 0).contents.type_name]
    core.pyrefcore_findings_drop(found)
    core.pyrefcore_snapshot_drop(taken)
print("done")
"""


def test_memory_that_is_used_again(attached):
    assert program(FREED) == "done\n"


def test_a_block_that_has_moved(blocks):
    """Words that another domain writes at the old address are no object. No hook sees `PyMem` reuse the memory."""
    if not PAIR:
        pytest.skip("the domains of a free-threaded Python have memory apart from each other")
    held = Marked()
    old, new = blocks.move(480, 2048)
    assert new != old
    words = in_front() + head(tuple) + [1] + [id(held)] * 3
    place = blocks.other(480, old)
    ctypes.memmove(place, struct.pack("%dQ" % len(words), *words), len(words) * WORD)
    assert blocks.holders(held) == []
    assert seen() == []
    # In a block of the object domain the same words are an object.
    blocks.write(*words, size=480)
    assert blocks.holders(held) == [hex(PAIR)]
