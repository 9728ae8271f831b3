"""Run inside the tested Python: checks that the table is exact for all kinds of objects and deaths."""

import gc
import os
import random
import sys

from table import core, types, addresses, quiet, Thing, Slotted, Text


def exact():
    """1000 new objects of a class add 1000 to the table, and their deaths remove them again."""
    quiet()
    for kind in (Thing, Slotted, Text, lambda: [None], lambda: {1: 2}, lambda: (quiet,) * 5,
                 lambda: b"x" * (700 + len(kept)), lambda: 1.5 * len(kept), lambda: 10 ** 20 + len(kept), lambda: set("ab"),
                 lambda: (lambda: kept), lambda: bytearray(9), lambda: "x%d" % len(kept)):
        kept = []
        sample = kind()
        name = type(sample).__name__
        del sample
        kept += [None] * 1000
        mark = core.pyrefcore_mark()
        before, total = types(mark).get(name, 0), core.pyrefcore_live_count(0)
        for place in range(1000):
            kept[place] = kind()
        there, there_all = types(mark).get(name, 0), core.pyrefcore_live_count(0)
        for place in range(1000):
            kept[place] = None
        gc.collect()
        after, after_all = types(mark).get(name, 0), core.pyrefcore_live_count(0)
        print(name, 1000 <= there - before <= 1006, abs(after - before) <= 6,
              1000 <= there_all - total <= 3100, abs(after_all - total) <= 30)
        if os.environ.get("PRELOAD_SHOW"):
            print("  ", before, there, after, total, there_all, after_all, file=sys.stderr)


def precise():
    """The count of a class that only this test uses is exact."""
    quiet()
    mark = core.pyrefcore_mark()
    kept = [Thing() for _ in range(1000)]
    first = types(mark).get("Thing", 0)
    del kept[500:]
    second = types(mark).get("Thing", 0)
    later = core.pyrefcore_mark()
    kept += [Thing() for _ in range(7)]
    third = types(later).get("Thing", 0), types(mark).get("Thing", 0)
    del kept
    print(first, second, third, types(mark).get("Thing", 0), types(0).get("Thing", 0))


def work(rounds):
    """Births and deaths that the library does not see: in the eval loop, and those of resized objects."""
    dice = random.Random(rounds)
    total, text, data, row = 0.0, "", b"", ()
    for number in range(rounds):
        total = total * 1.0001 + number * 0.5
        big = (number << 70) + 12345678901234567890
        big += number
        text += chr(97 + number % 26) if number % 50 else ""
        if number % 97 == 0:
            text = ""
        data = data + b"x" if number % 89 else b""
        row += (number,)
        if number % 61 == 0:
            row = ()
        "".join([str(number), "\u20ac"] * dice.randrange(5))
        tuple(x for x in range(number % 40))
        [float(x) for x in range(number % 13)]
        bytes(bytearray(dice.randrange(600)))
        "%s-%r" % (number, big)
        {number: text, text: number}.copy().pop(number)
        list(map(str, range(number % 30))).sort()
        b"".join([data] * 3).decode()
        text.encode().hex().upper()
        int(str(big) * 3)
        iter([number]).__next__()
    return total


def churn():
    """Objects whose death is not seen do not stay in the table."""
    quiet()
    work(3000)
    quiet()
    mark = core.pyrefcore_mark()
    work(20000)
    gc.collect()
    left = types(mark)
    print("left behind:", {name: objects for name, objects in left.items() if objects > 12})
    print("in all:", sum(left.values()) < 100, core.pyrefcore_live_count(mark) < 110)


def model():
    """Compares the table with a plain count of the kept objects, after random births and deaths."""
    dice = random.Random(7)
    kinds = {
        "float": lambda n: n * 0.25 + 0.125,
        "bytes": lambda n: b"ab" * (1 + n % 300),
        "bytearray": lambda n: bytearray(n % 300),
        "list": lambda n: [None] * (n % 30),
        "dict": lambda n: {"a": None, "b": None} if n % 2 else {},
        "set": lambda n: {None},
        "complex": lambda n: complex(n, 1),
        "Thing": lambda n: Thing(),
        "Slotted": lambda n: Slotted(),
    }
    names = sorted(kinds)
    kept = [None] * 4000
    labels = [None] * 4000
    quiet()
    mark = core.pyrefcore_mark()
    base = types(mark)
    for number in range(60000):
        place = dice.randrange(4000)
        name = dice.choice(names)
        kept[place] = kinds[name](number)
        labels[place] = name
        if number % 3 == 0:
            place = dice.randrange(4000)
            kept[place] = labels[place] = None
    gc.collect()
    found = types(mark)
    for name in names:
        # The counting itself uses a few objects of each kind. From 3.15 on each bytearray holds a bytes object.
        inside = labels.count("bytearray") if name == "bytes" and sys.version_info >= (3, 15) else 0
        off = found.get(name, 0) - base.get(name, 0) - labels.count(name) - inside
        print(name, "ok" if abs(off) <= (0 if name in ("Thing", "Slotted", "complex", "bytearray") else 4) else off)


def in_table(what="gc.get_objects()"):
    here = addresses()
    # Objects that are made after this walk are not in it, so there is a second walk.
    objects = [op for op in gc.get_objects() if id(op) not in here]
    here |= addresses()
    missing = {}
    for op in objects:
        if id(op) not in here and not (isinstance(op, type) and not op.__flags__ & (1 << 9)):
            missing[type(op).__name__] = missing.get(type(op).__name__, 0) + 1
    print("%s outside the table:" % what, missing)


def collector():
    import email.mime.text, json, logging, re  # noqa: F401, E401
    re.compile("(a|b)*c").match("abc")
    json.loads('{"a": [1, 2.5, "x"]}')
    in_table()
    held = [Thing() for _ in range(100)]
    print("held:", all(id(op) in addresses() for op in held[::33]))


def phantoms():
    """The table holds no dead objects of a Python class: the collector knows the same number."""
    junk = [[Thing(), Slotted()] for _ in range(5000)]
    for place in range(0, 5000, 2):
        junk[place] = None
    work(3000)
    gc.collect()
    by_hand = sum(type(op) is Thing for op in gc.get_objects())
    print(types().get("Thing", 0) == by_hand, by_hand)


def resized():
    """The table has the final address of an object that realloc moved while it was made."""
    import io
    import tempfile
    kept = []
    "".encode("utf-16")
    quiet()
    file = tempfile.TemporaryFile()
    mark = core.pyrefcore_mark()
    with file:
        file.write(bytes(300000))
        for number in range(1500):
            row, text, data = (), "", b""
            for step in range(number % 40):
                row += (kept,)
                text += "\u20ac%d" % number
                data += b"%d" % number
            kept += [row, text, data, tuple(iter([kept] * (number % 70))), tuple(x for x in [kept] * (number % 70))]
            kept += ["".join(iter(["x%d" % number] * (number % 9))), bytes(iter(b"abc" * number)), b"%d" % number * 30]
            kept += [int("7" * (20 + number % 300)), (7 ** (number % 200)) >> 20, str(number).zfill(number % 300)]
            file.seek(number * 50)
            kept += [file.read(1 + number * 10), io.BytesIO(data).read(), text.encode("utf-16"), text.encode().decode()]
            kept += [float(number), [kept] * number, list(iter([kept] * (number % 50))), text.translate({50: "yes", 51: None})]
    here = addresses()
    missing = {}
    small = 1025 if sys.version_info >= (3, 15) else 257  # the end of the static ints
    for op in kept:
        single = type(op) in (str, bytes) and len(op) < 2 or type(op) is int and -6 < op < small or op == ()
        if id(op) not in here and not single:
            missing[type(op).__name__] = missing.get(type(op).__name__, 0) + 1
    print("moved out of the table:", missing)
    del here
    found, mine = types(mark), {}
    for op in {id(op): op for op in kept}.values():
        mine[type(op).__name__] = mine.get(type(op).__name__, 0) + 1
    # Shared and older objects are not born here.
    del op, file, row, text, data
    names = ("tuple", "bytes", "str", "int", "float")
    print("counted:", {name: (found.get(name), mine[name]) for name in names
                       if abs(found.get(name, 0) - mine[name]) > 20 and not found.get(name, 0) < mine[name]})
    kept.clear()
    mine.clear()
    left = types(mark)
    print("left:", {name: left[name] for name in names if left.get(name, 0) > 60})


def reborn():
    """An object that resurrects itself once has two births and two deaths."""
    saved = []

    class Phoenix:
        def __del__(self):
            saved.append(self)

    core.pyrefcore_watch(4)
    births, deaths = core.pyrefcore_births(), core.pyrefcore_deaths()
    # The eval loop ends some objects itself, which is not seen. The release of a list's items is seen.
    made = [Phoenix() for _ in range(20000)]
    made.clear()
    saved.clear()
    births, deaths = core.pyrefcore_births() - births, core.pyrefcore_deaths() - deaths
    print("twice born:", births >= 40000, "as often dead:", deaths >= 40000)


def resurrect():
    saved = []

    class Phoenix:
        def __del__(self):
            if len(saved) < 50:
                saved.append(self)

    mark = core.pyrefcore_mark()
    for _ in range(80):
        Phoenix()
    print("saved", len(saved), "alive", types(mark).get("Phoenix", 0))
    saved.clear()
    gc.collect()
    print("alive", types(mark).get("Phoenix", 0))

    class Cycle:
        def __del__(self):
            saved.append(self)

    for _ in range(30):
        cycle = Cycle()
        cycle.me = cycle
    del cycle
    gc.collect()
    print("saved", len(saved), "alive", types(mark).get("Cycle", 0))
    for op in saved:
        op.me = None
    del op
    saved.clear()
    gc.collect()
    print("alive", types(mark).get("Cycle", 0))
