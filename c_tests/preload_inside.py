"""What the preload tests run inside the Python that is tested: preload_inside.py LIBRARY WHAT.

Everything that is printed is compared with the same run without the library, or read by the driver.
"""

import ctypes
import gc
import os
import random
import sys
import threading
import time

LIBRARY = sys.argv[1]
VISIT_TYPE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p)
VISIT_OBJECT = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

if LIBRARY != "-":
    core = ctypes.PyDLL(LIBRARY)
    core.pyrefcore_mark.restype = ctypes.c_uint64
    core.pyrefcore_live_count.restype = ctypes.c_ssize_t
    core.pyrefcore_live_count.argtypes = [ctypes.c_uint64]
    core.pyrefcore_live_types.argtypes = [ctypes.c_uint64, VISIT_TYPE, ctypes.c_void_p]
    core.pyrefcore_live_visit.argtypes = [ctypes.c_uint64, VISIT_OBJECT, ctypes.c_void_p]
    core.pyrefcore_births.restype = core.pyrefcore_deaths.restype = ctypes.c_uint64


def types(since=0):
    """How many objects of each type are alive."""
    found = {}

    def visit(name, objects, _):
        name = name.decode() if name else "?"
        found[name] = found.get(name, 0) + objects
        return 0

    assert core.pyrefcore_live_types(since, VISIT_TYPE(visit), None) == 0
    return found


def addresses(since=0):
    """Where the live objects start."""
    room = (ctypes.c_size_t * (core.pyrefcore_live_count(since) + 100000))()
    used = [0]

    def visit(op, _):
        room[used[0]] = op
        used[0] += 1
        return 0

    assert core.pyrefcore_live_visit(since, VISIT_OBJECT(visit), None) == 0
    return set(room[:used[0]])


def quiet():
    """Lets what is made once be made now."""
    for _ in range(3):
        types(core.pyrefcore_mark())
        gc.collect()


class Thing:
    pass


class Slotted:
    __slots__ = ("a", "__weakref__")


class Text(str):
    pass


def exact():
    """1000 objects of a class are 1000 more, and none when they are gone."""
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
    """A class that nobody else uses is counted to the object."""
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
    """Births and deaths that nobody announces: the eval loop's own and those of resized objects."""
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
    """Whatever dies unannounced leaves nothing behind."""
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
    """Random births and deaths against a plain count of what is kept."""
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
        # A few of each kind belong to whoever counts.
        off = found.get(name, 0) - base.get(name, 0) - labels.count(name)
        print(name, "ok" if abs(off) <= (0 if name in ("Thing", "Slotted", "complex", "bytearray") else 4) else off)


def in_table(what="gc.get_objects()"):
    here = addresses()
    # What was made since the walk is not in it.
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
    """What the table calls a thing of a type is one: the collector knows each object of a Python class."""
    junk = [[Thing(), Slotted()] for _ in range(5000)]
    for place in range(0, 5000, 2):
        junk[place] = None
    work(3000)
    gc.collect()
    by_hand = sum(type(op) is Thing for op in gc.get_objects())
    print(types().get("Thing", 0) == by_hand, by_hand)


def resized():
    """Objects that were moved while they were made are in the table where they are now."""
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
    for op in kept:
        single = type(op) in (str, bytes) and len(op) < 2 or type(op) is int and -6 < op < 257 or op == ()
        if id(op) not in here and not single:
            missing[type(op).__name__] = missing.get(type(op).__name__, 0) + 1
    print("moved out of the table:", missing)
    del here
    found, mine = types(mark), {}
    for op in {id(op): op for op in kept}.values():
        mine[type(op).__name__] = mine.get(type(op).__name__, 0) + 1
    # Ones that are shared or were there before are not born here.
    del op, file, row, text, data
    names = ("tuple", "bytes", "str", "int", "float")
    print("counted:", {name: (found.get(name), mine[name]) for name in names
                       if abs(found.get(name, 0) - mine[name]) > 20 and not found.get(name, 0) < mine[name]})
    kept.clear()
    mine.clear()
    left = types(mark)
    print("left:", {name: left[name] for name in names if left.get(name, 0) > 60})


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


def threads():
    kept = [[] for _ in range(8)]
    mark = core.pyrefcore_mark()

    def run(mine, number):
        for turn in range(400):
            mine.append(Thing())
            Thing(), [Thing()], {turn: Thing()}
            if turn % 40 == 0:
                work(20)
                time.sleep(0)

    running = [threading.Thread(target=run, args=(mine, number)) for number, mine in enumerate(kept)]
    [thread.start() for thread in running]
    [thread.join() for thread in running]
    print(types(mark).get("Thing", 0))
    kept.clear()
    gc.collect()
    print(types(mark).get("Thing", 0))
    in_table()


def fork():
    sys.stdout.flush()
    kept = [Thing() for _ in range(100)]
    child = os.fork()
    if child == 0:
        kept += [Thing() for _ in range(50)]
        good = types().get("Thing", 0) == 150
        del kept[:]
        work(2000)
        os._exit(0 if good and types().get("Thing", 0) == 0 else 1)
    status = os.waitpid(child, 0)[1]
    print("child", status, "parent", types().get("Thing", 0))


def fork_and_leave():
    """A child that ends as a program does, and one that does not."""
    kept = [Thing() for _ in range(10)]
    for leave in (lambda: sys.exit(5), lambda: os._exit(6)):
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            kept += [Thing() for _ in range(20)]
            leave()
        print("child", os.waitpid(child, 0)[1] >> 8)


def subinterpreters():
    try:
        import _xxsubinterpreters as module
    except ImportError:
        import _interpreters as module
    code = "import json, re; x = [json.loads('[1.5, {}]') for _ in range(200)]; re.compile('a(b|c)*').match('abc')"
    for round in range(6):
        ids = [module.create() for _ in range(3)]
        for one in ids:
            module.run_string(one, code)
        for one in ids:
            module.destroy(one)
        if round == 2 and LIBRARY != "-":
            quiet()
            middle = core.pyrefcore_live_count(0)
    if LIBRARY != "-":
        quiet()
        in_table()
        grown = core.pyrefcore_live_count(0) - middle
        print("grown a lot:", grown > int(os.environ.get("PRELOAD_GROWTH", "100000")), file=sys.stderr)
    print("done")


def deep():
    for make in (lambda x: [x], lambda x: (x,), lambda x: {1: x}, lambda x: Holder(x)):
        chain = None
        for _ in range(300000):
            chain = make(chain)
        del chain
    print("gone")


class Holder:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x


def tracemalloc():
    import tracemalloc
    here = os.path.abspath(__file__)

    def lines(op):
        trace = tracemalloc.get_object_traceback(op)
        return trace and [(os.path.basename(frame.filename), frame.lineno) for frame in trace]

    def first(kind):
        return kind()

    def second(kind):
        return kind()

    a, b, c = object(), object(), object()
    number = 3.5
    kinds = {
        "tuple": lambda: (a, b, c), "tuple of a call": lambda: tuple([a, b]), "dict": lambda: {a: b},
        "empty dict": lambda: dict(), "list": lambda: [a, b], "empty list": lambda: list(),
        "float": lambda: number * 2.0, "float of text": lambda: float("3.25"), "bytes": lambda: b"%d" % 7777,
        "str": lambda: "x%s" % a.__class__, "set": lambda: {a}, "frozenset": lambda: frozenset([a]),
        "slice": lambda: slice(a, b), "int": lambda: int("12345678901234567890"), "method": lambda: a.__str__,
        "context": lambda: __import__("contextvars").copy_context(), "lambda": lambda: (lambda: a),
        "generator": lambda: (x for x in ()), "bound": lambda: first.__get__(a), "Thing": lambda: Thing(),
        "cell": lambda: (lambda x: (lambda: x).__closure__[0])(5), "range": lambda: range(5000),
        "memoryview": lambda: memoryview(b"xyz"), "exception": lambda: ValueError("x"), "complex": lambda: 2j * number,
        "deque": lambda: __import__("collections").deque((1, 2)), "iterator": lambda: iter([a]),
    }

    forever = []

    def all_of_them(title):
        print(title, "limit", tracemalloc.get_traceback_limit())
        use_up()
        for name, kind in kinds.items():
            for _ in range(3):
                op = first(kind)
                before = lines(op)
                del op
                op = second(kind)
                print(name, before, lines(op))
                del op

    def use_up():
        # Free lists hold blocks from before the start, which nobody traces: they are used up first.
        held = [[], [], [], [], []]
        for n in range(3000):
            for place, op in enumerate(((a, b, c), (a, n), {a: b}, [a, b], number * n)):
                held[place].append(op)
        forever.append([one[:2500] for one in held])
        del held[:], op

    tracemalloc.start(4)
    all_of_them("started")
    kept = [[object()] for _ in range(50)], [(a, n) for n in range(50)], [{n: a} for n in range(50)]
    kept += ([n * 0.5 for n in range(50)],)
    for one in kept:
        del one[::2]
    kept += ([[n, n] for n in range(30)], [(n, a) for n in range(30)], [dict() for n in range(30)], [n / 7 for n in range(30)])
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, here)])
    for statistic in sorted(snapshot.statistics("lineno"), key=lambda s: s.traceback):
        print(os.path.basename(statistic.traceback[0].filename), statistic.traceback[0].lineno, statistic.size, statistic.count)
    tracemalloc.stop()
    print("stopped", lines(kept[0]), tracemalloc.is_tracing(), tracemalloc.get_traced_memory())
    tracemalloc.start(1)
    print("before the start", lines(kept[0]))
    all_of_them("again")
    tracemalloc.clear_traces()
    all_of_them("cleared")
    tracemalloc.stop()
    tracemalloc.start(65535)
    use_up()

    def down(levels):
        if levels:
            return down(levels - 1)
        return [first(kinds["tuple of a call"]), second(kinds["list"]), first(kinds["float"]), second(kinds["dict"])]

    for op in down(200):
        print("deep", len(lines(op)), lines(op)[-3:])
    for _ in range(5):
        tracemalloc.stop()
        tracemalloc.start(3)
        use_up()
        print(len(lines(first(kinds["dict"]))))
    current, peak = tracemalloc.get_traced_memory()
    print(0 < current <= peak)


def switch():
    """The live table switched on while the interpreter runs."""
    old = [Thing() for _ in range(20)]
    assert core.pyrefcore_watch(1) == 0
    new = [Thing() for _ in range(30)]
    print("born since:", types().get("Thing", 0))
    del old
    print("born since:", types().get("Thing", 0))
    churn()
    del new[:]
    print("left:", types().get("Thing", 0))
    core.pyrefcore_unwatch(1)
    work(100)
    core.pyrefcore_watch(1)
    churn()


def leak():
    kept = [Thing() for _ in range(12345)]
    for op in kept:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(op))


def ref_tracer():
    """Sets a tracer written in C, as any program may, and prints what it heard."""
    helper = ctypes.PyDLL(sys.argv[3])
    helper.heard.restype = ctypes.c_long
    address = ctypes.cast(helper.tracer, ctypes.c_void_p)
    api = ctypes.pythonapi
    api.PyRefTracer_SetTracer.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    api.PyRefTracer_GetTracer.restype = ctypes.c_void_p
    api.PyRefTracer_GetTracer.argtypes = [ctypes.c_void_p]
    data = ctypes.c_void_p()
    work(200)
    gc.collect()
    gc.disable()
    assert api.PyRefTracer_SetTracer(address, 4242) == 0
    work(500)
    sum(len({n: [n]}) for n in range(100))
    same = api.PyRefTracer_GetTracer(ctypes.byref(data)) == address.value
    api.PyRefTracer_SetTracer(None, None)
    heard = [helper.heard(event) for event in (0, 1)]
    work(100)
    print(heard, "later", [helper.heard(event) for event in (0, 1)] == heard, "named", same, data.value,
          "wrong data", helper.heard(3))
    api.PyRefTracer_SetTracer(address, 4242)
    [Thing() for _ in range(1000)]
    api.PyRefTracer_SetTracer(None, None)
    more = [helper.heard(event) for event in (0, 1)]
    print(more[0] - heard[0] >= 1000, more[1] - heard[1] >= 1000)
    print(api.PyRefTracer_GetTracer(None) is None)


if __name__ == "__main__":
    globals()[sys.argv[2]]()
