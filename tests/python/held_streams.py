"""Families of held_families.py: streams, and objects that read folders. Each holds a new object."""

import bz2
import io
import lzma
import operator
import os
import zlib

from held_families import NUMBERS, Plain, family, simple, text

OPEN = []

simple(
    bytes_io=lambda: io.BytesIO(text().encode()),
    bytes_io_view=lambda: io.BytesIO(text().encode()).getbuffer(),
    string_io=lambda: io.StringIO(text()),
    string_io_newline=lambda: io.StringIO(text(), newline="\r\n"),
    string_io_decoding=lambda: io.StringIO(text(), newline=None),
    newline_decoder=lambda: io.IncrementalNewlineDecoder(Plain(), True, text()),
    buffered_reader=lambda: io.BufferedReader(io.BytesIO(text().encode())),
    buffered_pair=lambda: io.BufferedRWPair(io.BytesIO(), io.BytesIO(text().encode())),
    text_io=lambda: io.TextIOWrapper(io.BytesIO(text().encode()), "utf-8"),
    zlib=lambda: [zlib.compressobj(), zlib.decompressobj(zdict=text().encode())],
    bz2=lambda: bz2.BZ2Decompressor(),
    lzma=lambda: lzma.LZMADecompressor(),
)


@family
def string_io_written():
    made = io.StringIO()
    made.write(text())
    made.write(text())
    return made


@family
def text_io_written():
    made = io.TextIOWrapper(io.BytesIO(), "utf-8")
    made.write(text())
    return made


@family
def text_io_read():
    made = io.TextIOWrapper(io.BytesIO("\n".join(text() for _ in range(9)).encode()), "utf-8")
    made.readline()
    return made


@family
def decompressed_too_far():
    made = zlib.decompressobj()
    made.decompress(zlib.compress(b"x") + text().encode())
    return made


@family
def directory_entries():
    with os.scandir("/") as entries:
        made = sorted(entries, key=operator.attrgetter("name"))[:2]
    for entry in made:
        entry.stat()
        entry.stat(follow_symlinks=False)
    return made


@family
def directory():
    # Keep the iterator: the warning of an unclosed one would keep its text.
    made = os.scandir("/" * (1 + next(NUMBERS) % 7))
    OPEN.append(made)
    return made
