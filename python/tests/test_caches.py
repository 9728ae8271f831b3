"""Caches are emptied, and what a program would notice stays."""

import fractions
import io
import linecache
import re
import struct
import sys
import weakref

from pyrefcore import caches


def test_what_only_a_cache_holds_dies():
    pattern = weakref.ref(re.compile("a pattern of this test"))
    hash(fractions.Fraction(1, 3))
    struct.pack("<5hq", 1, 2, 3, 4, 5, 6)
    assert pattern() is not None
    caches.clear()
    assert pattern() is None
    cached = getattr(fractions, "_hash_algorithm", None)
    assert cached is None or cached.cache_info().currsize == 0


def test_garbage_is_collected_with_what_its_finalizers_leave():
    class Last:
        def __del__(self):
            left.append(weakref.ref(again()))

    class Thing:
        pass

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


def test_what_a_program_would_notice_stays():
    linecache.cache["<generated>"] = (3, None, ["x\n"], "<generated>")
    try:
        caches.clear()
        assert linecache.getline("<generated>", 1) == "x\n"
    finally:
        del linecache.cache["<generated>"]


def test_output_is_flushed_and_closed_streams_are_nobodys_concern(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw)))
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    print("text")
    caches.clear()
    assert raw.getvalue() == b"text\n"
