"""`caches.clear` empties caches, but keeps everything that a program would miss."""

import filecmp
import fractions
import importlib.metadata
import inspect
import io
import itertools
import linecache
import re
import struct
import sys
import time
import typing
import urllib.parse
import weakref

import pytest

from pyrefcore.core import caches


class Thing:
    pass


NUMBERS = itertools.count(7)


def held_by_a_cache(use):
    """How many references to a new string are left after `use`, and how many after clearing the caches."""
    text = "<%dh" % next(NUMBERS)
    before = sys.getrefcount(text)
    use(text)
    held = sys.getrefcount(text) - before
    caches.clear()
    return held, sys.getrefcount(text) - before


def test_the_type_cache_is_emptied_of_names():
    held, left = held_by_a_cache(lambda name: getattr(Thing, name, None))
    assert held > 0 and left == 0


def test_the_formats_of_struct_are_emptied():
    held, left = held_by_a_cache(struct.calcsize)
    assert held > 0 and left == 0


def test_the_caches_of_typing_are_emptied():
    class Local:
        pass

    died = weakref.ref(Local)
    assert typing.Optional[Local] and typing.List[Local]
    del Local
    caches.clear()
    assert died() is None


def fill_times():
    import _strptime

    time.strptime("2000", "%Y")
    return lambda: len(_strptime._regex_cache)


def fill_urls():
    urllib.parse.urlsplit("scheme://host/path")
    old = getattr(urllib.parse, "_parse_cache", None)
    return (lambda: len(old)) if old is not None else lambda: urllib.parse.urlsplit.cache_info().currsize


def fill_comparisons():
    filecmp.cmp(__file__, inspect.__file__)
    filecmp._cache[None] = True
    return lambda: len(filecmp._cache)


def fill_hashes():
    hash(fractions.Fraction(1, 3))
    return lambda: fractions._hash_algorithm.cache_info().currsize


def fill_static_attributes():
    inspect.getattr_static(Thing(), "__doc__")
    return lambda: inspect._shadowed_dict_from_weakref_mro_tuple.cache_info().currsize


def fill_paths_of_packages():
    list(importlib.metadata.distributions())
    return lambda: importlib.metadata.FastPath.__new__.cache_info().currsize


@pytest.mark.parametrize(
    "fill", [fill_times, fill_urls, fill_comparisons, fill_hashes, fill_static_attributes, fill_paths_of_packages]
)
def test_caches_of_modules_are_emptied(fill):
    try:
        size = fill()
        filled = size()
    except AttributeError as error:
        pytest.skip("this Python has no such cache: %s" % error)
    assert filled > 0
    caches.clear()
    assert size() == 0


def test_an_object_that_only_a_cache_holds_dies():
    pattern = weakref.ref(re.compile("a pattern of this test"))
    assert pattern() is not None
    caches.clear()
    assert pattern() is None


def test_garbage_that_finalizers_leave_is_collected():
    class Last:
        def __del__(self):
            left.append(weakref.ref(again()))

    def again():
        thing = Thing()
        thing.me = thing
        return thing

    left = []
    last = Last()
    last.me = last
    del last
    caches.clear()
    assert [one() for one in left] == [None]


def test_settings_that_a_program_would_notice_stay():
    linecache.cache["<generated>"] = (3, None, ["x\n"], "<generated>")
    try:
        caches.clear()
        assert linecache.getline("<generated>", 1) == "x\n"
    finally:
        del linecache.cache["<generated>"]


def test_output_is_flushed_and_closed_streams_are_left_alone(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw)))
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    print("text")
    caches.clear()
    assert raw.getvalue() == b"text\n"
