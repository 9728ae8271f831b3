"""Objects of modules that are separate libraries in most Pythons and built in in others: `ELSEWHERE` of
`src/audit/holds/fields.rs`."""

import bz2
import functools
import lzma
import select
import xml.parsers.expat as expat

from held_families import family, plain, text, word


@family
def expat_parser():
    made = expat.ParserCreate()
    made.StartElementHandler = functools.partial(plain, text())
    made.buffer_text = True
    made.Parse("<%s a='%s'>abc" % (word(), text()))
    return made


@family
def poll():
    made = select.poll()
    made.register(0)
    made.poll(0)
    return made


@family
def decompressors_done():
    bzip, lz = bz2.BZ2Decompressor(), lzma.LZMADecompressor()
    bzip.decompress(bz2.compress(b"abc" * 99, 1) + text().encode(), 10)
    lz.decompress(lzma.compress(b"abc" * 99, preset=0) + text().encode(), 10)
    return [bzip, lz]


try:
    import sqlite3
except ImportError:
    pass
else:
    DATABASE = sqlite3.connect(":memory:", check_same_thread=False)
    DATABASE.execute("create table t(a)")
    DATABASE.execute("insert into t values('x')")

    @family
    def sqlite_cursor():
        made = DATABASE.cursor()
        made.row_factory = functools.partial(plain, text())
        made.execute("select * from t where a != '%s'" % text())
        return made

    @family
    def sqlite_row():
        made = DATABASE.cursor()
        made.row_factory = sqlite3.Row
        return list(made.execute("select a as %s from t" % word()))


try:
    import ssl
except ImportError:
    pass
else:

    @family
    def ssl_object():
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        incoming.write(text().encode())
        return [made, made.wrap_bio(incoming, outgoing, server_hostname="a.b")]
